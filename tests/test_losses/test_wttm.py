import math

import pytest
import torch

from mmkd_logit.losses import WTTMLoss, kd_loss, wttm_loss
from tests.toys import seeded

# its square root is (4, 3, 1)/8 after normalisation
TEACHER = torch.tensor([[16.0, 9.0, 1.0]]).log()


def random(seed):
    return 3 * torch.randn(
        2, 6, 9, generator=seeded(seed), dtype=torch.float64
    )


def test_wttm_loss_matches_hand_computed_value():
    # KL of (4, 3, 1)/8 from (1, 1, 1)/3:
    # 1/2 ln 3/2 + 3/8 ln 9/8 + 1/8 ln 3/8                     = 0.1242975
    # U = (4 + 3 + 1)/sqrt 26                                   = 1.5689290
    rows, parts = wttm_loss(
        torch.zeros(1, 3), TEACHER, gamma=0.5, with_parts=True
    )
    torch.testing.assert_close(
        [rows.item(), parts['kl'].item(), parts['power_sum'].item()],
        [0.1242975 * 1.5689290, 0.1242975, 1.5689290],
        atol=1e-6,
        rtol=0,
    )


def test_without_the_weight_it_is_ttm():
    student, teacher = random(0)
    rows, parts = wttm_loss(student, teacher, 0.3, False, with_parts=True)
    torch.testing.assert_close(rows, parts['kl'])
    weighted = wttm_loss(student, teacher, 0.3)
    torch.testing.assert_close(weighted, rows * parts['power_sum'])


@pytest.mark.parametrize('weighted', [True, False])
def test_exponent_one_is_kd_at_temperature_one(weighted):
    student, teacher = random(1)
    torch.testing.assert_close(
        wttm_loss(student, teacher, 1.0, weighted),
        kd_loss(student, teacher, 1.0),
    )


def test_ttm_is_kd_of_a_sharpened_student_at_the_teachers_temperature():
    # KL(softmax(g t) || softmax(s)) with g = 1/tau: kd_loss at tau of
    # (tau s, t), without its tau**2
    student, teacher = random(2)
    torch.testing.assert_close(
        wttm_loss(student, teacher, 0.25, weighted=False),
        kd_loss(4 * student, teacher, 4.0) / 16,
    )


def test_a_student_equal_to_the_transformed_teacher_reaches_0():
    _, teacher = random(3)
    student = (0.4 * teacher + 2.0).requires_grad_()
    rows = wttm_loss(student, teacher, 0.4)
    rows.sum().backward()
    assert rows.abs().max() < 1e-12 and student.grad.abs().max() < 1e-12


def test_the_weight_lies_between_1_and_a_power_of_the_classes():
    _, teacher = random(4)
    teacher[0] = 0.0  # knows nothing
    teacher[1] = 1000.0 * torch.eye(9)[3]  # knows everything
    _, parts = wttm_loss(teacher, teacher, 0.2, with_parts=True)
    weight = parts['power_sum']
    assert math.isclose(weight[0], 9**0.8) and math.isclose(weight[1], 1.0)
    assert (weight >= 1).all() and (weight <= 9**0.8 + 1e-9).all()


@pytest.mark.parametrize('gamma', [0.0, -1.0, float('inf'), float('nan')])
def test_exponents_that_are_none(gamma):
    with pytest.raises(ValueError, match='gamma must be > 0 and finite'):
        wttm_loss(TEACHER, TEACHER, gamma)


def test_the_class_logs_the_unweighted_part():
    student, teacher = random(5)
    loss, parts = WTTMLoss(gamma=0.3).with_parts(student, teacher)
    torch.testing.assert_close(loss, wttm_loss(student, teacher, 0.3).mean())
    torch.testing.assert_close(
        parts['kl'], wttm_loss(student, teacher, 0.3, False).mean()
    )
    assert not WTTMLoss(weighted=False).weighted
    with pytest.raises(ValueError, match='WTTMLoss: gamma must be > 0'):
        WTTMLoss(gamma=0.0)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('gamma', [0.2, 3.0])
@pytest.mark.parametrize('gap', [-2e3, -60.0, 60.0, 2e3])
def test_the_weight_is_exact_whichever_class_is_sure(dtype, gamma, gap):
    teacher = torch.zeros(1, 4, dtype=dtype)
    for sure in (0, 3):
        logits = teacher.clone()
        logits[0, sure] = gap
        _, parts = wttm_loss(logits, logits, gamma, with_parts=True)
        prob = logits.double().log_softmax(1)
        torch.testing.assert_close(
            parts['power_sum'].double(),
            (gamma * prob).exp().sum(1),
            rtol=1e-5,
            atol=0,
        )
