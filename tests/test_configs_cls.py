"""Every classification config: it loads, and each pair makes a step."""

from pathlib import Path

import pytest
import torch

pytest.importorskip('mmpretrain')

from mmengine.registry import DefaultScope  # noqa: E402

from mmkd_logit.launch import load_config  # noqa: E402
from mmkd_logit.models import cifar_classifier  # noqa: E402
from mmkd_logit.models.cifar_zoo import CIFAR_NETWORKS  # noqa: E402
from mmkd_logit.registry import HOOKS, MODELS  # noqa: E402
from tests.config_files import CONFIGS, quick_bases  # noqa: E402, F401
from tests.toy_classifiers import images, samples  # noqa: E402

METHODS = (
    'kd dkd nkd sd_kd sd_dkd sd_nkd gdkd gdkd3 topkd ldrld ls_kd ls_dkd'
).split()
PAIRS = """
    resnet56_resnet20 resnet110_resnet32 resnet32x4_resnet8x4
    wrn_40_2_wrn_16_2 wrn_40_2_wrn_40_1 vgg13_vgg8 resnet32x4_shufflenetv1
    resnet32x4_shufflenetv2 wrn_40_2_shufflenetv1 vgg13_mobilenetv2
    resnet50_mobilenetv2 resnet32x4_mobilenetv2 resnet32x4_vgg8
    vgg13_wrn_16_2 vgg13_shufflenetv1 resnet50_shufflenetv1 resnet50_vgg8
    wrn_40_2_vgg8 wrn_40_2_mobilenetv2 resnet110_resnet20
    resnet32x4_wrn_16_2 resnet32x4_wrn_40_2 wrn_40_2_resnet8x4
""".split()
CUB_PAIRS = """
    resnet32x4_mobilenetv2 resnet32x4_shufflenetv1 vgg13_mobilenetv2
    vgg13_vgg8 resnet50_shufflenetv1
""".split()
#: Settings of augmentations.
VALUES = ('magnitude', 'angle', 'bits', 'thr')
#: Methods of each data set.
COUNTS = {'imagenet': 15, 'tiny-imagenet': 6, 'cub': 4}
TEACHERS = 'resnet56 resnet110 resnet32x4 wrn_40_2 vgg13 resnet50'.split()
PUBLISHED = {
    name.lower().replace('shufflev', 'shufflenetv'): name
    for name in CIFAR_NETWORKS
}
OTHERS = sorted(
    str(path.relative_to(CONFIGS))
    for folder in ('baseline', '_base_/pairs')
    for pattern in ('classifier_*', 'deit_*', 'vit_*', 'cifar_*_cub.py')
    for path in CONFIGS.glob(f'{folder}/{pattern}')
) + ['sd_dkd/classifier_r50_mv3_folders.py']


def split(pair):
    teacher = next(t for t in TEACHERS if pair.startswith(t + '_'))
    return teacher, pair[len(teacher) + 1 :]


def pair_config(method, teacher, student, dataset='cifar100', kind='cifar'):
    return load_config(
        str(CONFIGS / f'{method}/{kind}_{teacher}_{student}_{dataset}.py')
    )


def build(model, seed=0):
    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MODELS.build(model)


def with_names(cfg):
    """Types without the scope, which configs need not repeat."""
    if isinstance(cfg, dict):
        return {
            key: with_names(value)
            for key, value in cfg.items()
            if key not in ('data_preprocessor', '_scope_')
            and (key, value) != ('init_cfg', None)
        }
    return cfg.rpartition('.')[2] if isinstance(cfg, str) else cfg


@pytest.mark.parametrize(
    'path',
    sorted(CONFIGS.glob('baseline/cifar_*_cifar100.py')),
    ids=lambda path: path.stem,
)
def test_baselines_are_the_published_networks(path):
    config = load_config(str(path))
    name = PUBLISHED[path.stem[len('cifar_') : -len('_cifar100')]]
    ours, expected = (
        with_names(config.model),
        with_names(cifar_classifier(name)),
    )
    normal = dict(type='Normal', layer='Linear', std=0.01)
    if CIFAR_NETWORKS[name].head_init == normal:
        del expected['head']['init_cfg']  # the head's own default
    elif CIFAR_NETWORKS[name].head_init is None:
        assert config.model.head.init_cfg is None
    assert ours == expected
    slow = any(word in name for word in ('Mobile', 'Shuffle'))
    assert config.optim_wrapper.optimizer.lr == (0.01 if slow else 0.05)
    assert config.param_scheduler.milestones == [150, 180, 210]
    assert config.train_dataloader.batch_size == 64


def returning(maps):
    """A forward that hands out known maps, so that 12 methods share one."""
    return lambda _: maps


def teacher_of(config):
    """The untrained teacher that a config names."""
    from mmengine.hub import get_config

    name = config.model.teacher
    read = get_config if '::' in name else load_config
    teacher = build(read(name).model, 1)
    return teacher.eval().requires_grad_(False)


def make_steps(configs, x, data):
    """One forward and backward of each (method, config) of one pair."""
    student = None
    for method, config in configs:
        if student is None:
            student, teacher = build(config.model.student), teacher_of(config)
            teacher.backbone.forward = returning(teacher.backbone(x))
            # the chain rule is cut at the map: here all methods meet ...
            maps = student.backbone(x)
            cut = maps[-1].detach().requires_grad_()
            student.backbone.forward = returning((cut,))
        if method == 'wkd':  # its costs come from a file
            classes = student.head.num_classes
            costs = 0.3 * (1 - torch.eye(classes))
            config.model.distill.loss_kd.loss.cost = costs
        distiller = build({**config.model, 'student': student})
        distiller.teacher.model = teacher
        losses = distiller(x, data, mode='loss')
        before = 0 if cut.grad is None else cut.grad.clone()
        student.head.zero_grad()
        terms = [name for name in losses if name.startswith('loss_kd')]
        total = sum(losses[name] for name in terms)
        total.backward()
        step = cut.grad - before
        assert total > 0 or method == 'topkd', method
        for grad in (step, student.head.fc.weight.grad):
            assert grad.isfinite().all() and grad.abs().sum() > 0, method
    # ... and together run down to the first layer
    maps[-1].backward(cut.grad)
    first = next(student.backbone.parameters()).grad
    assert first.isfinite().all() and first.abs().sum() > 0


@pytest.mark.parametrize('pair', PAIRS)
def test_every_method_makes_a_step_with_every_pair(pair):
    configs = [
        (path.parent.name, load_config(str(path)))
        for path in sorted(CONFIGS.glob(f'*/cifar_{pair}_cifar100*.py'))
    ]
    assert {method for method, _ in configs} >= set(METHODS)
    make_steps(configs, images(2, 32), samples([3, 98]))


@pytest.mark.parametrize('pair', CUB_PAIRS)
def test_every_method_of_cub_makes_a_step(pair):
    configs = [
        (m, pair_config(m, *split(pair), dataset='cub')) for m in METHODS[:6]
    ]
    make_steps(configs, images(2, 64), samples([3, 198]))


@pytest.mark.parametrize('dataset', COUNTS)
@pytest.mark.parametrize('pair', [('r34', 'r18'), ('r50', 'mv1')])
def test_every_method_of_imagenet_makes_a_step(pair, dataset):
    configs = [
        (
            path.parent.name,
            pair_config(path.parent.name, *pair, dataset, 'classifier'),
        )
        for path in CONFIGS.glob(f'*/classifier_{"_".join(pair)}_{dataset}.py')
    ]
    assert len(configs) == COUNTS[dataset]
    make_steps(configs, images(2, 64), samples([3, 98]))


def test_every_method_of_deit_makes_a_step_on_mixed_images():
    paths = sorted(CONFIGS.glob('*kd*/deit_*_imagenet.py'))
    paths = [path for path in paths if 'deit3' not in path.stem]
    assert len(paths) == 6
    student = None
    scores = torch.zeros(2, 1000)
    scores[0, [3, 98]] = torch.tensor([0.3, 0.7])
    scores[1, 5] = 1.0
    x, data = images(2, 224), samples([0, 0], scores)
    for path in paths:
        config = load_config(str(path))
        if student is None:
            student, teacher = build(config.model.student), teacher_of(config)
            teacher.backbone.forward = returning(teacher.backbone(x))
        distiller = build({**config.model, 'student': student})
        distiller.teacher.model = teacher
        student.zero_grad()
        # an untrained ViT head is zero, which gives its layers no gradient
        torch.nn.init.normal_(student.head.layers.head.weight, std=0.1)
        torch.nn.init.normal_(teacher.head.layers.head.weight, std=0.1)
        distiller(x, data, mode='loss')['loss_kd'].backward()
        first = student.backbone.patch_embed.projection.weight.grad
        assert first.isfinite().all() and first.abs().sum() > 0, path


@pytest.mark.parametrize('method', METHODS)
def test_hooks_and_settings_of_methods(method):
    config = pair_config(method, 'vgg13', 'mobilenetv2')
    warm = method in 'dkd nkd sd_dkd sd_nkd gdkd gdkd3 ls_dkd'.split()
    hooks = config.get('custom_hooks', [])
    assert hooks == (
        [dict(type='mmkd_logit.KDWarmupHook', end=20, by_epoch=True)]
        if warm
        else []
    )
    for hook in hooks:
        HOOKS.build(hook)
    ce = config.model.student.head.loss.loss_weight
    assert ce == (0.1 if method in ('kd', 'sd_kd', 'ls_kd') else 1.0)
    clips = 'clip_grad' in config.optim_wrapper
    assert clips == method.startswith('sd_')
    term = config.model.distill.loss_kd
    if method.startswith('sd_'):
        assert tuple(term.logits.scales) == (1, 2, 4)
    teacher = CONFIGS / 'baseline' / 'cifar_vgg13_cifar100.py'
    assert Path(config.model.teacher).resolve() == teacher
    # tools/train.py names it after method and file
    assert 'work_dir' not in config


def test_settings_follow_the_pair():
    def loss(*args):
        return pair_config(*args).model.distill.loss_kd.loss

    assert loss('dkd', 'resnet56', 'resnet20').beta == 2.0
    assert loss('dkd', 'wrn_40_2', 'wrn_16_2').beta == 6.0
    assert loss('gdkd', 'resnet32x4', 'resnet8x4').w1 == 2.0
    assert loss('ls_kd', 'resnet110', 'resnet20').loss_weight == 12.0
    assert loss('ls_dkd', 'resnet56', 'resnet20').tau == 3.0
    # a pair that no paper has takes the default
    assert loss('gdkd', 'vgg13', 'shufflenetv1').w2 == 8.0
    config = pair_config('sd_dkd', 'wrn_40_2', 'wrn_16_2')
    assert tuple(config.model.distill.loss_kd.logits.scales) == (1, 2)
    config = pair_config('sd_dkd', 'r50', 'mv1', 'imagenet', 'classifier')
    assert config.model.distill.loss_kd.loss.beta == 2.0
    assert tuple(config.model.distill.loss_kd.logits.scales) == (1, 2, 4)


def test_settings_of_the_repositories_that_run_another_s_method():
    def term(name):
        return load_config(str(CONFIGS / f'{name}.py')).model.distill.loss_kd

    loss = term('sd_nkd/cifar_vgg13_vgg8_cifar100_sdd').loss
    assert (loss.tau, loss.gamma) == (4.0, 6.0)
    assert loss.nontarget_includes_target
    loss = term('nkd/classifier_r34_r18_imagenet_sdd').loss
    assert (loss.tau, loss.gamma) == (1.0, 1.5)
    assert loss.nontarget_includes_target
    assert 'nontarget_includes_target' not in (
        term('nkd/cifar_vgg13_vgg8_cifar100').loss
    )
    for teacher in ('resnet50', 'wrn_40_2'):  # SD-NKD alone has two scales
        name = f'cifar_{teacher}_vgg8_cifar100'
        assert tuple(term(f'sd_nkd/{name}_sdd').logits.scales) == (1, 2)
        assert tuple(term(f'sd_dkd/{name}').logits.scales) == (1, 2, 4)
    loss = term('nkd/classifier_r34_r18_cifar100').loss
    assert (loss.tau, loss.gamma) == (3.0, 3.5)
    loss = term('ls_dkd/classifier_r50_mv1_imagenet').loss
    assert (loss.tau, loss.loss_weight, loss.beta) == (2.0, 9.0, 2.0)


def test_augmented_teachers_have_the_published_policy():
    """Torchvision's table of the same policy is the referee."""
    from mmpretrain.registry import TRANSFORMS
    from torchvision.transforms import AutoAugment, AutoAugmentPolicy

    path = CONFIGS / 'baseline/cifar_vgg13_cifar100_aug.py'
    config = load_config(str(path))
    plain = load_config(str(CONFIGS / 'baseline/cifar_vgg13_cifar100.py'))
    assert config.model == plain.model
    assert set(config) == set(plain)
    pipeline = config.train_dataloader.dataset.pipeline
    referee = AutoAugment(AutoAugmentPolicy.CIFAR10)
    space = referee._augmentation_space(10, (32, 32))
    names = dict(ColorTransform='Color', Posterize='Posterize')
    for ours, theirs in zip(pipeline[2].policies, referee.policies):
        for step, (name, prob, level) in zip(ours, theirs):
            kind = names.get(step.type, step.type)
            assert name.startswith(kind) and step.prob == prob
            if step.get('direction'):
                axis = dict(horizontal='X', vertical='Y')[step.direction]
                assert name == kind + axis
            value = [step[k] for k in step if k in VALUES]
            assert bool(value) == (level is not None)
            if value:
                expected = space[name][0][level].item()
                if kind == 'Translate':  # pixels of 32
                    expected /= 32
                assert value[0] == pytest.approx(expected, abs=1e-5), name
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        steps = [TRANSFORMS.build(step) for step in pipeline]
    image = torch.arange(32 * 32 * 3) % 256
    data = dict(img=image.view(32, 32, 3).byte().numpy(), gt_label=1)
    data['img_shape'] = data['ori_shape'] = (32, 32)
    for step in steps:
        data = step(data)
    assert data['inputs'].shape == (3, 32, 32)


def test_learning_rate_of_ldrld():
    """As the authors' code sets it, the branch that is missing included."""
    from mmengine.optim import build_optim_wrapper
    from mmengine.registry import PARAM_SCHEDULERS

    config = pair_config('ldrld', 'resnet32x4', 'resnet8x4')
    optim = build_optim_wrapper(torch.nn.Linear(1, 1), config.optim_wrapper)
    schedulers = [
        PARAM_SCHEDULERS.build(
            cfg, default_args=dict(optimizer=optim.optimizer)
        )
        for cfg in config.param_scheduler
    ]
    for epoch in range(1, 241):
        expected = 0.05 * min(epoch, 19) / 20
        if epoch > 150:
            expected = 0.05 * 0.1 ** sum(epoch > e for e in (150, 180, 210))
        assert optim.get_lr()['lr'] == [pytest.approx(expected)], epoch
        for scheduler in schedulers:
            scheduler.step()


def test_options_of_the_ablations():
    """Commands of configs/sdd/README.md."""
    path = str(CONFIGS / 'sd_kd/cifar_resnet32x4_resnet8x4_cifar100.py')
    logits = 'model.distill.loss_kd.logits'
    config = load_config(path, {f'{logits}.consistent_weight': 0})
    reader = build(config.model).terms['loss_kd'].reader
    assert (reader.consistent_weight, reader.complementary_weight) == (0, 2)
    config = load_config(path, {f'{logits}.scales': (1, 4)})
    assert build(config.model).terms['loss_kd'].reader.scales == (1, 4)
    path = str(CONFIGS / 'sd_dkd/cifar_resnet32x4_resnet8x4_cifar100.py')
    config = load_config(path, {'custom_hooks.0.end': 30})
    hook = HOOKS.build(config.custom_hooks[0])
    assert type(hook).__name__ == 'KDWarmupHook' and hook.end == 30


def test_unknown_networks_are_named():
    with pytest.raises(FileNotFoundError, match='cifar_vgg13_resnet9_cif'):
        pair_config('dkd', 'vgg13', 'resnet9')


@pytest.mark.parametrize('path', OTHERS)
def test_other_configs_build_their_student(path):
    config = load_config(str(CONFIGS / path))
    student = build(config.model.get('student', config.model))
    classes = student.head.num_classes
    assert config.data_preprocessor.num_classes == classes
    if path.startswith('baseline'):
        return
    teacher = config.model.teacher
    if teacher.startswith('/'):
        theirs = load_config(teacher)
        assert theirs.model.head.num_classes == classes
    elif '::' in teacher:
        from mmengine.hub import get_config

        assert get_config(teacher).model.head.num_classes == classes
