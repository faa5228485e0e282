"""The referee, by hand and by the formulas that it is made of."""

import math

import pytest
import torch

from mmkd_logit.ops.group_kl import GroupQuestion
from mmkd_logit.ops.group_kl_plain import (
    group_kl_plain,
    log_group_prob,
    log_mass,
)
from tests.toys import seeded


def test_log_probability_of_a_group_is_exact_near_0_and_1():
    masses = [torch.tensor([0.0, -torch.inf]), torch.tensor([-80.0, 0.0])]
    found = log_group_prob(masses, 0)
    assert found[0].item() == pytest.approx(-math.exp(-80), rel=1e-5)
    assert found[1] == -torch.inf
    assert log_group_prob(masses, 1).tolist() == [-80.0, 0.0]


def test_log_mass_of_a_masked_row_is_minus_infinity_with_a_gradient_of_0():
    logits = torch.tensor([[0.0, 0.0], [-torch.inf] * 2], requires_grad=True)
    mass = log_mass(logits)
    assert mass.tolist() == pytest.approx([math.log(2), -math.inf])
    mass[0].backward()
    assert logits.grad.tolist() == [[0.5, 0.5], [0.0, 0.0]]


def test_with_the_masses_as_weights_three_groups_are_the_whole_kl():
    student, teacher = 3 * torch.randn(2, 5, 7, generator=seeded(0)).double()
    top = teacher.topk(3)[1]
    q = teacher.softmax(1)
    of_top = q.gather(1, top)[:, 1:].sum(1)
    of_rest = q.scatter(1, top, 0.0).sum(1)
    rows, _ = group_kl_plain(
        GroupQuestion(student, teacher, 1.0, top, 1, 1.0, of_top, of_rest)
    )
    whole = (q * (q.log() - student.log_softmax(1))).sum(1)
    torch.testing.assert_close(rows, whole)


def test_reverse_swaps_student_and_teacher_inside_the_groups():
    student, teacher = torch.randn(2, 4, 6, generator=seeded(1)).double()
    question = GroupQuestion(student, teacher, 2.0, kl_type='reverse')
    forward = GroupQuestion(teacher, student, 2.0)
    torch.testing.assert_close(
        group_kl_plain(question)[0], group_kl_plain(forward)[0]
    )
