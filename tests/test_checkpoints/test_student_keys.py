"""Plain student keys, whatever wrapped the student."""

import pytest
import torch

from mmkd_logit.checkpoints.student_keys import student_keys

WEIGHT = torch.zeros(2, 3)
STUDENT = ['backbone.conv1.weight', 'bbox_head.fc_cls.bias']


def state(*keys):
    return {key: WEIGHT for key in keys}


@pytest.mark.parametrize(
    'keys',
    [
        STUDENT,
        # 1.x
        [f'architecture.{key}' for key in STUDENT]
        + ['architecture.data_preprocessor.mean', 'data_preprocessor.mean']
        + ['teacher.backbone.conv1.weight', 'distiller.connectors.a.weight'],
        # 0.x
        [f'architecture.model.{key}' for key in STUDENT]
        + ['distiller.teacher.backbone.conv1.weight'],
    ],
)
def test_student_keys_of_every_layout(keys):
    assert list(student_keys(state(*keys))) == STUDENT


def test_model_stays_part_of_a_name_beside_a_1x_teacher():
    # a wrapped timm network really has `model.` in its names
    keys = ['architecture.model.conv1.weight', 'teacher.model.conv1.weight']
    assert list(student_keys(state(*keys))) == ['model.conv1.weight']


def test_teacher_without_student_is_refused():
    with pytest.raises(ValueError, match=r'architecture\., got teacher\.a'):
        student_keys(state('teacher.a', 'teacher.b'))
