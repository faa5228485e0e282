"""``class_map`` equals a teacher whose weights are in the student's order."""

import copy
from contextlib import ExitStack

import pytest
import torch

from mmkd_logit.heads import (
    ClsLogits,
    DenseClsLogits,
    GFLBoxLogits,
    MaskLogits,
    RoILogits,
    SegLogits,
)
from mmkd_logit.structures.class_columns import ClassColumns
from mmkd_logit.structures.teacher_pass import TeacherPass

ORDER = [2, 0, 1]


def reordered(teacher, layers, anchors=1):
    """A copy whose class i is the original's class ORDER[i]."""
    teacher = copy.deepcopy(teacher)
    for name in layers:
        layer = teacher.get_submodule(name)
        for tensor in (layer.weight, layer.bias):
            columns = tensor.data.unflatten(0, (anchors, -1))
            index = ORDER + list(range(len(ORDER), columns.shape[1]))
            tensor.data = columns[:, index].flatten(0, 1)
    return teacher


def pairs(reader, student, teacher, inputs, samples, class_map=None):
    notes = {}
    torch.manual_seed(0)  # RoIs and dropout
    reader.classes_are_mapped = class_map is not None
    reader.check(student, teacher)
    with ExitStack() as stack:
        reader.watch(student.train(), notes, stack)
        student(inputs, samples, mode='loss')
    look = TeacherPass(teacher.eval(), lambda: inputs, samples, class_map)
    found = reader.pairs(notes, look)
    assert look.mapped
    return found


def check_equal(make_reader, student, teacher, reordered_teacher, batch):
    """The same rows, labels, weights and divisor by both ways."""
    mapped = pairs(
        make_reader(), student, teacher, *batch, ClassColumns(ORDER, 3)
    )
    moved = pairs(make_reader(), student, reordered_teacher, *batch)
    other = pairs(make_reader(), student, teacher, *batch)
    assert list(mapped) == list(moved)
    for name in mapped:
        for one, two in zip(mapped[name], moved[name]):
            if one is not None:
                torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-6)
    assert any(
        one is not None
        and (len(one) != len(two) or not torch.allclose(one, two))
        for name in mapped
        for one, two in zip(mapped[name][1:4], other[name][1:4])
    )


@pytest.mark.parametrize(
    'options',
    [
        dict(),
        dict(scales=(1, 2)),
        dict(scales=(1, 2), reference='teacher', pool='direct'),
        dict(hard=True),
    ],
    ids=str,
)
def test_classifiers(options):
    pytest.importorskip('mmpretrain')
    from tests.toy_classifiers import build, classifier_cfg, images, samples

    student, teacher = (
        build(classifier_cfg(num_classes=3), seed) for seed in (0, 1)
    )
    batch = images(6), samples([0, 1, 2, 0, 1, 2])
    check_equal(
        lambda: ClsLogits(**options),
        student,
        teacher,
        reordered(teacher, ['head.fc']),
        batch,
    )


def test_a_subset_with_scale_decoupling():
    pytest.importorskip('mmpretrain')
    from tests.toy_classifiers import build, classifier_cfg, images, samples

    student = build(classifier_cfg(num_classes=2))
    teacher = build(classifier_cfg(num_classes=4), 1)
    columns = ClassColumns([3, 1], 4)
    reader = ClsLogits(scales=(1, 2))
    batch = images(3), samples([0, 1, 0])
    pair = pairs(reader, student, teacher, *batch, columns)['']
    whole = reader.cell_logits(teacher, teacher.backbone(batch[0]))[:, [3, 1]]
    torch.testing.assert_close(
        pair.teacher_logits, whole.transpose(1, 2).reshape(-1, 2)
    )


@pytest.mark.parametrize(
    'options',
    [
        dict(),
        dict(windows=(1, 2), reference='teacher'),
        dict(windows=(1, 2)),
        dict(ignored='teacher'),
        dict(teacher_errors='drop', min_confidence=0.5),
        dict(resolution='labels'),
        dict(auxiliary_weight=0.4),
    ],
    ids=str,
)
def test_segmentors(options):
    pytest.importorskip('mmseg')
    from tests.toy_segmentors import label_samples, segmentor

    kwargs = dict(num_classes=3, auxiliary=1)
    student, teacher = segmentor(**kwargs), segmentor(1, **kwargs)
    generator = torch.Generator().manual_seed(3)
    labels = torch.randint(3, (2, 32, 32), generator=generator)
    labels[:, :9] = 255
    inputs = torch.randn(2, 3, 32, 32, generator=generator)
    check_equal(
        lambda: SegLogits(**options),
        student,
        teacher,
        reordered(
            teacher, ['decode_head.conv_seg', 'auxiliary_head.conv_seg']
        ),
        (inputs, label_samples(labels)),
    )


def test_masks_of_queries():
    pytest.importorskip('mmseg')
    pytest.importorskip('mmdet')
    from tests.toy_mask_heads import build_masks, mask_segmentor_cfg
    from tests.toy_segmentors import label_samples

    student, teacher = (
        build_masks(mask_segmentor_cfg(classes=3), seed) for seed in (0, 1)
    )
    generator = torch.Generator().manual_seed(3)
    labels = torch.randint(3, (2, 64, 64), generator=generator)
    inputs = torch.randn(2, 3, 64, 64, generator=generator)
    check_equal(
        lambda: SegLogits(ignored='teacher'),
        student,
        teacher,
        reordered(teacher, ['decode_head.cls_embed']),
        (inputs, label_samples(labels)),
    )


@pytest.mark.parametrize(
    'options',
    [
        dict(),
        dict(scales=(1, 2), complementary_weight=2.0),
        dict(
            scales=(1, 2),
            cells='polyphase',
            complementary_weight=2.0,
            reference='teacher',
        ),
    ],
    ids=str,
)
def test_rois(options):
    pytest.importorskip('mmdet')
    from tests.toy_detectors import build_detector, detection_batch
    from tests.toy_rcnn import rcnn_cfg

    student, teacher = (build_detector(rcnn_cfg('faster'), s) for s in (0, 1))
    check_equal(
        lambda: RoILogits(**options),
        student,
        teacher,
        reordered(teacher, ['roi_head.bbox_head.fc_cls']),
        detection_batch(student, [3, 2]),
    )


def test_masks_of_rois():
    pytest.importorskip('mmdet')
    from tests.toy_detectors import build_detector, detection_batch
    from tests.toy_rcnn import rcnn_cfg

    student, teacher = (build_detector(rcnn_cfg('mask'), s) for s in (0, 1))
    check_equal(
        MaskLogits,
        student,
        teacher,
        reordered(teacher, ['roi_head.mask_head.conv_logits']),
        detection_batch(student, [3, 2], with_mask=True),
    )


@pytest.mark.parametrize(
    'options',
    [
        dict(),
        dict(rows='positive'),
        dict(weighting='teacher'),
        dict(windows=(1, 2), reference='teacher'),
    ],
    ids=str,
)
def test_dense_heads(options):
    pytest.importorskip('mmdet')
    from tests.toy_detectors import detection_batch, detector

    student, teacher = detector('retina'), detector('retina', seed=1)
    check_equal(
        lambda: DenseClsLogits(**options),
        student,
        teacher,
        reordered(teacher, ['bbox_head.retina_cls'], anchors=9),
        detection_batch(student, [3, 2]),
    )


@pytest.mark.parametrize('name', ['yolox', 'yolov3'])
def test_yolo_heads(name):
    pytest.importorskip('mmdet')
    from mmkd_logit.heads import YOLOV3Logits, YOLOXLogits
    from tests.toy_detectors import detection_batch
    from tests.toy_yolo import yolo

    reader = dict(yolox=YOLOXLogits, yolov3=YOLOV3Logits)[name]
    student, teacher = yolo(name), yolo(name, seed=1)
    if name == 'yolox':
        layers = [f'bbox_head.multi_level_conv_cls.{i}' for i in range(3)]
        moved = reordered(teacher, layers)
    else:
        moved = copy.deepcopy(teacher)
        for layer in moved.bbox_head.convs_pred:
            for tensor in (layer.weight, layer.bias):
                rows = tensor.data.unflatten(0, (3, -1))
                index = [*range(5), *(5 + i for i in ORDER)]
                tensor.data = rows[:, index].flatten(0, 1)
    check_equal(
        lambda: reader(weighting='teacher'),
        student,
        teacher,
        moved,
        detection_batch(student, [3, 2]),
    )


def test_a_boxs_weight_is_that_of_the_mapped_classes():
    pytest.importorskip('mmdet')
    from tests.toy_detectors import detection_batch, detector

    student, teacher = detector('gfl'), detector('gfl', num_classes=4, seed=1)
    batch = detection_batch(student, [3, 2])
    weights = []
    for columns in ([0, 1, 2], [3, 3, 3]):
        reader = GFLBoxLogits(weighting='teacher')
        columns = ClassColumns(columns, 4)
        weights.append(pairs(reader, student, teacher, *batch, columns)[''][3])
    assert len(weights[0]) and not torch.allclose(*weights)
