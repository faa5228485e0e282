"""Dense and mask terms inside a LogitDistiller."""

import pytest
import torch

pytest.importorskip('mmdet')

from mmengine.registry import DefaultScope

from mmkd_logit.registry import MODELS
from tests.toy_detectors import build_detector, detection_batch, detector_cfg
from tests.toy_detrs import detr_cfg
from tests.toy_rcnn import rcnn_cfg
from tests.toy_yolo import yolo_cfg

CLASSES = dict(loss=dict(type='mmkd_logit.DKDLoss', tau=1.0, beta=0.5))
BOXES = dict(
    logits=dict(type='mmkd_logit.GFLBoxLogits'),
    loss=dict(type='mmkd_logit.KDLoss', tau=4.0, loss_weight=0.5),
)
MASKS = dict(
    logits=dict(type='mmkd_logit.MaskLogits'),
    loss=dict(type='mmkd_logit.KDLoss', tau=1.0),
)
ROIS = dict(
    logits=dict(type='mmkd_logit.RoILogits', scales=(1, 2)),
    loss=dict(type='mmkd_logit.KDLoss', tau=1.0),
)
#: name -> (model config, terms)
RUNS = dict(
    retina=(detector_cfg('retina'), dict(loss_kd=CLASSES)),
    fcos=(detector_cfg('fcos'), dict(loss_kd=CLASSES)),
    rtmdet=(
        detector_cfg('rtmdet'),
        dict(loss_kd=dict(loss=dict(type='mmkd_logit.KDQFLLoss'))),
    ),
    gfl=(detector_cfg('gfl'), dict(loss_kd=CLASSES, loss_kd_box=BOXES)),
    yolox=(yolo_cfg('yolox', 80), dict(loss_kd=CLASSES)),
    yolov3=(yolo_cfg('yolov3'), dict(loss_kd=CLASSES)),
    detr=(
        detr_cfg('detr'),
        dict(loss_kd=dict(loss=dict(type='mmkd_logit.DKDLoss'))),
    ),
    dino=(
        detr_cfg('dino'),
        dict(
            loss_kd=dict(
                logits=dict(
                    type='mmkd_logit.DETRLogits',
                    rows=['queries', 'encoder', 'denoising'],
                ),
                loss=dict(type='mmkd_logit.GDKDLoss', k=1),
            )
        ),
    ),
    mask=(rcnn_cfg('mask'), dict(loss_kd=ROIS, loss_kd_mask=MASKS)),
)


def distiller(
    name, tmp_path, teacher_seed=1, teacher=None, terms=None, **kwargs
):
    cfg, default = RUNS[name]
    terms = terms or default
    teacher = teacher or cfg
    path = tmp_path / 'teacher.pth'
    state = build_detector(teacher, teacher_seed).state_dict()
    torch.save(dict(state_dict=state, meta={}), path)
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(
            dict(
                type='mmkd_logit.LogitDistiller',
                student=dict(cfg, _scope_='mmdet'),
                teacher=dict(teacher, _scope_='mmdet'),
                teacher_ckpt=str(path),
                distill=terms,
                **kwargs,
            )
        )
    model.student.load_state_dict(build_detector(cfg, 0).state_dict())
    return model.train()


def step(model, name):
    inputs, samples = detection_batch(model, [2, 1], with_mask=name == 'mask')
    return model.loss(inputs, samples)


@pytest.mark.parametrize('name', sorted(RUNS))
def test_terms_add_to_the_students_own_losses(name, tmp_path):
    model = distiller(name, tmp_path)
    losses = step(model, name)
    terms = set(RUNS[name][1])
    assert terms <= set(losses) and 'loss_cls' in losses
    for term in terms:
        assert losses[term] > 0
    loss, _ = model.parse_losses(losses)
    loss.backward()
    used = [p.grad is not None for p in model.parameters() if p.requires_grad]
    assert all(used)
    assert not any('teacher' in key for key in model.state_dict())


@pytest.mark.parametrize('name', sorted(RUNS))
def test_a_teacher_with_the_students_weights_adds_nothing(name, tmp_path):
    model = distiller(name, tmp_path, teacher_seed=0)
    losses = step(model, name)
    for term in RUNS[name][1]:
        assert losses[term].item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize('weight', [0.0, 1.0])
def test_a_term_of_weight_0_leaves_every_bit_of_the_gradients(
    weight, tmp_path
):
    # large maps of many classes, where the order of sums shows
    model = distiller('yolox', tmp_path)
    (term,) = model.terms.values()
    term.loss.loss_weight = weight
    plain = build_detector(RUNS['yolox'][0]).train()
    inputs, samples = detection_batch(
        plain, [3, 1, 2, 5], 80, sizes=[(320, 320)] * 4
    )
    losses = model.loss(inputs, samples)
    assert (losses['loss_kd'] > 0) == (weight > 0)
    model.parse_losses(losses)[0].backward()
    model.parse_losses(plain.loss(inputs, samples))[0].backward()
    same = [
        torch.equal(ours.grad, theirs.grad)
        for ours, theirs in zip(model.parameters(), plain.parameters())
    ]
    assert all(same) == (weight == 0)


def test_only_layers_that_no_term_reads_are_dropped(tmp_path):
    model = distiller('gfl', tmp_path)
    model.prepare()
    head = model.teacher.model.bbox_head
    assert hasattr(head, 'gfl_reg') and hasattr(head, 'gfl_cls')
    model = distiller('retina', tmp_path)
    model.prepare()
    head = model.teacher.model.bbox_head
    assert hasattr(head, 'retina_cls') and not hasattr(head, 'retina_reg')
    assert step(model, 'retina')['loss_kd'] > 0


def test_a_subset_of_the_teachers_classes_is_mapped(tmp_path):
    model = distiller(
        'retina',
        tmp_path,
        teacher=detector_cfg('retina', num_classes=5),
        class_map={0: 4, 1: 2, 2: 0},
    )
    assert step(model, 'retina')['loss_kd'] > 0


def test_retina_teacher_for_fcos_student_is_an_error_that_says_why(tmp_path):
    model = distiller('fcos', tmp_path, teacher=detector_cfg('retina'))
    with pytest.raises(ValueError, match='FCOSHead.*RetinaHead.*anchor by'):
        model.prepare()


@pytest.mark.parametrize('view', [None, 'bernoulli', 'categorical'])
def test_report_and_listeners_are_told_of_the_view(view, tmp_path):
    term = dict(CLASSES, logits=dict(type='mmkd_logit.DenseClsLogits'))
    term['logits']['view'] = view
    model = distiller('fcos', tmp_path, terms=dict(loss_kd=term))
    seen = []
    model.listener = lambda name, pair: seen.append(pair)
    assert step(model, 'fcos')['loss_kd'] > 0
    (line,) = [one for one in model.report() if 'loss_kd' in one]
    columns = 4 if view == 'categorical' else 3
    assert seen[0].student_logits.shape[1] == columns
    assert model.terms['loss_kd'].facts.channels == columns
    kind = 'softmax' if view == 'categorical' else 'sigmoid'
    assert f'{kind} rows of {columns}' in line
    assert ('categorical view of 3 sigmoid' in line) == (columns == 4)


@pytest.mark.parametrize('name', ['retina', 'gfl'])
def test_a_batch_without_objects_is_no_larger_than_others(name, tmp_path):
    model = distiller(name, tmp_path, terms=dict(loss_kd=CLASSES))
    values = [
        model.loss(*detection_batch(model, boxes))['loss_kd'].item()
        for boxes in ([3, 3], [2, 0], [1, 0], [0, 0])
    ]
    assert max(values) < 2 * min(values)
