"""Crossed heads: student features through the rest of the teacher's head."""

import pytest
import torch

pytest.importorskip('mmdet')

from mmkd_logit.heads.crossed import CrossedClsLogits, CrossedGFLBoxLogits
from mmkd_logit.heads.dense_cls_logits import DenseClsLogits
from mmkd_logit.heads.gfl_box_logits import GFLBoxLogits
from mmkd_logit.heads.upstream.crossing import align_scale
from mmkd_logit.losses import DKDLoss, KDLoss, KDQFLLoss
from tests.toy_detectors import (
    Pass,
    build_detector,
    detection_batch,
    detector_cfg,
    read,
)

PREDICTORS = dict(
    retina='retina_cls', fcos='conv_cls', atss='atss_cls', gfl='gfl_cls'
)


def crossing_detector(name, seed=0, layers=3, **kwargs):
    cfg = detector_cfg(name, **kwargs)
    cfg['bbox_head']['stacked_convs'] = layers
    return build_detector(cfg, seed)


def teacher_of(name, seed=1, **kwargs):
    return crossing_detector(name, seed, **kwargs).eval().requires_grad_(False)


def before_activation(layer, x):
    x = layer.conv(x)
    return layer.norm(x) if layer.with_norm else x


def by_hand(student, teacher, inputs, after, layers, predictor):
    """Maps of each level, the head written out."""
    maps = []
    levels = zip(student.extract_feat(inputs), teacher.extract_feat(inputs))
    for ours, theirs in levels:
        feats = []
        for head, x in (
            (student.bbox_head, ours),
            (teacher.bbox_head, theirs),
        ):
            convs = getattr(head, layers)
            for layer in convs[: max(after - 1, 0)]:
                x = layer(x)
            feats.append(
                before_activation(convs[after - 1], x) if after else x
            )
        x = align_scale(*feats)
        x = x.relu() if after else x
        for layer in getattr(teacher.bbox_head, layers)[after:]:
            x = layer(x)
        maps.append(getattr(teacher.bbox_head, predictor)(x))
    return maps


def as_rows(maps, channels):
    return torch.cat(
        [
            level.unflatten(1, (-1, channels))
            .permute(0, 3, 4, 1, 2)
            .reshape(-1, channels)
            for level in maps
        ]
    )


@pytest.mark.parametrize(
    'name, after',
    [*((name, 2) for name in PREDICTORS), *(('gfl', n) for n in (0, 1, 3))],
)
def test_rows_are_cross_logits_and_the_teachers_own(name, after):
    student, teacher = crossing_detector(name), teacher_of(name)
    inputs, samples = detection_batch(student, [2, 1])
    reader, plain = CrossedClsLogits(after=after), DenseClsLogits()
    reader.facts(student), reader.check(student, teacher)
    _, pair = read(reader, student, teacher, inputs, samples)
    _, own = read(plain, student, teacher, inputs, samples)
    maps = by_hand(
        student, teacher, inputs, after, 'cls_convs', PREDICTORS[name]
    )
    torch.testing.assert_close(
        pair.student_logits, as_rows(maps, 3), rtol=1e-4, atol=1e-4
    )
    # everything else is the plain reader's
    for ours, theirs in list(zip(pair, own))[1:]:
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize('name', sorted(PREDICTORS))
def test_gradients_reach_the_student_before_the_crossing_alone(name):
    student, teacher = crossing_detector(name), teacher_of(name)
    inputs, samples = detection_batch(student, [2, 1])
    reader = CrossedClsLogits(after=2, divisor='student')
    _, pair = read(reader, student, teacher, inputs, samples)
    KDQFLLoss()(*pair).backward()
    head = student.bbox_head
    for layer in head.cls_convs[:2]:
        assert layer.conv.weight.grad.abs().sum() > 0
    assert student.backbone.conv1.weight.grad.abs().sum() > 0
    for layer in (*head.cls_convs[2:], getattr(head, PREDICTORS[name])):
        assert all(part.grad is None for part in layer.parameters())
    assert all(part.grad is None for part in teacher.parameters())


@pytest.mark.parametrize('name', sorted(PREDICTORS))
def test_a_teacher_with_the_students_weights_agrees(name):
    student = crossing_detector(name)
    inputs, samples = detection_batch(student, [2, 0])
    _, pair = read(CrossedClsLogits(), student, student, inputs, samples)
    torch.testing.assert_close(
        pair.student_logits, pair.teacher_logits, rtol=1e-3, atol=1e-4
    )


def test_the_authors_number_of_layers():
    for name, after in (('retina', 3), ('fcos', 2), ('atss', 3), ('gfl', 3)):
        student, teacher = crossing_detector(name), teacher_of(name)
        inputs, samples = detection_batch(student, [1])
        rows = [
            read(CrossedClsLogits(after=n), student, teacher, inputs, samples)
            for n in (None, after)
        ]
        assert torch.equal(*[pair.student_logits for _, pair in rows])


@pytest.mark.parametrize('rows', ['all', 'positive'])
def test_options_of_the_plain_reader_stay(rows):
    student, teacher = crossing_detector('gfl'), teacher_of('gfl')
    inputs, samples = detection_batch(student, [3, 2])
    options = dict(rows=rows, weighting='teacher')
    _, pair = read(
        CrossedClsLogits(1, **options), student, teacher, inputs, samples
    )
    _, own = read(DenseClsLogits(**options), student, teacher, inputs, samples)
    assert torch.equal(pair.labels, own.labels)
    torch.testing.assert_close(pair.weight, own.weight)
    DKDLoss(use_sigmoid=True)(*pair).backward()


def test_classes_that_are_mapped_are_mapped_on_both_sides():
    from mmkd_logit.structures.class_columns import ClassColumns

    student, teacher = crossing_detector('atss'), teacher_of('atss')
    other = teacher_of('atss')
    predictor = other.bbox_head.atss_cls
    order = [2, 0, 1]
    for part in predictor.parameters():
        part.data = part.data[order]
    inputs, samples = detection_batch(student, [2, 1])
    # class i of the student is the class of the other teacher with its row
    columns = ClassColumns([order.index(i) for i in range(3)], 3)
    _, plain = read(CrossedClsLogits(), student, teacher, inputs, samples)
    _, mapped = read(
        CrossedClsLogits(), student, other, inputs, samples, 0, columns
    )
    torch.testing.assert_close(mapped.student_logits, plain.student_logits)
    torch.testing.assert_close(mapped.teacher_logits, plain.teacher_logits)


@pytest.mark.parametrize('region', ['positive', 'all'])
def test_boxes_cross_as_classes_do(region):
    student, teacher = crossing_detector('gfl'), teacher_of('gfl')
    teacher.bbox_head.scales[1].scale.data.fill_(3.0)
    inputs, samples = detection_batch(student, [3, 2])
    options = dict(region=region, weighting='teacher')
    reader = CrossedGFLBoxLogits(2, **options)
    reader.facts(student), reader.check(student, teacher)
    _, pair = read(reader, student, teacher, inputs, samples)
    _, own = read(GFLBoxLogits(**options), student, teacher, inputs, samples)
    maps = by_hand(student, teacher, inputs, 2, 'reg_convs', 'gfl_reg')
    maps = [s(one) for s, one in zip(teacher.bbox_head.scales, maps)]
    rows = as_rows(maps, 4 * 17).reshape(-1, 17)
    if region == 'all':
        torch.testing.assert_close(
            pair.student_logits, rows, rtol=1e-4, atol=1e-4
        )
    else:
        _, dense = read(DenseClsLogits(), student, teacher, inputs, samples)
        rows = rows.view(-1, 4, 17)[dense.labels < 3].flatten(0, 1)
        assert len(rows) > 0
        torch.testing.assert_close(
            pair.student_logits, rows, rtol=1e-4, atol=1e-4
        )
        assert torch.equal(pair.labels, own.labels)
    torch.testing.assert_close(pair.teacher_logits, own.teacher_logits)
    torch.testing.assert_close(pair.weight, own.weight)
    KDLoss(tau=1.0, loss_weight=4.0)(*pair).backward()
    head = student.bbox_head
    assert head.reg_convs[1].conv.weight.grad.abs().sum() > 0
    assert head.gfl_reg.weight.grad is None
    _, pair = read(reader, student, student, inputs, samples)
    torch.testing.assert_close(
        pair.student_logits, pair.teacher_logits, rtol=1e-3, atol=1e-4
    )


def test_a_batch_without_objects_gives_zero_boxes():
    student, teacher = crossing_detector('gfl'), teacher_of('gfl')
    inputs, samples = detection_batch(student, [0, 0])
    _, pair = read(CrossedGFLBoxLogits(), student, teacher, inputs, samples)
    value = KDLoss()(*pair)
    value.backward()
    assert value.item() == 0


def test_mixed_precision_is_close_to_float32():
    student, teacher = crossing_detector('gfl'), teacher_of('gfl')
    inputs, samples = detection_batch(student, [2, 1])
    values = []
    for enabled in (False, True):
        with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
            _, pair = read(
                CrossedClsLogits(), student, teacher, inputs, samples
            )
            values.append(KDQFLLoss()(*pair))
    values[1].backward()
    torch.testing.assert_close(*values, rtol=0.1, atol=0)
    assert student.backbone.conv1.weight.grad.isfinite().all()


def test_the_teachers_head_runs_once_for_plain_and_crossed_rows():
    student, teacher = crossing_detector('retina'), teacher_of('retina')
    inputs, samples = detection_batch(student, [1])
    notes, calls = ({}, {}), []
    from contextlib import ExitStack

    readers = (CrossedClsLogits(), DenseClsLogits())
    with ExitStack() as stack:
        for reader, note in zip(readers, notes):
            reader.watch(student, note, stack)
        student.train()(inputs, samples, mode='loss')
    stock = teacher.bbox_head.forward
    teacher.bbox_head.forward = lambda x: calls.append(1) or stock(x)
    seen = Pass(teacher, inputs, None, samples)
    for reader, note in zip(readers, notes):
        reader.pairs(note, seen)
    assert calls == [1]


def test_towers_that_do_not_fit_are_refused():
    student = crossing_detector('retina')
    wide = teacher_of('retina', channels=32)
    with pytest.raises(ValueError, match='student has 16 channels and the t'):
        CrossedClsLogits().check(student, wide)
    with pytest.raises(ValueError, match='after=5, but cls_convs of RetinaHe'):
        CrossedClsLogits(after=5).facts(student)
    with pytest.raises(ValueError, match='cannot cross in a TOODHead; expec'):
        CrossedClsLogits().facts(crossing_detector('tood'))
    with pytest.raises(ValueError, match=">= 0, or None for the authors', go"):
        CrossedClsLogits(after=-1)
