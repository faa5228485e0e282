"""Mistakes in the model block and in the command line's overrides."""

import pytest
from mmengine.config import Config

from mmkd_logit.distillers import LogitDistiller
from mmkd_logit.launch.config import guard, override
from mmkd_logit.launch.model_block import check_model_block
from tests.test_launch.toy_job import train, write_config
from tests.toys import distiller_config, teacher_file


def block(**changes):
    model = dict(
        type='mmkd_logit.LogitDistiller',
        student=dict(type='GFL'),
        teacher='teacher.py',
        teacher_ckpt='teacher.pth',
        distill=dict(loss_kd=dict(loss=dict(type='mmkd_logit.KDLoss'))),
    )
    model.update(changes)
    return Config(dict(model={k: v for k, v in model.items() if v != '-'}))


def test_a_right_block_passes():
    check_model_block(block())
    check_model_block(
        Config(
            dict(
                model=dict(
                    type=LogitDistiller,
                    **{k: v for k, v in block().model.items() if k != 'type'},
                )
            )
        )
    )
    check_model_block(block(teacher='-'), trains=False)
    check_model_block(Config(dict(model=dict(type='mmdet.GFL', depth='a'))))


@pytest.mark.parametrize(
    'changes, error, message',
    [
        (
            dict(backbone=dict(type='ResNet'), neck=None),
            TypeError,
            'model has backbone, neck, which .*add `_delete_=True`',
        ),
        (dict(type='mmkd_logit.LogitDistiler'), ValueError, 'did you mean'),
        (dict(type='LogitDistiler'), ValueError, 'did you mean'),
        (dict(type='mmkd_logit.Distiller'), ValueError, 'did you mean'),
        (dict(type='LogitDistiller'), ValueError, "type='mmkd_logit.Logit"),
        (dict(type='-'), ValueError, 'no `model = dict'),
        (dict(student='-'), ValueError, 'model.student is missing'),
        (dict(teacher='-'), ValueError, 'model.teacher is missing'),
        (dict(teacher=3), TypeError, 'model.teacher must be .*got 3'),
        (dict(teacher_ckpt=3), TypeError, 'model.teacher_ckpt must be a text'),
        (dict(distill='kd'), TypeError, "model.distill must be a dict.*'kd'"),
        (
            dict(distill=dict(loss_kd='KDLoss')),
            TypeError,
            'model.distill.loss_kd is .KDLoss., expected dict',
        ),
    ],
)
def test_a_wrong_block_is_named(changes, error, message):
    with pytest.raises(error, match=message):
        check_model_block(block(**changes))


@pytest.mark.parametrize(
    'hook, error, message',
    [
        (dict(type='KDWarmupHook', end=5), ValueError, 'mmkd_logit.KDWarmupH'),
        (dict(end=5), TypeError, 'custom_hooks.0 has no `type`'),
        (
            dict(type='mmkd_logit.KDWarmupHook', end='a'),
            TypeError,
            "custom_hooks.0.end must be a whole number, got 'a'",
        ),
        (
            dict(type='mmkd_logit.KDWarmupHook', endat=5),
            TypeError,
            'custom_hooks.0 has the unknown setting endat; KDWarmupHook takes',
        ),
        (
            dict(type='mmkd_logit.KDStopHook', end=5),
            TypeError,
            'custom_hooks.0 lacks the setting begin, which KDStopHook needs',
        ),
    ],
)
def test_wrong_hooks_are_named(hook, error, message):
    config = block()
    config.custom_hooks = [hook]
    with pytest.raises(error, match=message):
        guard(config)


@pytest.mark.parametrize(
    'option, value, message',
    [
        ('custom_hooks.0.end', 5, 'custom_hooks has no entries; write a new'),
        ('hooks.2.end', 5, 'hooks.2.end: hooks has 1 entries'),
        ('model.type.depth', 5, 'model.type.depth=5 does not fit'),
    ],
)
def test_an_override_without_a_place_is_named(option, value, message):
    config = Config(dict(model=dict(type='A'), hooks=[dict(end=1)]))
    with pytest.raises(ValueError, match=message):
        override(config, option, value)


def test_overrides_arrive():
    config = Config(dict(model=dict(type='A'), hooks=[dict(end=1)]))
    override(config, 'hooks.0.end', 5)
    override(config, 'model.new.depth', [1, 2])
    assert config.hooks[0].end == 5 and config.model.new.depth == [1, 2]


@pytest.mark.parametrize(
    'option, message',
    [
        ('loss.loss_weight=1,2', r'loss_weight must be a number, got \[1, 2'),
        ('loss.loss_weight=a', "loss.loss_weight must be a number, got 'a'"),
        ('loss=KDLoss', "loss_kd.loss is 'KDLoss', expected dict"),
        ('loss.type=', 'distill.loss_kd.loss has no `type`'),
        ('loss.taw=1', 'loss_kd.loss has the unknown setting taw'),
    ],
)
def test_a_wrong_setting_of_a_loss_is_named(tmp_path, option, message):
    config = write_config(tmp_path, distiller_config(teacher_file(tmp_path)))
    option = f'model.distill.loss_kd.{option}'
    with pytest.raises((TypeError, ValueError), match=message):
        train(config, tmp_path / 'out', '--cfg-options', option)
