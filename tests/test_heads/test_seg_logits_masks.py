"""Mask classification: its semantic map teaches and learns like any map."""

import functools

import pytest
import torch
import torch.nn.functional as F

pytest.importorskip('mmseg')
pytest.importorskip('mmdet')

from mmkd_logit.heads.find import find_reader
from mmkd_logit.heads.seg_logits import SegLogits
from mmkd_logit.heads.upstream.maps import resize_labels
from mmkd_logit.losses import DKDLoss, GDKDLoss, KDLoss
from tests.toy_mask_heads import (
    build_masks,
    build_san,
    mask_detector_cfg,
    mask_segmentor_cfg,
    panoptic_samples,
    read_samples,
)
from tests.toy_segmentors import label_samples, segmentor
from tests.toys import seeded

KINDS = ['Mask2Former', 'MaskFormer']


def batch(count=2, size=(32, 64), classes=4, ignored=0.2):
    inputs = torch.randn(count, 3, *size, generator=seeded(1))
    labels = torch.randint(
        classes, (count, *(side // 8 for side in size)), generator=seeded(2)
    )
    labels = labels.repeat_interleave(8, 1).repeat_interleave(8, 2)
    empty = torch.rand(labels.shape, generator=seeded(3)) < ignored
    return inputs, labels.masked_fill(empty, 255)


def rows(scores):
    """What the heads predict with, (B, C, H, W), as log-probabilities."""
    probs = scores / scores.sum(1, keepdim=True)
    return probs.log().movedim(1, -1).flatten(0, -2)


def received(head, seen):
    """Note what a head's own loss receives."""
    stock = head.loss_by_feat

    @functools.wraps(stock)
    def loss_by_feat(scores, masks, *args):
        seen.update(scores=scores[-1], masks=masks[-1])
        return stock(scores, masks, *args)

    head.loss_by_feat = loss_by_feat


def stock_map(scores, masks):
    return torch.einsum(
        'bqc,bqhw->bchw', scores.softmax(-1)[..., :-1], masks.sigmoid()
    )


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('count', [1, 4])
def test_a_student_is_read_where_its_loss_receives_its_queries(kind, count):
    student = build_masks(mask_segmentor_cfg(kind))
    teacher = build_masks(mask_segmentor_cfg(kind, queries=9), 1)
    reader = find_reader(student)
    assert isinstance(reader, SegLogits)
    assert reader.facts(student)[:3] == (4, 4, False)
    inputs, labels = batch(count)
    seen = {}
    received(student.decode_head, seen)
    losses, pairs = read_samples(
        reader, student, teacher, inputs, label_samples(labels)
    )
    assert 'decode.loss_cls' in losses and list(pairs) == ['']
    pair = pairs['']
    assert seen['masks'].shape[2:] == (8, 16)  # a quarter of the image
    torch.testing.assert_close(pair.student_logits, rows(stock_map(**seen)))
    small = resize_labels(labels, (8, 16)).flatten()
    kept = small != 255
    assert 0 < kept.sum() < len(kept)
    assert torch.equal(pair.labels[kept], small[kept])
    assert torch.equal(pair.weight > 0, kept)
    assert pair.avg_factor == kept.sum()
    KDLoss()(*pair).backward()
    for name in ('cls_embed.weight', 'mask_embed.0.weight'):
        grad = student.decode_head.get_parameter(name).grad
        assert grad.isfinite().all() and grad.abs().sum() > 0
    assert not pair.teacher_logits.requires_grad


@pytest.mark.parametrize('kind', KINDS)
def test_a_teacher_gives_what_it_predicts(kind):
    student = segmentor(0)
    teacher = build_masks(mask_segmentor_cfg(kind), 1)
    inputs, labels = batch()
    samples = label_samples(labels)
    _, pairs = read_samples(
        SegLogits(resolution='labels'), student, teacher, inputs, samples
    )
    predicted = teacher.encode_decode(
        inputs, [dict(img_shape=(32, 64)) for _ in samples]
    )
    torch.testing.assert_close(
        pairs[''].teacher_logits, rows(predicted.detach())
    )


def test_masks_are_resized_before_they_are_combined(caplog):
    # the student's map is half as large as the teacher's masks
    student = segmentor(0, stride=8)
    teacher = build_masks(mask_segmentor_cfg(), 1)
    inputs, labels = batch()
    reader = SegLogits()
    samples = label_samples(labels)
    _, pairs = read_samples(reader, student, teacher, inputs, samples)
    scores, masks = teacher.decode_head(teacher.extract_feat(inputs), samples)
    small = F.interpolate(masks[-1], (4, 8), mode='bilinear')
    torch.testing.assert_close(
        pairs[''].teacher_logits, rows(stock_map(scores[-1], small)).detach()
    )
    assert reader._told == {
        "the teacher's logits, 8 x 16, are resized to the student's 4 x 8"
    }


@pytest.mark.parametrize('kind', KINDS)
def test_a_teacher_with_the_students_weights_gives_zero(kind):
    student = build_masks(mask_segmentor_cfg(kind)).eval()
    inputs, labels = batch()
    samples = label_samples(labels)
    # one image is padded, as crops of small images are
    samples[1].set_metainfo(dict(img_shape=(32, 24)))
    labels[1, :, 24:] = 255
    _, pairs = read_samples(SegLogits(), student, student, inputs, samples)
    for loss in (KDLoss(), DKDLoss(), GDKDLoss(k=2)):
        assert loss(*pairs['']).item() == pytest.approx(0, abs=1e-6)


def test_a_per_pixel_model_teaches_one_with_masks():
    student = build_masks(mask_segmentor_cfg())
    teacher = segmentor(1, stride=4)
    inputs, labels = batch()
    _, pairs = read_samples(
        SegLogits(windows=(1, 2)),
        student,
        teacher,
        inputs,
        label_samples(labels),
    )
    torch.testing.assert_close(
        pairs[''].teacher_logits,
        teacher(inputs).detach().movedim(1, -1).flatten(0, -2),
    )
    value = sum(DKDLoss(tau=2.0)(*pair) for pair in pairs.values())
    value.backward()
    assert student.backbone.stem.weight.grad.abs().sum() > 0


def test_all_pixels_ignored_gives_zero_with_a_gradient_path():
    student = build_masks(mask_segmentor_cfg())
    teacher = build_masks(mask_segmentor_cfg(), 1)
    inputs, labels = batch(ignored=2.0)
    _, pairs = read_samples(
        SegLogits(), student, teacher, inputs, label_samples(labels)
    )
    value = KDLoss()(*pairs[''])
    value.backward()
    assert value.item() == 0


def test_label_values_are_checked_before_the_loss():
    student = build_masks(mask_segmentor_cfg())
    inputs, labels = batch()
    labels[0, 0, 0] = 9
    with pytest.raises(ValueError, match='label maps hold 9, but the head'):
        read_samples(
            SegLogits(), student, student, inputs, label_samples(labels)
        )


def test_masks_that_are_compared_with_texts_teach_and_learn():
    student, teacher = build_san(), build_san(1, queries=7)
    inputs, labels = batch(size=(32, 32))
    samples = label_samples(labels)
    seen = {}
    received(student.decode_head, seen)
    reader = find_reader(student)
    assert reader.facts(student)[:3] == (4, 4, False)
    losses, pairs = read_samples(reader, student, teacher, inputs, samples)
    assert 'decode.loss_cls_ce' in losses
    pair = pairs['']
    torch.testing.assert_close(pair.student_logits, rows(stock_map(**seen)))
    size = seen['masks'].shape[2:]
    small = resize_labels(labels, size).flatten()
    kept = small != 255
    assert torch.equal(pair.weight > 0, kept)
    assert torch.equal(pair.labels[kept], small[kept])
    KDLoss()(*pair).backward()
    network = student.decode_head.side_adapter_network
    assert network.query_embed.grad.abs().sum() > 0
    # at the size of the image the teacher gives what it predicts
    _, pairs = read_samples(
        SegLogits(resolution='labels'),
        segmentor(0),
        teacher,
        inputs,
        label_samples(labels),
    )
    predicted = teacher.encode_decode(
        inputs, [dict(img_shape=(32, 32)) for _ in samples]
    )
    torch.testing.assert_close(
        pairs[''].teacher_logits, rows(predicted.detach())
    )
    student.eval()
    _, pairs = read_samples(reader, student, student, inputs, samples)
    assert KDLoss()(*pairs['']).item() == pytest.approx(0, abs=1e-6)


# ------------------------------------------------------- MMDetection


@pytest.mark.parametrize('kind', KINDS)
def test_panoptic_models_are_read_with_their_own_labels(kind):
    student = build_masks(mask_detector_cfg(kind)).eval()
    teacher = build_masks(mask_detector_cfg(kind, queries=9), 1)
    inputs, labels = batch()
    samples = panoptic_samples(labels, 2, 2, (32, 64))
    reader = find_reader(student)
    assert isinstance(reader, SegLogits)
    seen = {}
    received(student.panoptic_head, seen)
    losses, pairs = read_samples(reader, student, teacher, inputs, samples)
    assert 'loss_cls' in losses
    pair = pairs['']
    torch.testing.assert_close(pair.student_logits, rows(stock_map(**seen)))
    scores, masks = teacher.panoptic_head(
        teacher.extract_feat(inputs), samples
    )
    torch.testing.assert_close(
        pair.teacher_logits, rows(stock_map(scores[-1], masks[-1])).detach()
    )
    small = resize_labels(labels, (8, 16)).flatten()
    kept = small != 255
    assert torch.equal(pair.weight > 0, kept)
    assert torch.equal(pair.labels[kept], small[kept])
    _, pairs = read_samples(reader, student, student, inputs, samples)
    assert KDLoss()(*pairs['']).item() == pytest.approx(0, abs=1e-6)


def test_instance_models_learn_where_an_object_is():
    student = build_masks(mask_detector_cfg(stuff=0))
    teacher = build_masks(mask_detector_cfg(stuff=0), 1)
    inputs, labels = batch()
    samples = panoptic_samples(labels, 2, 0, (32, 64), semantic=False)
    _, pairs = read_samples(SegLogits(), student, teacher, inputs, samples)
    pair = pairs['']
    small = resize_labels(labels, (8, 16)).flatten()
    assert pair.student_logits.shape == (2 * 8 * 16, 2)
    assert torch.equal(pair.weight > 0, small < 2)
    assert torch.equal(pair.labels[small < 2], small[small < 2])
    KDLoss()(*pair).backward()
    assert student.backbone.stem.weight.grad.abs().sum() > 0


def test_an_image_without_objects_has_no_labelled_pixel():
    student = build_masks(mask_detector_cfg(stuff=0))
    inputs, labels = batch()
    labels[1] = 255
    samples = panoptic_samples(labels, 2, 0, (32, 64), semantic=False)
    _, pairs = read_samples(
        SegLogits(resolution='labels'), student, student, inputs, samples
    )
    weight = pairs[''].weight.view(2, 32, 64)
    assert weight[0].any() and not weight[1].any()


def test_heads_without_a_map_of_classes_are_refused():
    model = build_masks(mask_segmentor_cfg(classes=1))
    with pytest.raises(ValueError, match='num_classes=1 has no map of classe'):
        SegLogits().facts(model)
    model = build_masks(mask_detector_cfg())
    model.panoptic_head = torch.nn.Linear(2, 2)
    with pytest.raises(ValueError, match='Mask2Former with Linear: the queri'):
        SegLogits().facts(model)
