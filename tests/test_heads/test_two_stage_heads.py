"""Rows of the RoI heads beside those of Faster, Mask and Cascade R-CNN."""

from contextlib import ExitStack

import pytest
import torch
import torch.nn.functional as F

pytest.importorskip('mmdet')

from mmkd_logit.heads import RoILogits, find_reader
from mmkd_logit.heads.roi_logits import roi_context, roi_logits
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


def test_semantic_features_of_htc_reach_the_rows():
    cfg = stock_cfg('htc')
    channels = cfg.roi_head.bbox_roi_extractor.out_channels
    cfg.roi_head.update(
        semantic_roi_extractor=dict(
            type='SingleRoIExtractor',
            roi_layer=dict(type='RoIAlign', output_size=14, sampling_ratio=0),
            out_channels=channels,
            featmap_strides=[8],
        ),
        semantic_head=dict(
            type='FusedSemanticHead',
            num_ins=5,
            fusion_level=1,
            num_convs=1,
            in_channels=channels,
            conv_out_channels=channels,
            num_classes=4,
            loss_seg=dict(type='CrossEntropyLoss', ignore_index=255),
        ),
    )
    model = build_detector(cfg, seed=1).eval()
    inputs, _ = detection_batch(model, [1], with_mask=True)
    rois = torch.tensor([[0.0, 8.0, 8.0, 72.0, 72.0]])

    @torch.no_grad()
    def logits():
        feats = model.extract_feat(inputs)
        context = roi_context(model.roi_head, feats)
        return roi_logits(model.roi_head, 0, feats, rois, context)

    before = logits()
    assert torch.equal(before, logits())
    for weight in model.roi_head.semantic_head.parameters():
        weight.data.zero_()
    assert not torch.equal(before, logits())


@pytest.mark.parametrize('name', ['double', 'htc'])
def test_cells_are_refused_where_rois_are_pooled_otherwise(name):
    with pytest.raises(ValueError, match='in a way of its own, which cells'):
        RoILogits(scales=(1, 2)).facts(build(name))
