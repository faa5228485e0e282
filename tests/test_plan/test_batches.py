"""Random batches have the size and the classes of the config."""

import pytest
import torch
from mmengine.config import Config

from mmkd_logit.plan.batches import (
    give_random_weights,
    size_of_pipeline,
    training_batch,
)


@pytest.mark.parametrize(
    'pipeline, size',
    [
        ([dict(type='Resize', scale=(1333, 800))], (800, 1333)),
        ([dict(type='RandomResizedCrop', scale=224)], (224, 224)),
        (
            [
                dict(type='RandomResize', scale=(2048, 1024)),
                dict(type='RandomCrop', crop_size=(512, 768)),
            ],
            (512, 768),
        ),
        ([dict(type='RandomChoiceResize', scales=[(1333, 640)])], None),
    ],
)
def test_size_of_a_pipeline(pipeline, size):
    inner = dict(type='CocoDataset', pipeline=pipeline)
    for dataset in (inner, dict(type='RepeatDataset', dataset=inner)):
        config = Config(dict(train_dataloader=dict(dataset=dataset)))
        assert size_of_pipeline(config) == size


@pytest.mark.parametrize(
    'toolbox, config',
    [
        ('mmdet', 'mmdet::retinanet/retinanet_r18_fpn_1x_coco.py'),
        ('mmpretrain', 'mmpretrain::resnet/resnet18_8xb32_in1k.py'),
        ('mmseg', 'mmseg::fcn/fcn_r18-d8_4xb2-80k_cityscapes-512x1024.py'),
    ],
)
def test_random_batches_train_a_stock_student(toolbox, config):
    pytest.importorskip(toolbox)
    from mmengine.registry import DefaultScope

    from mmkd_logit.distillers.build import build_model
    from mmkd_logit.launch import load_config

    cfg = load_config(config)
    cfg.train_dataloader.batch_size = 2
    cfg.model.backbone.base_channels = 8
    for part in ('neck', 'head', 'decode_head', 'auxiliary_head'):
        channels = (cfg.model.get(part) or {}).get('in_channels')
        if isinstance(channels, int):
            cfg.model[part].in_channels = channels // 8
        elif channels:
            cfg.model[part].in_channels = [c // 8 for c in channels]
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        student = build_model(cfg.model, 'student').eval()
        batch, origin = training_batch(cfg, student, image_size=64)
        data = student.data_preprocessor(batch, training=True)
        losses = student(**data, mode='loss')
    assert '2 random images of 64 x 64' in origin
    total = sum(v if torch.is_tensor(v) else sum(v) for v in losses.values())
    assert total.isfinite()


def test_the_reason_for_random_images_is_said():
    pytest.importorskip('mmdet')
    from mmkd_logit.distillers.build import build_model
    from mmkd_logit.launch import load_config
    from tests.toy_detectors import detector_cfg

    cfg = load_config('mmdet::retinanet/retinanet_r18_fpn_1x_coco.py')
    cfg.train_dataloader.dataset.data_root = '/nowhere/coco/'
    from mmengine.config import ConfigDict
    from mmengine.registry import DefaultScope

    with DefaultScope.overwrite_default_scope('mmdet'):
        student = build_model(ConfigDict(detector_cfg('retina')), 'student')
        batch, origin = training_batch(cfg, student)
    assert '800 x 1333' in origin and 'train_dataloader finds no' in origin
    assert len(batch['inputs']) == 2


def test_every_teacher_gets_weights_of_its_own(tmp_path):
    from tests.toys import ToyModel

    toys = [dict(type='mmkd_logit.ToyModel', num_classes=n) for n in (3, 4)]
    model = dict(teacher=[toys[0], 'ema', toys[1]])
    give_random_weights(model, str(tmp_path))
    first, second, third = model['teacher_ckpt']
    assert second is None  # an average begins with the student's
    ToyModel(3).load_state_dict(torch.load(first, weights_only=True))
    ToyModel(4).load_state_dict(torch.load(third, weights_only=True))
    model = dict(teacher=toys[0])
    give_random_weights(model, str(tmp_path))
    ToyModel(3).load_state_dict(
        torch.load(model['teacher_ckpt'], weights_only=True)
    )
