import pytest
import torch

from mmkd_logit.losses import ABKDLoss, abkd_loss, kd_loss
from tests.toys import seeded

TEACHER = torch.tensor([[4.0, 3.0, 1.0]]).log()


def random(seed):
    return 3 * torch.randn(
        2, 6, 9, generator=seeded(seed), dtype=torch.float64
    )


@pytest.mark.parametrize(
    'alpha, beta, expected',
    [
        # teacher (4, 3, 1)/8, student (1, 1, 1)/3; differences (4, 1, -5)/24
        (1.0, 1.0, 42 / 576 / 2),
        # KL: 1/2 ln 3/2 + 3/8 ln 9/8 + 1/8 ln 3/8
        (1.0, 0.0, 0.1242975),
        # ln 1/3 - (ln 1/2 + ln 3/8 + ln 1/8)/3
        (0.0, 1.0, 0.1525270),
        # 2 sum of (sqrt q - sqrt p)^2 = 4 - 4 sum sqrt(q p)
        # sum: (2 + sqrt 3 + 1)/sqrt 24                         = 0.9659258
        (0.5, 0.5, 0.1362967),
        # half of ln(3/2)^2 + ln(9/8)^2 + ln(3/8)^2
        (0.0, 0.0, 0.5701501),
    ],
)
def test_values_computed_by_hand(alpha, beta, expected):
    loss = abkd_loss(torch.zeros(1, 3), TEACHER, 1.0, alpha, beta)
    torch.testing.assert_close(
        loss, torch.tensor([expected]), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize('tau', [1.0, 4.0])
def test_one_and_zero_are_both_kl_without_the_square_of_tau(tau):
    student, teacher = random(0)
    torch.testing.assert_close(
        tau**2 * abkd_loss(student, teacher, tau, 1.0, 0.0),
        kd_loss(student, teacher, tau),
    )
    torch.testing.assert_close(
        tau**2 * abkd_loss(student, teacher, tau, 0.0, 1.0),
        kd_loss(teacher, student, tau),
    )


@pytest.mark.parametrize(
    'alpha, beta',
    [(0.8, 0.3), (1.2, -0.3), (0.5, -0.5), (0.0, 0.7), (0.6, 0.0)],
)
def test_models_and_exponents_are_exchanged_together(alpha, beta):
    student, teacher = random(1)
    torch.testing.assert_close(
        abkd_loss(student, teacher, 2.0, alpha, beta),
        abkd_loss(teacher, student, 2.0, beta, alpha),
    )


@pytest.mark.parametrize(
    'limit, near',
    [
        ((0.6, 0.0), (0.6, 1e-5)),
        ((0.0, -0.4), (1e-5, -0.4)),
        ((0.5, -0.5), (0.5, -0.5 + 1e-5)),
        ((0.0, 0.0), (1e-5, 1e-5)),
    ],
)
def test_the_limits_are_where_the_formula_goes(limit, near):
    student, teacher = random(2)
    found = []
    for exponents in (limit, near):
        leaf = student.clone().requires_grad_()
        rows = abkd_loss(leaf, teacher, 2.0, *exponents)
        rows.sum().backward()
        found.append((rows.detach(), leaf.grad))
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-4)


def test_exponents_lost_in_rounding_take_the_limit():
    student, teacher = random(3)
    almost = 0.1 + 0.2 - 0.3  # 5.6e-17
    assert almost != 0
    torch.testing.assert_close(
        abkd_loss(student, teacher, 2.0, 1.0, almost),
        abkd_loss(student, teacher, 2.0, 1.0, 0.0),
    )
    torch.testing.assert_close(
        abkd_loss(student, teacher, 2.0, 0.3, -0.1 - 0.2),
        abkd_loss(student, teacher, 2.0, 0.3, -0.3),
    )


def test_a_power_of_a_vanishing_probability_has_a_finite_slope():
    # the authors' code has NaN here: the slope of p**0.3 at p = 0
    student = torch.tensor([[150.0, 0.0, 1.0]], requires_grad=True)
    abkd_loss(student, torch.zeros(1, 3), 1.0, 0.8, 0.3).sum().backward()
    assert student.grad.isfinite().all() and student.grad.abs().sum() > 0


def test_many_rows_in_chunks_are_like_one_by_one(monkeypatch):
    from mmkd_logit.ops import row_chunks

    student, teacher = random(4)
    expected = abkd_loss(student, teacher, 2.0, 0.8, 0.3)
    monkeypatch.setattr(row_chunks, 'CHUNK', 20)  # two rows, and none left
    leaf = student.clone().requires_grad_()
    rows = abkd_loss(leaf, teacher, 2.0, 0.8, 0.3)
    rows.sum().backward()
    torch.testing.assert_close(rows, expected)
    single = student[5:].clone().requires_grad_()
    abkd_loss(single, teacher[5:], 2.0, 0.8, 0.3).sum().backward()
    torch.testing.assert_close(leaf.grad[5:], single.grad)


def test_the_class_has_the_published_exponents():
    student, teacher = random(5)
    torch.testing.assert_close(
        ABKDLoss()(student, teacher),
        abkd_loss(student, teacher, 4.0, 0.8, 0.3).mean(),
    )
    with pytest.raises(ValueError, match='beta must be a finite number'):
        ABKDLoss(beta=float('nan'))
