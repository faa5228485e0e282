"""A distillation from two configs and the name of a method."""

from argparse import Namespace

import pytest

pytest.importorskip('mmdet')

import mmkd_logit
from mmkd_logit.distillers.self_teacher import EMA
from mmkd_logit.distillers.teachers import make_teachers
from mmkd_logit.launch import load_config
from mmkd_logit.launch.recipes import FOLDER, methods
from mmkd_logit.launch.start import distill, use_teacher, write_distillation

RETINA = 'mmdet::retinanet/retinanet_r18_fpn_1x_coco.py'
BIG_RETINA = 'mmdet::retinanet/retinanet_r101_fpn_2x_coco.py'
SSD = 'mmdet::ssd/ssdlite_mobilenetv2-scratch_8xb24-600e_coco.py'
RTMDET = 'mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py'


def without_scopes(node):
    """MMEngine marks what is inherited from a package; a config does not."""
    if isinstance(node, dict):
        return {
            key: without_scopes(value)
            for key, value in node.items()
            if key != '_scope_'
        }
    if isinstance(node, (list, tuple)):
        return [without_scopes(part) for part in node]
    return node


@pytest.mark.parametrize(
    'student, teacher, method',
    [
        (RETINA, BIG_RETINA, 'dkd'),
        (RTMDET, 'mmdet::rtmdet/rtmdet_l_8xb32-300e_coco.py', 'kd'),
        (
            'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py',
            'mmdet::faster_rcnn/faster-rcnn_r101_fpn_2x_coco.py',
            'sd_dkd',
        ),
    ],
)
def test_written_file_is_the_config(tmp_path, student, teacher, method):
    path, recipe = write_distillation(tmp_path, student, teacher, method)
    text = path.read_text()
    assert len(text.splitlines()) <= 35
    assert ' '.join(recipe.source.split()[:4]) in text
    written = load_config(str(path))
    made = mmkd_logit.distill(student, teacher, method)
    assert without_scopes(written.to_dict()) == without_scopes(made.to_dict())
    assert made.model.teacher == teacher
    assert made.train_dataloader == load_config(student).train_dataloader


def test_classifier_and_the_weight_of_its_own_loss(tmp_path):
    pytest.importorskip('mmpretrain')
    student = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'
    teacher = 'mmpretrain::resnet/resnet50_8xb32_in1k.py'
    path, _ = write_distillation(tmp_path, student, teacher, 'kd')
    written = load_config(str(path)).model.student.head.loss
    assert written.loss_weight == 0.5  # 0.5 x CE + 0.5 x KD
    made = distill(student, teacher, 'kd').model
    assert made.student.head.loss.loss_weight == 0.5
    assert made.distill.loss_kd.loss.loss_weight == 0.5


@pytest.mark.parametrize('method', ['wsld', 'nkd', 'ls_kd'])
def test_settings_of_the_schedule_are_those_of_the_recipe(method, tmp_path):
    pytest.importorskip('mmpretrain')
    student = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'
    path, recipe = write_distillation(tmp_path, student, student, method)
    written = load_config(str(path))
    assert without_scopes(written.to_dict()) == without_scopes(
        distill(student, student, method).to_dict()
    )
    for name, value in recipe.changes.get('train_dataloader', {}).items():
        assert written.train_dataloader[name] == value
    assert written.train_dataloader.dataset.type == 'ImageNet'


def test_hooks_of_the_student_stay():
    own = load_config(RTMDET).custom_hooks
    made = distill(RTMDET, RTMDET, 'dkd')
    assert [hook.type for hook in made.custom_hooks][: len(own)] == [
        hook.type for hook in own
    ]


def test_a_config_object_is_left_alone():
    student = load_config(RETINA)
    before = student.to_dict()
    made = distill(student, BIG_RETINA)
    assert student.to_dict() == before
    assert made.model.type == 'mmkd_logit.LogitDistiller'


def test_mistakes_get_a_sentence(tmp_path):
    with pytest.raises(ValueError, match="method 'dkdd'.*did you mean 'dkd'"):
        distill(RETINA, BIG_RETINA, 'dkdd')
    with pytest.raises(ValueError, match='a distiller as model'):
        distill(distill(RETINA, BIG_RETINA), BIG_RETINA)


def test_every_kind_of_rows_has_the_common_methods():
    assert FOLDER.is_dir()
    for rows in ('dense', 'imagenet', 'roi', 'seg'):
        assert {'kd', 'dkd'} <= set(methods(rows))
        assert not [name for name in methods(rows) if 'beta' in name]


@pytest.mark.parametrize(
    'student, method, loss, reader',
    [
        (RETINA, 'kd', 'KDQFLLoss', None),
        (SSD, 'kd', 'KDLoss', None),
        (SSD, 'sd_kd', 'KDLoss', 'DenseClsLogits'),
        (SSD, 'dkd', 'DKDLoss', None),
        ('mmdet::detr/detr_r50_8xb2-150e_coco.py', 'kd', 'KDLoss', None),
        (
            'mmdet::conditional_detr/conditional-detr_r50_8xb2-50e_coco.py',
            'kd',
            'KDQFLLoss',
            None,
        ),
    ],
)
def test_recipe_is_for_softmax_or_sigmoid_classes(
    student, method, loss, reader
):
    term = distill(student, student, method).model.distill.loss_kd
    assert term.loss.type == f'mmkd_logit.{loss}'
    found = term.get('logits', {}).get('type')
    assert found == (reader and f'mmkd_logit.{reader}')


def test_method_needs_a_teacher():
    args = Namespace(teacher=None, method='kd')
    with pytest.raises(ValueError, match='--method kd needs .*--teacher'):
        use_teacher(args)


def test_options_become_a_config_in_the_work_dir(tmp_path, capsys):
    args = Namespace(
        config='configs/demo/faster_rcnn_student.py',
        teacher='configs/demo/faster_rcnn_teacher.py',
        teacher_ckpt='auto',
        method=None,
        work_dir=str(tmp_path),
    )
    use_teacher(args)
    assert args.config == f'{tmp_path}/source/faster_rcnn_student_dkd.py'
    assert args.teacher_ckpt is None
    said = capsys.readouterr().out
    assert 'the recipe: ' in said and '_base_/recipes/' in said
    assert (
        said.startswith('dkd: DKD of every sampled RoI')
        and args.config in said
    )
    made = load_config(args.config).model
    assert made.distill.loss_kd.loss.type == 'mmkd_logit.DKDLoss'
    assert made.teacher.endswith('/configs/demo/faster_rcnn_teacher.py')


def test_several_teachers_become_a_list(tmp_path):
    teacher = 'configs/demo/faster_rcnn_teacher.py'
    args = Namespace(
        config='configs/demo/faster_rcnn_student.py',
        teacher=[teacher, 'ema'],
        teacher_ckpt=['a.pth', 'auto'],
        method='kd',
        work_dir=str(tmp_path),
    )
    use_teacher(args)
    made = load_config(args.config).model
    assert made.teacher[0].endswith(teacher) and made.teacher[1] == 'ema'
    assert made.teacher_ckpt == ['a.pth', 'auto']
    args = Namespace(**{**vars(args), 'teacher': [teacher] * 3})
    args.teacher_ckpt = ['a.pth', 'b.pth']
    with pytest.raises(ValueError, match='given 2 time.*for 3 teacher'):
        use_teacher(args)


def test_ema_is_one_argument(tmp_path):
    args = Namespace(
        config='configs/demo/faster_rcnn_student.py',
        teacher=['ema'],
        teacher_ckpt=None,
        method='kd',
        work_dir=str(tmp_path),
    )
    use_teacher(args)
    made = load_config(args.config).model
    assert made.teacher == 'ema' and made.teacher_ckpt == 'auto'
    assert make_teachers(made.teacher, made.teacher_ckpt)[0].config == EMA
