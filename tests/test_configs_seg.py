"""Every segmentation config: it loads, and student and teacher fit."""

import copy
from contextlib import contextmanager
from functools import lru_cache

import pytest
import torch

pytest.importorskip('mmseg')

from mmengine.registry import DefaultScope

from mmkd_logit.distillers.match_classes import match_classes
from mmkd_logit.distillers.teacher_config import read_model_config
from mmkd_logit.launch import load_config
from mmkd_logit.registry import MODELS
from tests.config_files import CONFIGS, quick_bases  # noqa: F401
from tests.toy_segmentors import label_samples

PAIRS = {
    'deeplabv3_r101_r18': 'deeplabv3_r18',
    'deeplabv3_r101_pspnet-r18': 'pspnet_r18',
    'deeplabv3_r101_mv2': 'deeplabv3_mv2',
    'deeplabv3_r101_pspnet-mv2': 'pspnet_mv2',
    'segformer_b2_b0': 'segformer_b0',
}
METHODS = (
    'kd dkd gdkd sd_dkd nkd gdkd3 ls_kd ls_dkd topkd ldrld sd_kd sd_nkd'
).split()


def path(folder, name):
    return str(CONFIGS / folder / f'{name}_cityscapes.py')


@lru_cache(maxsize=None)
def load(folder, name):
    return load_config(path(folder, name))


def build(model):
    with DefaultScope.overwrite_default_scope('mmseg'), no_init_weights():
        return MODELS.build(copy.deepcopy(model))


@contextmanager
def no_init_weights():
    """Leave out the random numbers of fresh layers, which cost seconds."""
    names = ('kaiming_uniform_', 'uniform_', 'normal_', 'kaiming_normal_')
    before = {name: getattr(torch.nn.init, name) for name in names}
    for name in names:
        setattr(torch.nn.init, name, lambda tensor, *_, **__: tensor)
    try:
        yield
    finally:
        for name, function in before.items():
            setattr(torch.nn.init, name, function)


def noise(module, inputs):
    """Features that differ from pixel to pixel."""
    return (torch.randn_like(inputs[0]),)


@lru_cache(maxsize=None)
def models(pair):
    """Student and teacher of a pair, the teacher's weights made here."""
    student = build(load('baseline', PAIRS[pair]).model)
    teacher = read_model_config(load('_base_/pairs', pair).model.teacher)
    assert teacher.weights.startswith('https://'), 'known for auto'
    assert len(teacher.classes) == 19
    teacher = build(teacher.model).eval().requires_grad_(False)
    for model in (student, teacher):
        for layer in model.modules():
            if isinstance(layer, torch.nn.SyncBatchNorm):
                layer.eval()  # trains on GPUs only
        # only the last layers learn here, from what may be anything finite
        for name, parameter in model.named_parameters():
            if 'conv_seg' in name:
                torch.nn.init.normal_(parameter, std=0.5)
            else:
                torch.nn.init.constant_(parameter, 1e-3)
                parameter.requires_grad_(False)
        for name, module in model.named_modules():
            if name.endswith('conv_seg'):
                module.register_forward_pre_hook(noise)
    return student, teacher


@pytest.mark.parametrize('pair', PAIRS)
def test_the_student_is_the_baseline_s(pair):
    baseline = load('baseline', PAIRS[pair])
    for method in METHODS:
        config = load(method, pair)
        assert config.model.student == baseline.model
        for key in baseline:
            if key not in ('model', 'param_scheduler'):
                assert config[key] == baseline[key], key
    assert baseline.auto_scale_lr.base_batch_size == 8
    assert baseline.train_dataloader.batch_size == 2
    crop = baseline.train_dataloader.dataset.pipeline[3]
    assert tuple(crop.crop_size) == (512, 1024)
    assert tuple(baseline.model.data_preprocessor.size) == (512, 1024)


def distiller_of(config, pair):
    student, teacher = models(pair)
    model = copy.deepcopy({**config.model, 'student': None})
    with DefaultScope.overwrite_default_scope('mmseg'):
        distiller = MODELS.build({**model, 'student': student})
    distiller.teacher.model = teacher
    for term in distiller.terms.values():
        term.reader.check(student, teacher)
        ours, theirs = (term.reader.facts(m) for m in (student, teacher))
        assert ours.num_classes == 19 and not ours.use_sigmoid
        match_classes(ours, theirs, None, None, None)
    return distiller


@pytest.mark.parametrize('pair', PAIRS)
def test_every_method_makes_a_step(pair):
    student, teacher = models(pair)
    inputs = torch.randn(1, 3, 32, 64)
    labels = torch.randint(19, (1, 32, 64))
    labels[:, :9] = 255
    samples = label_samples(labels)
    for model in (student, teacher):
        # as constant as its weights, and so computed only once
        maps = [torch.zeros_like(maps) for maps in model.backbone(inputs)]
        model.backbone.forward = lambda _, maps=maps: list(maps)
    try:
        files = CONFIGS.glob(f'*/{pair}_cityscapes.py')
        methods = sorted(path.parent.name for path in files)
        assert set(methods) >= set(METHODS)
        for method in methods:
            distiller = distiller_of(load(method, pair), pair)
            losses = distiller(inputs, samples, mode='loss')
            terms = {k: v for k, v in losses.items() if 'loss_kd' in k}
            reader = distiller.terms['loss_kd'].reader
            heads = 1 + (reader.auxiliary_weight > 0)
            assert len(terms) == heads * len(reader.windows), method
            student.zero_grad()
            sum(terms.values()).backward()
            grad = student.decode_head.conv_seg.weight.grad
            assert grad.isfinite().all() and grad.any(), method
            if method != 'topkd':
                assert all(value > 0 for value in terms.values()), method
    finally:
        for model in (student, teacher):
            del model.backbone.forward


def test_settings_of_the_methods():
    def term(method, pair='deeplabv3_r101_r18'):
        return load(method, pair).model.distill.loss_kd

    assert term('kd').loss.tau == 1.0 and term('kd').logits.ignored
    assert (term('dkd').loss.alpha, term('dkd').loss.beta) == (1.0, 2.0)
    loss = term('gdkd').loss
    assert (loss.k, loss.w0, loss.w1, loss.w2) == (3, 1.0, 1.0, 2.0)
    # the weight of the student's own auxiliary loss; MobileNetV2's is alone
    for method in METHODS:
        assert term(method).logits.auxiliary_weight == 0.4
        logits = term(method, 'deeplabv3_r101_mv2').get('logits', {})
        assert 'auxiliary_weight' not in logits
    for pair in PAIRS:
        alike = pair in ('deeplabv3_r101_r18', 'segformer_b2_b0')
        for method in ('sd_kd', 'sd_dkd', 'sd_nkd'):
            windows = term(method, pair).logits.windows
            assert tuple(windows) == ((1, 2) if alike else (1, 2, 4))


@pytest.mark.parametrize('method', ['kd', 'dkd'])
def test_a_mask2former_teaches_a_segformer(method):
    pytest.importorskip('mmdet')  # whose layers Mask2Former needs
    config = load(method, 'segformer_mask2former-r101_b0')
    teacher = read_model_config(config.model.teacher)
    assert teacher.weights.startswith('https://')
    distiller, teacher = build(config.model), build(teacher.model)
    reader = distiller.terms['loss_kd'].reader
    reader.check(distiller.student, teacher)
    ours, theirs = (reader.facts(m) for m in (distiller.student, teacher))
    assert ours == theirs and ours.channels == 19
