"""Rows of every dense head: what its own classification loss received."""

from contextlib import ExitStack

import pytest
import torch

pytest.importorskip('mmdet')

from mmkd_logit.heads.dense_cls_logits import DenseClsLogits, rows_to_maps
from mmkd_logit.heads.upstream.class_loss import split_target
from mmkd_logit.heads.upstream.dense_heads import DENSE_HEADS, largest_prob
from mmkd_logit.heads.upstream.dense_maps import map_rows
from mmkd_logit.heads.upstream.observe import observe
from tests.toy_detectors import (
    BATCHES,
    DENSE,
    Pass,
    build_detector,
    detection_batch,
    detector,
    detector_cfg,
    read,
    total,
)

FAMILIES = sorted(DENSE)
#: Weights and divisor of the student's own loss.
STOCK = DenseClsLogits(weighting='label', divisor='student')


@pytest.mark.parametrize('batch', sorted(BATCHES))
@pytest.mark.parametrize('name', FAMILIES)
def test_stock_class_loss_follows_from_the_rows(name, batch):
    student = detector(name)
    inputs, samples = detection_batch(student, **BATCHES[batch])
    head = student.bbox_head
    targets = []
    with ExitStack() as stack:
        stack.enter_context(
            observe(
                head.loss_cls,
                'forward',
                lambda args, _: targets.append(args['target']),
            )
        )
        losses, pair = read(STOCK, student, detector(name), inputs, samples, 4)
    if isinstance(targets[0], tuple):
        target = tuple(torch.cat(parts) for parts in zip(*targets))
    else:
        target = torch.cat(targets)
    scores = pair.student_logits
    if name == 'tood':
        scores = scores.sigmoid()
    again = head.loss_cls(
        scores, target, pair.weight, avg_factor=pair.avg_factor
    )
    torch.testing.assert_close(again, total(losses['loss_cls']))
    assert torch.equal(split_target(target, 3), pair.labels)
    objects = (pair.labels < 3).sum()
    assert (objects > 0) == (sum(BATCHES[batch]['boxes_per_image']) > 0)


@pytest.mark.parametrize('name', FAMILIES)
def test_rows_go_level_image_location_anchor(name):
    student = detector(name)
    inputs, samples = detection_batch(student, [2, 1], sizes=[(64, 96)] * 2)
    _, pair = read(DenseClsLogits(), student, detector(name), inputs, samples)
    with torch.no_grad():
        maps = student.bbox_head(student.extract_feat(inputs))[0]
    by_hand = []
    for level in maps:
        level = level.logit() if name == 'tood' else level
        for image in level:
            for y in range(level.shape[2]):
                for x in range(level.shape[3]):
                    by_hand.extend(image[:, y, x].split(3))
    by_hand = torch.stack(by_hand)
    torch.testing.assert_close(pair.student_logits, by_hand)
    # 64 x 96 pixels: 8x12 + 4x6 + 2x3 + 1x2 + 1x1 = 129 locations an image
    priors = 9 if name == 'retina' else 1
    assert pair.student_logits.shape == (2 * 129 * priors, 3)


@pytest.mark.parametrize('num_classes', [1, 3])
@pytest.mark.parametrize('name', FAMILIES)
def test_teacher_with_the_students_weights_agrees(name, num_classes):
    student = detector(name, num_classes)
    inputs, samples = detection_batch(student, [3, 2], num_classes)
    _, pair = read(DenseClsLogits(), student, student, inputs, samples)
    assert not pair.teacher_logits.requires_grad
    assert pair.student_logits.requires_grad
    torch.testing.assert_close(
        pair.student_logits, pair.teacher_logits, atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize('name', FAMILIES)
def test_teacher_runs_no_box_layer_and_is_whole_afterwards(name):
    teacher = detector(name)
    reader = DenseClsLogits()
    inputs, samples = detection_batch(teacher, [2])
    ran, hooks = set(), []
    for path, module in teacher.named_modules():
        hooks.append(
            module.register_forward_hook(lambda *_, path=path: ran.add(path))
        )
    keys = list(teacher.state_dict())
    teacher.eval()
    full = teacher.bbox_head(teacher.extract_feat(inputs))[0]
    assert 'bbox_head' in ran
    ran.clear()
    _, pair = read(reader, detector(name, seed=1), teacher, inputs, samples)
    for hook in hooks:
        hook.remove()
    boxes = reader.prune(teacher)
    assert name == 'tood' or boxes
    assert not [path for path in ran if path.startswith(boxes)]
    assert list(teacher.state_dict()) == keys
    full = [level.logit() if name == 'tood' else level for level in full]
    torch.testing.assert_close(pair.teacher_logits, map_rows(full, 3))


def test_pruned_teacher_gives_the_same_logits():
    student = detector('gfl')
    teacher = build_detector(detector_cfg('gfl'), seed=2)
    inputs, samples = detection_batch(student, [2])
    reader = DenseClsLogits()
    _, before = read(reader, student, teacher, inputs, samples)
    for path in reader.prune(teacher):
        owner, _, child = path.rpartition('.')
        delattr(teacher.get_submodule(owner), child)
    _, after = read(reader, student, teacher, inputs, samples)
    assert torch.equal(before.teacher_logits, after.teacher_logits)


@pytest.mark.parametrize('name', FAMILIES)
def test_positive_rows_are_the_labelled_ones(name):
    student, teacher = detector(name), detector(name, seed=1)
    inputs, samples = detection_batch(student, [3, 1])
    _, all_rows = read(DenseClsLogits(), student, teacher, inputs, samples)
    _, some = read(
        DenseClsLogits(rows='positive'), student, teacher, inputs, samples
    )
    keep = all_rows.labels < 3
    assert 0 < keep.sum() < len(keep)
    assert torch.equal(some.labels, all_rows.labels[keep])
    torch.testing.assert_close(
        some.student_logits, all_rows.student_logits[keep]
    )
    torch.testing.assert_close(
        some.teacher_logits, all_rows.teacher_logits[keep]
    )


def test_no_positive_row_keeps_a_gradient_path():
    student = detector('atss')
    inputs, samples = detection_batch(student, [0])
    _, pair = read(
        DenseClsLogits(rows='positive'),
        student,
        detector('atss', seed=1),
        inputs,
        samples,
    )
    assert pair.student_logits.shape == (0, 3)
    pair.student_logits.sum().backward()


def test_teacher_weighting_multiplies_the_label_weights():
    student, teacher = detector('retina'), detector('retina', seed=1)
    inputs, samples = detection_batch(student, [2, 1], ignored=1.0)
    _, plain = read(DenseClsLogits(), student, teacher, inputs, samples)
    _, pair = read(
        DenseClsLogits(weighting='teacher'), student, teacher, inputs, samples
    )
    expected = plain.weight * plain.teacher_logits.sigmoid().amax(1)
    torch.testing.assert_close(pair.weight, expected)


def test_windows_leave_padding_out_and_divide_by_their_number():
    student, teacher = detector('gfl'), detector('gfl', seed=1)
    inputs, samples = detection_batch(
        student, [2, 1], sizes=[(64, 128), (128, 128)]
    )
    _, plain = read(DenseClsLogits(), student, teacher, inputs, samples)
    reader = DenseClsLogits(windows=(1, 2), complementary_weight=3.0)
    _, pair = read(reader, student, teacher, inputs, samples)
    # places of both images and, of them, 2 x 2 windows, per level:
    # 384 + 96, 96 + 24, 24 + 6, 6 + 2, 2 + 2
    assert len(pair.student_logits) == 642
    kept = plain.weight[:512] > 0
    torch.testing.assert_close(
        pair.student_logits[:384], plain.student_logits[:512][kept]
    )
    assert torch.equal(pair.labels[:384], plain.labels[:512][kept])
    assert set(pair.weight.tolist()) <= {1.0, 3.0}
    # the mean over windows of both sizes: 642 of them for 512 places
    ratio = 642 / (plain.weight > 0).sum()
    expected = largest_prob(pair.teacher_logits, True, 3).sum()
    torch.testing.assert_close(
        pair.avg_factor, torch.maximum(expected, 2 * ratio)
    )
    assert float(expected) > 2 * ratio
    pair.student_logits.sum().backward()


def test_window_rows_average_their_places():
    student, teacher = detector('gfl'), detector('gfl', seed=1)
    inputs, samples = detection_batch(student, [2])
    _, plain = read(DenseClsLogits(), student, teacher, inputs, samples)
    reader = DenseClsLogits(windows=(2,))
    _, pair = read(reader, student, teacher, inputs, samples)
    # 16 x 16, 8 x 8, 4 x 4, 2 x 2 and 1 x 1 places: 64 + 16 + 4 + 1 + 1
    assert len(pair.student_logits) == 86
    corner = [0, 1, 16, 17]
    for ours, theirs in zip(pair[:2], plain[:2]):
        torch.testing.assert_close(ours[0], theirs[corner].mean(0))
        torch.testing.assert_close(ours[-1], theirs[-1])


def test_rows_to_maps_undoes_the_order_of_the_rows():
    levels = [torch.rand(2, 3 * 4, 5, 6), torch.rand(2, 3 * 4, 2, 3)]
    back = rows_to_maps(map_rows(levels, 4), levels)
    for level, again in zip(levels, back):
        assert torch.equal(again, level.reshape(2 * 3, 4, *level.shape[2:]))


def test_largest_prob_leaves_the_background_out():
    # softmax of log (1, 2, 5) is (1, 2, 5) / 8; class 2 is the background
    logits = torch.tensor([[1.0, 2.0, 5.0]]).log()
    assert largest_prob(logits, False, 2).item() == pytest.approx(2 / 8)
    # sigmoid(log 2) = 2 / 3
    assert largest_prob(logits[:, :2], True, 2).item() == pytest.approx(2 / 3)


def test_split_target_reads_the_three_layouts():
    labels = torch.tensor([0, 2, 1])
    assert split_target(labels, 2) is labels
    assert split_target((labels, torch.rand(3)), 2) is labels
    quality = torch.tensor([[0.0, 0.5], [0.0, 0.0], [0.1, 0.0]])
    assert split_target(quality, 2).tolist() == [1, 2, 0]


def test_tood_uses_its_first_loss_in_its_first_epochs():
    student = detector('tood')
    inputs, samples = detection_batch(student, [2, 1])
    losses, pair = read(STOCK, student, student, inputs, samples, epoch=0)
    again = student.bbox_head.initial_loss_cls(
        pair.student_logits.sigmoid(),
        pair.labels,
        pair.weight,
        avg_factor=pair.avg_factor,
    )
    torch.testing.assert_close(again, total(losses['loss_cls']))


def test_objectness_of_rtmdet_keeps_its_box_tower():
    student = detector('rtmdet')
    cfg = detector_cfg('rtmdet')
    cfg['bbox_head']['with_objectness'] = True
    teacher = build_detector(cfg)
    assert DenseClsLogits().prune(teacher) == ()
    inputs, samples = detection_batch(student, [2])
    _, pair = read(DenseClsLogits(), student, teacher, inputs, samples)
    full = teacher.bbox_head(teacher.extract_feat(inputs))[0]
    torch.testing.assert_close(pair.teacher_logits, map_rows(full, 3))


def test_softmax_head_has_a_background_column():
    loss = dict(type='CrossEntropyLoss', use_sigmoid=False)
    student = build_detector(detector_cfg('retina', loss_cls=loss))
    facts = DenseClsLogits().facts(student)
    assert (facts.channels, facts.use_sigmoid) == (4, False)
    inputs, samples = detection_batch(student, [2])
    losses, pair = read(STOCK, student, student, inputs, samples)
    assert pair.student_logits.shape[1] == 4
    again = student.bbox_head.loss_cls(
        pair.student_logits,
        pair.labels,
        pair.weight,
        avg_factor=pair.avg_factor,
    )
    torch.testing.assert_close(again, total(losses['loss_cls']))


def test_other_backbone_and_fpn_width_fit():
    student = detector('gfl')
    teacher = build_detector(
        detector_cfg('gfl', channels=24, base_channels=12)
    )
    reader = DenseClsLogits()
    reader.check(student, teacher)
    inputs, samples = detection_batch(student, [2])
    _, pair = read(reader, student, teacher, inputs, samples)
    assert pair.student_logits.shape == pair.teacher_logits.shape


def test_upstream_subclasses_with_rows_of_their_own_are_refused():
    cfg = detector_cfg('retina')
    cfg['bbox_head']['type'] = 'FreeAnchorRetinaHead'
    model = build_detector(cfg)
    assert not DenseClsLogits.fits(model)
    with pytest.raises(ValueError, match='a FreeAnchorRetinaHead, which .*Re'):
        DenseClsLogits().facts(model)


def test_a_users_subclass_counts_as_its_parent():
    student = detector('retina')
    parent = type(student.bbox_head)
    student.bbox_head.__class__ = type('MyHead', (parent,), {})
    try:
        assert DenseClsLogits.fits(student)
    finally:
        student.bbox_head.__class__ = parent


def test_wrong_options_are_refused():
    with pytest.raises(ValueError, match="'all' or 'positive', got 'some'"):
        DenseClsLogits(rows='some')
    with pytest.raises(ValueError, match="'teacher' or 'foreground', got"):
        DenseClsLogits(weighting='iou')
    with pytest.raises(ValueError, match="'objects' or 'student', got"):
        DenseClsLogits(divisor='rows')
    with pytest.raises(ValueError, match=r"windows=\(1, 2\) .*rows='all'"):
        DenseClsLogits(rows='positive', windows=(1, 2))
    with pytest.raises(ValueError, match='windows must be different sides'):
        DenseClsLogits(windows=(2, 3))
    with pytest.raises(ValueError, match="reference must be 'label'"):
        DenseClsLogits(reference='iou')


def test_head_that_never_calls_its_loss_is_reported():
    student = detector('retina')
    inputs, _ = detection_batch(student, [1])
    with pytest.raises(RuntimeError, match='without calling bbox_head'):
        DenseClsLogits().pairs({}, Pass(student, inputs))


def test_table_names_layers_that_exist():
    for name in FAMILIES:
        head = detector(name).bbox_head
        for layer in DENSE_HEADS[type(head).__name__].box_layers:
            assert hasattr(head, layer)
