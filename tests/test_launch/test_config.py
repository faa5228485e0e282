"""Configs, and the options of the command line."""

from argparse import Namespace

import pytest
from mmengine.config import Config

from mmkd_logit.launch import guard, load_config, set_training_options


def distiller():
    return Config(dict(model=dict(type='mmkd_logit.LogitDistiller')))


def test_guard_is_added_once_and_only_to_distillation():
    config = distiller()
    guard(config)
    guard(config)
    assert [h['type'] for h in config.custom_hooks] == [
        'mmkd_logit.KDGuardHook'
    ]
    plain = Config(dict(model=dict(type='FasterRCNN')))
    guard(plain)
    assert not plain.get('custom_hooks')


@pytest.mark.parametrize('teacher', ['ema', ['a.py', 'ema']])
def test_an_average_of_the_student_gets_its_hook_once(teacher):
    config = distiller()
    guard(config)
    assert 'SelfTeacher' not in str(config.custom_hooks)
    config.model.teacher = teacher
    for _ in range(2):
        guard(config)
        kinds = [hook['type'] for hook in config.custom_hooks]
        assert kinds.count('mmkd_logit.KDSelfTeacherHook') == 1


def test_unknown_hook_names_the_nearest():
    config = distiller()
    config.custom_hooks = [dict(type='mmkd_logit.KDWarmUpHook', end=5)]
    with pytest.raises(ValueError, match="mmkd_logit.KDWarmupHook'"):
        guard(config)


def test_a_hook_that_is_a_string_is_named():
    config = distiller()
    config.custom_hooks = ["{'type':'mmkd_logit.KDStopHook'"]
    with pytest.raises(TypeError, match='KDStopHook.*into a config file'):
        guard(config)


def test_a_checkpoint_to_resume_from_must_be_there(tmp_path):
    args = Namespace(
        teacher_ckpt=None, amp=False, auto_scale_lr=False, resume='/no.pth'
    )
    with pytest.raises(FileNotFoundError, match="'/no.pth' is not a file"):
        set_training_options(distiller(), args)
    for resume, load_from in (
        ('auto', None),
        (str(tmp_path / 'a.pth'), str(tmp_path / 'a.pth')),
    ):
        (tmp_path / 'a.pth').touch()
        args.resume, config = resume, distiller()
        set_training_options(config, args)
        assert config.resume and config.load_from == load_from


@pytest.mark.parametrize(
    'teacher, ckpt, expected',
    [
        ('a.py', 'a.pth', 'a.pth'),
        ('a.py', ['a.pth'], 'a.pth'),
        (['a.py', 'b.py'], ['a.pth', 'b.pth'], ['a.pth', 'b.pth']),
        (['a.py', 'b.py'], ['auto'], 'auto'),
        (['a.py'], ['a.pth'], ['a.pth']),
        (['a.py', 'b.py'], ['a.pth'], '1 .* for 2 teacher'),
        ('a.py', ['a.pth', 'b.pth'], '2 .* for 1 teacher'),
    ],
)
def test_checkpoints_are_as_many_as_teachers(teacher, ckpt, expected):
    config = Config(dict(model=distiller().model))
    config.model.teacher = teacher
    args = Namespace(
        teacher_ckpt=ckpt, amp=False, auto_scale_lr=False, resume=None
    )
    if 'for' in expected:
        with pytest.raises(ValueError, match=expected):
            set_training_options(config, args)
        return
    set_training_options(config, args)
    assert config.model.teacher_ckpt == expected


def test_config_mistakes(tmp_path):
    with pytest.raises(FileNotFoundError, match='is not a file'):
        load_config('/nowhere/config.py')
    (tmp_path / 'a.py').write_text("_base_ = './gone.py'\n")
    with pytest.raises(FileNotFoundError, match='inherits a file.*gone.py'):
        load_config(str(tmp_path / 'a.py'))
    (tmp_path / 'old.py').write_text("_base_ = './a.py'\n")
    (tmp_path / 'b.py').write_text(
        'from mmengine.config import read_base\n'
        'with read_base():\n    from .old import *\n'
    )
    with pytest.raises(ValueError, match='b.py. mixes two styles'):
        load_config(str(tmp_path / 'b.py'))


def test_preprocessor_beside_the_model_reaches_the_student(tmp_path):
    (tmp_path / 'a.py').write_text(
        'data_preprocessor = dict(mean=[1.])\n'
        "model = dict(type='mmkd_logit.LogitDistiller', "
        "student=dict(type='ImageClassifier'))\n"
    )
    config = load_config(str(tmp_path / 'a.py'), {'model.class_map': [0]})
    assert config.model.student.data_preprocessor.mean == [1.0]
    assert 'data_preprocessor' not in config.model
    assert config.model.class_map == [0]


def test_exact_resume_is_one_switch():
    for options, expected in (({}, 0), (dict(exact_resume=True), 1)):
        plain = Config(dict(model=dict(type='FasterRCNN'), **options))
        guard(plain)
        guard(plain)
        hooks = [hook['type'] for hook in plain.get('custom_hooks') or []]
        assert hooks == ['mmkd_logit.SeedEachIterHook'] * expected
