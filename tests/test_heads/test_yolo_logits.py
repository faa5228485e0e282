"""Rows of YOLOX and YOLOv3: class times objectness at every prior."""

from contextlib import ExitStack

import pytest
import torch

pytest.importorskip('mmdet')

from mmkd_logit.distillers.match_classes import match_classes
from mmkd_logit.heads import YOLOV3Logits, YOLOXLogits, find_reader
from mmkd_logit.heads.upstream.observe import observe
from mmkd_logit.losses import KDLoss
from mmkd_logit.structures.class_columns import ClassColumns
from tests.toy_detectors import (
    BATCHES,
    build_detector,
    detection_batch,
    detector,
    read,
    total,
)
from tests.toy_yolo import YOLO, yolo, yolo_cfg

READERS = dict(yolox=YOLOXLogits, yolov3=YOLOV3Logits)
FAMILIES = sorted(YOLO)


@pytest.mark.parametrize('name', FAMILIES)
def test_default_reader_is_found_and_a_users_subclass_counts(name):
    student = yolo(name)
    assert type(find_reader(student)) is READERS[name]
    parent = type(student.bbox_head)
    student.bbox_head.__class__ = type('MyHead', (parent,), {})
    try:
        assert READERS[name].fits(student)
    finally:
        student.bbox_head.__class__ = parent
    assert not READERS[name].fits(detector('fcos'))


@pytest.mark.parametrize('name', FAMILIES)
def test_rows_go_image_level_location_anchor(name):
    student = yolo(name)
    inputs, samples = detection_batch(student, [2, 1], sizes=[(64, 96)] * 2)
    _, pair = read(READERS[name](), student, yolo(name), inputs, samples)
    with torch.no_grad():
        maps = student.bbox_head(student.extract_feat(inputs))
    scores = []
    for image in range(2):
        for level in zip(*maps):
            for y in range(level[0].shape[2]):
                for x in range(level[0].shape[3]):
                    place = [part[image, :, y, x].sigmoid() for part in level]
                    if name == 'yolox':
                        scores.append(place[0] * place[2])
                    else:  # three anchors of 4 + 1 + 3 numbers
                        for anchor in place[0].split(8):
                            scores.append(anchor[4] * anchor[5:])
    # 64 x 96 pixels: 8x12 + 4x6 + 2x3 = 126 locations an image
    assert len(scores) == 2 * 126 * (1 if name == 'yolox' else 3)
    torch.testing.assert_close(
        pair.student_logits.sigmoid(), torch.stack(scores)
    )


@pytest.mark.parametrize('batch', sorted(BATCHES))
def test_yolov3_rows_are_what_the_stock_losses_received(batch):
    student = yolo('yolov3')
    inputs, samples = detection_batch(student, **BATCHES[batch])
    classes, objectness = [], []
    with ExitStack() as stack:
        for loss, calls in (
            (student.bbox_head.loss_cls, classes),
            (student.bbox_head.loss_conf, objectness),
        ):
            stack.enter_context(
                observe(
                    loss,
                    'forward',
                    lambda args, _, calls=calls: calls.append(args),
                )
            )
        _, pair = read(
            YOLOV3Logits(divisor='student'),
            student,
            yolo('yolov3'),
            inputs,
            samples,
        )

    def flat(calls, key):
        levels = torch.cat([call[key] for call in calls], 1)
        return levels.flatten(0, 1)

    scores = (
        flat(classes, 'cls_score').sigmoid()
        * flat(objectness, 'cls_score').sigmoid()[:, None]
    )
    torch.testing.assert_close(pair.student_logits.sigmoid(), scores)
    positive = flat(objectness, 'label') > 0
    assert torch.equal(pair.labels < 3, positive)
    one_hot = flat(classes, 'label')[positive]
    assert torch.equal(pair.labels[positive], one_hot.argmax(1))
    torch.testing.assert_close(pair.weight, flat(objectness, 'weight'))
    assert float(pair.avg_factor) == max(positive.sum(), 1)


@pytest.mark.parametrize('batch', sorted(BATCHES))
def test_yolox_rows_are_what_the_stock_losses_received(batch):
    student = yolo('yolox')
    inputs, samples = detection_batch(student, **BATCHES[batch])
    seen = {}
    with ExitStack() as stack:
        for key in ('loss_cls', 'loss_obj'):
            stack.enter_context(
                observe(
                    getattr(student.bbox_head, key),
                    'forward',
                    lambda args, _, key=key: seen.update({key: args}),
                )
            )
        losses, pair = read(
            YOLOXLogits(divisor='student'),
            student,
            yolo('yolox'),
            inputs,
            samples,
        )
    labels, logits = pair.labels, pair.student_logits
    positive = labels < 3
    assert torch.equal(positive, seen['loss_obj']['label'][:, 0] > 0)
    assert float(pair.avg_factor) == max(positive.sum(), 1)
    assert positive.any() == (sum(BATCHES[batch]['boxes_per_image']) > 0)
    # the objectness loss saw every prior; a product is never above it
    objectness = seen['loss_obj']['cls_score']
    assert (logits <= objectness).all()
    if positive.any():
        scores = (
            seen['loss_cls']['cls_score'].sigmoid()
            * objectness[positive].sigmoid()
        )
        torch.testing.assert_close(logits[positive].sigmoid(), scores)
        # qualities in the place of the label, 0 elsewhere
        target = seen['loss_cls']['label']
        others = target.scatter(1, labels[positive][:, None], 0.0)
        assert (others == 0).all() and (target > 0).any()
    assert pair.weight is None
    assert total(losses['loss_obj']).isfinite()


@pytest.mark.parametrize('batch', ['boxes', 'four_sizes', 'no_boxes'])
@pytest.mark.parametrize('name', FAMILIES)
def test_teacher_with_the_students_weights_gives_no_loss(name, batch):
    student = yolo(name)
    inputs, samples = detection_batch(student, **BATCHES[batch])
    _, pair = read(READERS[name](), student, student, inputs, samples)
    assert not pair.teacher_logits.requires_grad
    loss = KDLoss(use_sigmoid=True)
    assert abs(loss(*pair).item()) < 1e-4
    _, other = read(
        READERS[name](), student, yolo(name, seed=1), inputs, samples
    )
    assert loss(*other).item() > 0.1


@pytest.mark.parametrize('name', FAMILIES)
def test_teacher_runs_no_box_layer_and_is_whole_afterwards(name):
    student, teacher = yolo(name), build_detector(yolo_cfg(name), seed=2)
    inputs, samples = detection_batch(student, [2])
    reader = READERS[name]()
    ran = set()
    for path, module in teacher.named_modules():
        module.register_forward_hook(lambda *_, path=path: ran.add(path))
    keys = list(teacher.state_dict())
    _, before = read(reader, student, teacher, inputs, samples)
    assert list(teacher.state_dict()) == keys
    boxes = reader.prune(teacher)
    assert bool(boxes) == (name == 'yolox')
    assert ran and not [path for path in ran if path.startswith(boxes or '-')]
    for path in boxes:
        owner, _, child = path.rpartition('.')
        delattr(teacher.get_submodule(owner), child)
    _, after = read(reader, student, teacher, inputs, samples)
    assert torch.equal(before.teacher_logits, after.teacher_logits)


@pytest.mark.parametrize('name', FAMILIES)
def test_positive_rows_and_teacher_weights(name):
    student, teacher = yolo(name), yolo(name, seed=1)
    inputs, samples = detection_batch(student, [3, 1])
    kind = READERS[name]
    _, every = read(kind(), student, teacher, inputs, samples)
    _, some = read(kind(rows='positive'), student, teacher, inputs, samples)
    keep = every.labels < 3
    assert 0 < keep.sum() < len(keep)
    for ours, theirs in zip(some[:3], every[:3]):
        torch.testing.assert_close(ours, theirs[keep])
    _, sure = read(
        kind(weighting='teacher'), student, teacher, inputs, samples
    )
    trust = every.teacher_logits.sigmoid().amax(1)
    if every.weight is not None:
        trust = trust * every.weight
    torch.testing.assert_close(sure.weight, trust)


@pytest.mark.parametrize('name', FAMILIES)
def test_teachers_classes_are_put_into_the_students_order(name):
    student, teacher = yolo(name), yolo(name, num_classes=5)
    inputs, samples = detection_batch(student, [2])
    reader = READERS[name](weighting='teacher')
    _, pair = read(
        reader,
        student,
        teacher,
        inputs,
        samples,
        class_map=ClassColumns([4, 0, 2], 5),
    )
    _, whole = read(READERS[name](), teacher, teacher, inputs, samples)
    expected = whole.teacher_logits[:, [4, 0, 2]]
    torch.testing.assert_close(pair.teacher_logits, expected)
    trust = expected.sigmoid().amax(1)
    if name == 'yolov3':
        trust = trust * whole.weight
    torch.testing.assert_close(pair.weight, trust)


def test_no_positive_row_keeps_a_gradient_path():
    student = yolo('yolox')
    inputs, samples = detection_batch(student, [0])
    _, pair = read(
        YOLOXLogits(rows='positive'), student, student, inputs, samples
    )
    assert pair.student_logits.shape == (0, 3)
    pair.student_logits.sum().backward()


def test_other_heads_strides_anchors_and_classes_are_refused():
    reader = YOLOXLogits()
    student = yolo('yolox')
    with pytest.raises(ValueError, match='has a FCOSHead.*of a YOLOXHead'):
        reader.check(student, detector('fcos'))
    other = yolo('yolox', strides=(4, 8, 16))
    with pytest.raises(ValueError, match=r'strides \[8, 16.*\[4, 8, 16\]'):
        reader.check(student, other)
    cfg = yolo_cfg('yolov3')
    cfg['bbox_head']['anchor_generator'] = dict(
        cfg['bbox_head']['anchor_generator'],
        base_sizes=[[(9, 9), (16, 30), (33, 23)]] * 3,
    )
    with pytest.raises(ValueError, match='level 0 anchors 10x13.* 9x9'):
        YOLOV3Logits().check(yolo('yolov3'), build_detector(cfg))
    with pytest.raises(ValueError, match='teacher has 4 classes, student 3'):
        match_classes(
            reader.facts(student),
            reader.facts(yolo('yolox', num_classes=4)),
            None,
            None,
            None,
        )


def test_teacher_on_another_grid_is_refused():
    student = yolo('yolox')
    inputs, samples = detection_batch(student, [1])
    teacher = build_detector(yolo_cfg('yolox'))
    with pytest.raises(ValueError, match=r'sizes \[\(16, 16\).*\[\(32, 32'):
        read(YOLOXLogits(), student, FinerPass(teacher), inputs, samples)


class FinerPass(torch.nn.Module):
    """A teacher whose features come from an image twice as large."""

    def __init__(self, model):
        super().__init__()
        self.model, self.bbox_head = model, model.bbox_head

    def extract_feat(self, inputs):
        return self.model.extract_feat(
            torch.nn.functional.interpolate(inputs, scale_factor=2)
        )


def test_wrong_options_are_refused():
    with pytest.raises(ValueError, match="'all' or 'positive', got 'some'"):
        YOLOXLogits(rows='some')
    with pytest.raises(ValueError, match="or 'foreground', got 'iou'"):
        YOLOV3Logits(weighting='iou')


def test_head_that_never_computes_its_loss_is_reported():
    with pytest.raises(RuntimeError, match='without calling bbox_head'):
        YOLOXLogits().pairs({}, None)


@pytest.mark.parametrize('name', FAMILIES)
def test_windows_average_neighbours_of_one_level_and_anchor(name):
    student, teacher = yolo(name), yolo(name, seed=1)
    inputs, samples = detection_batch(student, [3, 1])
    kind = READERS[name]
    _, every = read(kind(), student, teacher, inputs, samples)
    reader = kind(windows=(2,))
    _, pair = read(reader, student, teacher, inputs, samples)
    anchors = 3 if name == 'yolov3' else 1
    # 128 x 128 pixels: 16 x 16, 8 x 8 and 4 x 4 places an image
    assert len(every.labels) == 2 * anchors * 336
    assert len(pair.labels) <= 2 * anchors * 84
    # the first window is the upper left corner of the finest level
    corner = [anchors * place for place in (0, 1, 16, 17)]
    for ours, theirs in zip(pair[:2], every[:2]):
        torch.testing.assert_close(ours[0], theirs[corner].mean(0))
    pair.student_logits.sum().backward()
