"""Configs of methods that have settings for few pairs."""

import pytest
import torch

from mmkd_logit.launch import load_config
from tests.config_files import CONFIGS, quick_bases  # noqa: F401


def load(method, name):
    return load_config(str(CONFIGS / method / f'{name}.py'))


def test_channel_rows_of_a_config_make_a_step():
    pytest.importorskip('mmseg')
    from tests.test_configs_seg import MODELS, DefaultScope, copy, models
    from tests.toy_segmentors import label_samples

    pair = 'deeplabv3_r101_r18'
    student, teacher = models(pair)
    model = load('cwd', f'{pair}_cityscapes').model
    model = copy.deepcopy({**model, 'student': None})
    with DefaultScope.overwrite_default_scope('mmseg'):
        distiller = MODELS.build({**model, 'student': student})
    distiller.teacher.model = teacher
    labels = torch.randint(19, (1, 32, 64))
    labels[:, :9] = 255
    inputs = torch.randn(1, 3, 32, 64)
    losses = distiller(inputs, label_samples(labels), mode='loss')
    terms = {k: v for k, v in losses.items() if 'loss_kd' in k}
    assert len(terms) == 2  # the auxiliary head's too
    student.zero_grad()
    sum(terms.values()).backward()
    grad = student.decode_head.conv_seg.weight.grad
    assert grad.isfinite().all() and grad.any()


@pytest.mark.parametrize(
    'name, channels',
    [('faster_rcnn_r101_r18', 81), ('retinanet_r101_r50', 80)],
)
def test_the_sigmoid_of_a_head_is_known_to_dist(name, channels):
    pytest.importorskip('mmdet')
    from tests.test_configs_det import build

    term = build(load('dist', f'{name}_coco').model).terms['loss_kd']
    assert term.loss.use_sigmoid is (channels == 80)
    assert term.facts.channels == channels
    assert term.loss.loss_weight == term.loss.tau == 1.0


def test_settings_of_the_authors():
    def loss(method, name):
        return load(method, name).model.distill.loss_kd.loss

    cifar = 'cifar_resnet56_resnet20_cifar100'
    assert (loss('dist', cifar).tau, loss('dist', cifar).loss_weight) == (4, 2)
    rld = loss('rld', cifar)
    assert (rld.tau, rld.tau_alpha, rld.alpha, rld.beta) == (4, 4, 1, 8)
    abkd = loss('abkd', cifar)
    assert (abkd.alpha, abkd.beta, abkd.loss_weight) == (0.8, 0.3, 32)
    ttm = loss('wttm', 'cifar_wrn_40_2_wrn_40_1_cifar100_ttm')
    assert (ttm.gamma, ttm.weighted, ttm.loss_weight) == (0.1, False, 76)
    for pair, beta in (('r34_r18', 0.5), ('r50_mv1', 2.0)):
        imagenet = f'classifier_{pair}_imagenet'
        assert loss('rld', imagenet).beta == beta
        assert loss('wsld', imagenet).loss_weight == 2.5
        for method in ('dist', 'wsld'):
            config = load(method, imagenet)
            assert config.auto_scale_lr.base_batch_size == 256
            assert config.optim_wrapper.optimizer.lr == 0.1
            assert config.train_dataloader.batch_size == 32
        assert load('rld', imagenet).auto_scale_lr.base_batch_size == 512
