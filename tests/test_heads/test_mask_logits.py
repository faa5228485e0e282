"""Mask logits: what the student's mask loss received."""

import pytest
import torch
import torch.nn.functional as F

pytest.importorskip('mmdet')

from mmkd_logit.heads.mask_logits import MaskLogits, own_class
from mmkd_logit.losses import DKDLoss, KDLoss
from mmkd_logit.structures.head_facts import HeadFacts
from tests.toy_detectors import (
    BATCHES,
    build_detector,
    detection_batch,
    detector,
    read,
    read_all,
)
from tests.toy_rcnn import rcnn_cfg


def build(kind='mask', num_classes=3, seed=0, **kwargs):
    return build_detector(rcnn_cfg(kind, num_classes, **kwargs), seed)


@pytest.mark.parametrize('batch', sorted(BATCHES))
@pytest.mark.parametrize('stages', [1, 3])
def test_stock_mask_loss_follows_from_the_rows(stages, batch):
    student = build('mask' if stages == 1 else 'cascade_mask')
    inputs, samples = detection_batch(
        student, **BATCHES[batch], with_mask=True
    )
    losses, pairs = read_all(MaskLogits(), student, student, inputs, samples)
    prefixes = [''] if stages == 1 else ['s0.', 's1.', 's2.']
    assert list(pairs) == prefixes
    for prefix in prefixes:
        pair = pairs[prefix]
        objects = sum(BATCHES[batch]['boxes_per_image'])
        assert (len(pair.labels) > 0) == (objects > 0)
        assert len(pair.labels) % 14**2 == 0
        again = pair.student_logits.sum() * 0
        if objects:
            # pixels of a stage carry its weight, here 1, 0.5 or 0.25
            again = F.binary_cross_entropy_with_logits(
                pair.student_logits[:, 0], 1 - pair.labels.float(), pair.weight
            )
            assert 0 < pair.labels.sum() < len(pair.labels)
        torch.testing.assert_close(again, losses[f'{prefix}loss_mask'].sum())
        assert KDLoss(use_sigmoid=True)(*pair).item() == pytest.approx(
            0, abs=1e-6
        )


def test_one_class_and_class_agnostic_masks_agree_with_themselves():
    for num_classes, agnostic in ((1, False), (3, True)):
        cfg = rcnn_cfg('mask', num_classes)
        cfg['roi_head']['mask_head']['class_agnostic'] = agnostic
        student = build_detector(cfg)
        inputs, samples = detection_batch(
            student, [2, 1], num_classes, with_mask=True
        )
        _, pair = read(MaskLogits(), student, student, inputs, samples)
        torch.testing.assert_close(pair.student_logits, pair.teacher_logits)


def test_own_class_takes_one_channel_per_roi():
    masks = torch.arange(2 * 3 * 4.0).reshape(2, 3, 2, 2)
    rows = own_class(masks, torch.tensor([2, 0]))
    assert rows[:, 0].tolist() == [8, 9, 10, 11, 12, 13, 14, 15]
    agnostic = own_class(masks[:, :1], torch.tensor([2, 0]))
    assert agnostic[:, 0].tolist() == [0, 1, 2, 3, 12, 13, 14, 15]


def test_teacher_runs_backbone_neck_and_mask_head_only():
    student, teacher = build(), build(seed=1)
    inputs, samples = detection_batch(student, [2], with_mask=True)
    ran = set()
    hooks = [
        module.register_forward_hook(lambda *_, path=path: ran.add(path))
        for path, module in teacher.named_modules()
    ]
    reader = MaskLogits()
    loss = DKDLoss(tau=1.0, alpha=1.0, beta=1.0, use_sigmoid=True)
    loss.check(reader.facts(student))
    value = loss(*read(reader, student, teacher, inputs, samples)[1])
    for hook in hooks:
        hook.remove()
    assert value > 0
    parts = {path.split('.')[0] for path in ran}
    assert parts == {'backbone', 'neck', 'roi_head'}
    assert not [path for path in ran if 'bbox' in path]
    value.backward()
    gradient = student.roi_head.mask_head.conv_logits.weight.grad
    assert gradient.abs().sum() > 0


def test_detectors_without_such_masks_are_refused():
    with pytest.raises(ValueError, match='needs Standard.*FasterRCNN has'):
        MaskLogits().facts(build('faster'))
    with pytest.raises(ValueError, match='GFL has no RoI head'):
        MaskLogits().facts(detector('gfl'))
    with pytest.raises(ValueError, match='1 mask heads, the teacher 3'):
        MaskLogits().check(build(), build('cascade_mask'))
    cfg = rcnn_cfg('mask')
    cfg['roi_head']['mask_head']['class_agnostic'] = True
    with pytest.raises(ValueError, match='one per class, the teacher.s one'):
        MaskLogits().check(build(), build_detector(cfg))


def test_facts_tell_whose_mask_it_is():
    facts = MaskLogits().facts(build())
    # three classes of objects, one logit a pixel
    assert facts == HeadFacts(3, 1, True, False, by_class=True)
    cfg = rcnn_cfg('mask')
    cfg['roi_head']['mask_head']['class_agnostic'] = True
    assert not MaskLogits().facts(build_detector(cfg)).by_class
