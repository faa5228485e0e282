"""What a reader asks of the teacher."""

import torch
from torch import nn

from mmkd_logit.structures.class_columns import ClassColumns
from mmkd_logit.structures.teacher_pass import TeacherPass


def look(class_map=None):
    return TeacherPass(nn.Identity(), lambda: torch.ones(2), [], class_map)


def test_each_thing_is_computed_once_and_without_gradient():
    teacher, calls = look(), []
    weight = torch.ones(1, requires_grad=True)
    for _ in range(2):
        value = teacher.once('a', lambda: calls.append(1) or 2 * weight)
    assert len(calls) == 1 and not value.requires_grad


def test_classes_are_the_students():
    logits = torch.tensor([[1.0, 2.0]])
    assert look().classes(logits) is logits
    mapped = look(ClassColumns([1, 0], 2)).classes(logits)
    assert mapped.tolist() == [[2.0, 1.0]]


def test_a_pass_knows_whether_what_it_handed_out_was_mapped():
    teacher = look()
    logits = torch.zeros(1, 2)
    teacher.once('mapped', lambda: teacher.classes(logits))
    assert teacher.mapped
    for key, mapped in (('plain', False), ('mapped', True)):
        teacher.mapped = False
        teacher.once(key, lambda: logits)  # computed before, if 'mapped'
        assert teacher.mapped is mapped
    teacher.once('plain', lambda: logits)
    assert teacher.mapped  # of what was asked for in between, too
