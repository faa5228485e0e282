"""Runs with the guard hook: what it compares with each reader's facts."""

from typing import Any

import pytest
import torch

pytest.importorskip('mmdet')

from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import Runner

from tests.toy_detectors import build_detector, detection_batch, detector_cfg
from tests.toy_rcnn import rcnn_cfg
from tests.toys import runner_config

NAMES = ('cat', 'dog', 'horse')


@DATASETS.register_module(force=True)
class ToyBoxes(torch.utils.data.Dataset):
    """Batches of one toy detector; ``metainfo`` as a real dataset has it."""

    def __init__(self, model: dict, classes: Any = NAMES) -> None:
        detector = build_detector(model)
        self.metainfo = dict(classes=classes)
        inputs, samples = detection_batch(
            detector, [2, 1], with_mask='Mask' in model['type']
        )
        self.items = [
            dict(inputs=image, data_samples=sample)
            for image, sample in zip(inputs, samples)
        ]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict:
        return self.items[index]


MASKS = dict(
    logits=dict(type='mmkd_logit.MaskLogits'),
    loss=dict(type='mmkd_logit.KDLoss', tau=1.0),
)
BOXES = dict(
    logits=dict(type='mmkd_logit.GFLBoxLogits'),
    loss=dict(type='mmkd_logit.KDLoss', tau=4.0),
)
CLASSES = dict(loss=dict(type='mmkd_logit.KDLoss', tau=1.0))


def run(tmp_path, cfg, terms, classes=NAMES, teacher_classes=NAMES, **kwargs):
    """Two iterations of ``tools/train.py``'s runner with its hook."""
    path = tmp_path / 'teacher.pth'
    meta = dict(dataset_meta=dict(classes=teacher_classes))
    teacher = kwargs.pop('teacher', cfg)
    state = build_detector(teacher, 1).state_dict()
    torch.save(dict(state_dict=state, meta=meta), path)
    model = dict(
        type='mmkd_logit.LogitDistiller',
        student=dict(cfg, _scope_='mmdet'),
        teacher=dict(teacher, _scope_='mmdet'),
        teacher_ckpt=str(path),
        distill=terms,
        **kwargs,
    )
    config = runner_config(model, tmp_path, default_scope='mmdet')
    config['train_dataloader'] = dict(
        dataset=dict(type='ToyBoxes', model=cfg, classes=classes),
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='pseudo_collate'),
        batch_size=2,
        num_workers=0,
    )
    config['optim_wrapper'] = dict(optimizer=dict(type='SGD', lr=1e-4))
    with DefaultScope.overwrite_default_scope('mmdet'):
        runner = Runner(**config)
        runner.train()
    assert runner.iter == 2
    return (
        runner.message_hub.get_scalar('train/loss_kd_mask').current()
        if ('loss_kd_mask' in terms)
        else None
    )


def test_masks_meet_the_names_of_all_classes(tmp_path):
    # as configs/kd/mask_rcnn_r101_r18_coco.py: 3 names, one logit a pixel
    terms = dict(loss_kd=CLASSES, loss_kd_mask=MASKS)
    assert run(tmp_path, rcnn_cfg('mask'), terms) > 0


@pytest.mark.parametrize('classes', [NAMES[::-1], ('cat', 'dog', 'cow')])
def test_masks_of_other_classes_are_refused(tmp_path, classes):
    terms = dict(loss_kd_mask=MASKS)
    with pytest.raises(ValueError, match='classes in another|different cla'):
        run(tmp_path, rcnn_cfg('mask'), terms, teacher_classes=classes)


def test_masks_are_mapped_to_the_students_order(tmp_path):
    terms = dict(loss_kd_mask=MASKS)
    value = run(
        tmp_path,
        rcnn_cfg('mask'),
        terms,
        teacher_classes=NAMES[::-1],
        class_map={'cat': 'cat', 'dog': 'dog', 'horse': 'horse'},
    )
    assert value > 0


def test_class_agnostic_masks_need_no_class_list(tmp_path):
    cfg = rcnn_cfg('mask')
    cfg['roi_head']['mask_head']['class_agnostic'] = True
    terms = dict(loss_kd_mask=MASKS)
    assert run(tmp_path, cfg, terms, teacher_classes=('a', 'b', 'c')) > 0


def test_boxes_need_no_class_list(tmp_path):
    terms = dict(loss_kd_box=BOXES)
    run(
        tmp_path,
        detector_cfg('gfl'),
        terms,
        teacher=detector_cfg('gfl', num_classes=5),
        teacher_classes=tuple('abcde'),
    )


@pytest.mark.parametrize('terms', [dict(loss_kd=CLASSES), None])
def test_a_data_set_of_other_classes_is_refused(tmp_path, terms):
    terms = terms or dict(loss_kd_mask=MASKS)
    with pytest.raises(ValueError, match='^the training set has 2 classes'):
        run(tmp_path, rcnn_cfg('mask'), terms, classes=NAMES[:2])
