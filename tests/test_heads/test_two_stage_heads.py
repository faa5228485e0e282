"""Rows of the RoI heads beside those of Faster, Mask and Cascade R-CNN."""

from contextlib import ExitStack

import pytest
import torch
import torch.nn.functional as F

pytest.importorskip('mmdet')

from mmkd_logit.heads import RoILogits, find_reader
from mmkd_logit.structures import TeacherPass
from tests.toy_detectors import build_detector, detection_batch
from tests.toy_stock import RCNN, WITH_MASKS, stock_cfg

HEADS = sorted(RCNN)


def build(name, seed=0):
    return build_detector(stock_cfg(name), seed).train()


def read(name, student, teacher, boxes=(3, 2)):
    """The student's losses and the pairs of its stages."""
    inputs, samples = detection_batch(
        student, list(boxes), with_mask=name in WITH_MASKS
    )
    reader, notes = find_reader(student), {}
    assert isinstance(reader, RoILogits)
    reader.facts(student), reader.check(student, teacher)
    with ExitStack() as stack:
        reader.watch(student, notes, stack)
        losses = student(inputs, samples, mode='loss')
    teacher.eval()
    pairs = reader.pairs(notes, TeacherPass(teacher, lambda: inputs, samples))
    return losses, pairs


@pytest.mark.parametrize('boxes', [(3, 2), (0, 2)])
@pytest.mark.parametrize('name', HEADS)
def test_rows_give_the_stock_classification_loss(name, boxes):
    student = build(name)
    losses, pairs = read(name, student, build(name, 1), boxes)
    assert len(pairs) == (3 if name == 'htc' else 1)
    scale = 2.0 if name == 'double' else 1.0  # its loss_weight
    for prefix, pair in pairs.items():
        rows = F.cross_entropy(
            pair.student_logits, pair.labels, reduction='none'
        )
        expected = scale * (rows * pair.weight).sum() / pair.avg_factor
        torch.testing.assert_close(losses[f'{prefix}loss_cls'], expected)
        assert pair.student_logits.requires_grad
        assert not pair.teacher_logits.requires_grad


@pytest.mark.parametrize('name', HEADS)
def test_an_equal_teacher_without_its_box_branch_gives_the_same_rows(name):
    student, teacher = build(name), build(name)
    teacher.load_state_dict(student.state_dict())
    reader = RoILogits()
    for path in reader.prune(teacher):
        owner, _, child = path.rpartition('.')
        owner = teacher.get_submodule(owner)
        if child in owner._modules:
            delattr(owner, child)
    student.eval()  # batch norms of a stock student move
    ran, hooks = set(), []
    for path, module in teacher.named_modules():
        hooks.append(
            module.register_forward_hook(lambda *_, path=path: ran.add(path))
        )
    _, pairs = read(name, student, teacher)
    for hook in hooks:
        hook.remove()
    for pair in pairs.values():
        torch.testing.assert_close(
            pair.student_logits, pair.teacher_logits, atol=1e-5, rtol=1e-5
        )
    assert not [path for path in ran if path.endswith('fc_reg')] or (
        name == 'double'  # a stand-in has its place
    )


@pytest.mark.parametrize('name', ['double', 'htc'])
def test_cells_are_refused_where_rois_are_pooled_otherwise(name):
    with pytest.raises(ValueError, match='in a way of its own, which cells'):
        RoILogits(scales=(1, 2)).facts(build(name))
