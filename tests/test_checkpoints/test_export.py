"""A checkpoint without what only training needs."""

import pytest
import torch

from mmkd_logit.checkpoints.export import export_checkpoint, student_config

WEIGHT = torch.zeros(2, 3)
STUDENT = ['backbone.conv1.weight', 'bbox_head.fc_cls.bias']


def state(*keys):
    return {key: WEIGHT for key in keys}


def test_export_keeps_weights_and_classes_only():
    meta = dict(dataset_meta=dict(classes=('a', 'b')), env_info='...', iter=7)
    checkpoint = dict(
        meta=meta,
        state_dict=state(*STUDENT),
        optimizer=dict(state={}),
        message_hub=dict(log_scalars={}),
        param_schedulers=[{}],
    )
    student = export_checkpoint(checkpoint)
    assert sorted(student) == ['meta', 'state_dict']
    assert student['meta'] == dict(
        dataset_meta=dict(classes=('a', 'b')), iter=7
    )
    assert list(student['state_dict']) == STUDENT


def test_export_takes_the_average_unless_told_otherwise():
    # EMAHook swaps: `state_dict` has the average, `ema_state_dict` the rest
    checkpoint = dict(
        state_dict={'a': torch.tensor(1.0)},
        ema_state_dict={
            'steps': torch.tensor(5),
            'module.a': torch.tensor(2.0),
        },
    )
    assert export_checkpoint(checkpoint)['state_dict']['a'] == 1
    raw = export_checkpoint(checkpoint, averaged=False)['state_dict']
    assert list(raw) == ['a'] and raw['a'] == 2
    del checkpoint['ema_state_dict']
    with pytest.raises(ValueError, match='trained without EMAHook'):
        export_checkpoint(checkpoint, averaged=False)


def test_config_loses_teacher_and_hooks_of_ours():
    text = """
default_scope = 'mmdet'
custom_hooks = [
    dict(type='mmkd_logit.KDWarmupHook', end=500),
    dict(type='NumClassCheckHook'),
]
model = dict(
    type='mmkd_logit.LogitDistiller',
    student=dict(type='FasterRCNN', backbone=dict(depth=18), scale=-1.5),
    teacher='mmdet::a/b.py')
"""
    config = student_config(text)
    found = {}
    exec(config, found)
    assert found['model'] == dict(
        type='FasterRCNN', backbone=dict(depth=18), scale=-1.5
    )
    assert found['custom_hooks'] == [dict(type='NumClassCheckHook')]
    assert found['default_scope'] == 'mmdet'


@pytest.mark.parametrize(
    'text',
    [
        'import os',
        "model = __import__('os').system('true')",
        "model = dict(type=print('run'))",
        'model = dict(',
        '',
        "model = dict(type='mmrazor.X', architecture=dict(cfg_path='a'))",
    ],
)
def test_config_that_is_more_than_values_is_left_out(text):
    assert student_config(text) is None
