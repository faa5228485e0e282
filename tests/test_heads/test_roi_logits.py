"""Rows of two-stage detectors are what the stock loss received."""

import copy
from collections import Counter
from contextlib import ExitStack

import pytest
import torch

pytest.importorskip('mmdet')

from mmkd_logit.heads import RoILogits  # noqa: E402
from mmkd_logit.heads.find import find_reader  # noqa: E402
from mmkd_logit.structures.teacher_pass import TeacherPass  # noqa: E402
from tests.toy_detectors import build_detector, detection_batch  # noqa: E402
from tests.toy_rcnn import rcnn_cfg  # noqa: E402

KINDS = ['faster', 'mask', 'cascade']


def read(student, teacher, boxes, kind='faster', **kwargs):
    """Pairs, the student's own losses and the teacher's pass."""
    inputs, samples = detection_batch(
        student, boxes, with_mask=kind == 'mask', **kwargs
    )
    reader, notes = find_reader(student), {}
    reader.check(student, teacher)
    with ExitStack() as stack:
        reader.watch(student, notes, stack)
        losses = student(inputs, samples, mode='loss')
    teacher_pass = TeacherPass(teacher.eval(), lambda: inputs, samples)
    return reader.pairs(notes, teacher_pass), losses


def build(kind='faster', seed=0, **kwargs):
    # .train() applies `norm_eval`
    return build_detector(rcnn_cfg(kind, **kwargs), seed).train()


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('boxes', [[2, 3], [0, 2], [0, 0], [1], [2, 0, 1, 4]])
def test_rows_give_the_stock_classification_loss(kind, boxes):
    student = build(kind)
    sizes = [(128, 96 + 16 * i) for i in range(len(boxes))]
    pairs, losses = read(student, build(kind, 1), boxes, kind, sizes=sizes)
    assert len(pairs) == (3 if kind == 'cascade' else 1)
    for prefix, pair in pairs.items():
        rows = torch.nn.functional.cross_entropy(
            pair.student_logits, pair.labels, reduction='none'
        )
        # rows of a stage carry its `stage_loss_weights`, here 1, 0.5, 0.25
        expected = (rows * pair.weight).sum() / pair.avg_factor
        torch.testing.assert_close(losses[f'{prefix}loss_cls'], expected)
        assert pair.teacher_logits.shape == pair.student_logits.shape
        assert not pair.teacher_logits.requires_grad


def test_ignored_regions_and_a_single_class():
    student = build(num_classes=1)
    pairs, losses = read(
        student,
        build(num_classes=1, seed=1),
        [2, 2],
        num_classes=1,
        ignored=0.5,
    )
    assert pairs[''].student_logits.shape[1] == 2
    assert int(pairs[''].labels.max()) <= 1
    assert losses['loss_cls'].isfinite()


@pytest.mark.parametrize('kind', KINDS)
def test_the_students_own_copy_gives_the_same_logits(kind):
    student = build(kind)
    teacher = copy.deepcopy(student)
    pairs, _ = read(student, teacher, [2, 3], kind)
    for pair in pairs.values():
        torch.testing.assert_close(
            pair.student_logits.detach(), pair.teacher_logits
        )
        agree = pair.student_logits.argmax(1) == pair.teacher_logits.argmax(1)
        assert agree.all()


@pytest.mark.parametrize('kind', KINDS)
def test_teacher_runs_backbone_neck_and_the_class_branch_only(kind):
    student, teacher = build(kind), build(kind, 1)
    inputs, samples = detection_batch(student, [2, 3])
    reader, notes, ran = RoILogits(), {}, Counter()
    unused = reader.prune(teacher)
    assert {'rpn_head', 'roi_head.mask_head'} <= set(unused)
    for name, module in teacher.named_modules():
        if name:
            module.register_forward_hook(
                lambda *_, name=name: ran.update([name])
            )
    with ExitStack() as stack:
        reader.watch(student, notes, stack)
        student(
            *detection_batch(student, [2, 3], with_mask=kind == 'mask'),
            mode='loss',
        )
    reader.pairs(notes, TeacherPass(teacher, lambda: inputs, samples))
    assert ran['backbone'] == ran['neck'] == 1
    stray = [
        n
        for n in ran
        if n.startswith('rpn_head') or 'fc_reg' in n or 'mask' in n
    ]
    assert not stray
    heads = 3 if kind == 'cascade' else 1
    assert sum(n for name, n in ran.items() if 'fc_cls' in name) == heads


def test_nothing_stays_patched_after_the_step():
    student = build()
    read(student, build(seed=1), [1])
    assert 'loss_and_target' not in vars(student.roi_head.bbox_head)


def test_a_cascade_needs_a_teacher_with_as_many_stages():
    with pytest.raises(ValueError, match='2 stages.*3'):
        RoILogits().check(
            build('cascade', stages=2), build('cascade', stages=3)
        )
    with pytest.raises(ValueError, match='1 stages.*3'):
        RoILogits().check(build(), build('cascade'))


def test_facts_tell_softmax_from_sigmoid():
    facts = RoILogits().facts(build())
    assert (facts.num_classes, facts.channels, facts.use_sigmoid) == (
        3,
        4,
        False,
    )
    student = build(use_sigmoid=True)
    facts = RoILogits().facts(student)
    assert (facts.channels, facts.use_sigmoid) == (4, True)
    # MMDetection's sigmoid heads have a background column of their own
    pairs, _ = read(student, build(use_sigmoid=True, seed=1), [2])
    assert pairs[''].student_logits.shape[1] == facts.channels
    assert int(pairs[''].labels.max()) == 3
