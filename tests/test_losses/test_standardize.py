import pytest
import torch

from mmkd_logit.losses import KDLoss, kd_loss, standardize
from tests.toys import seeded


def test_standardize_matches_hand_computed_values():
    # mean 2, deviations -1, 0, 1: std 1 (divided by C - 1), sqrt(2/3) (by C)
    logits = torch.tensor([[1.0, 2.0, 3.0]]).double()
    expected = torch.tensor([[-1.0, 0.0, 1.0]]).double()
    torch.testing.assert_close(standardize(logits, eps=0.0), expected)
    torch.testing.assert_close(
        standardize(logits, eps=0.0, unbiased=False), expected * 1.5**0.5
    )
    torch.testing.assert_close(standardize(logits, eps=1.0), expected / 2)


@pytest.mark.parametrize('unbiased', [True, False])
def test_gradient(unbiased):
    logits = torch.randn(3, 5, generator=seeded(0)).double().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda z: standardize(z, 1e-3, unbiased), logits
    )


def test_gradient_is_orthogonal_to_shift_and_scale():
    student, teacher = torch.randn(2, 3, 5, generator=seeded(1)).double()
    student.requires_grad_()
    KDLoss(tau=2.0, standardize=True)(student, teacher).backward()
    assert student.grad.sum(1).abs().max() < 1e-9
    assert (student.grad * student).sum(1).abs().max() < 1e-6


@pytest.mark.parametrize(
    'dtype', [torch.float32, torch.float16, torch.bfloat16]
)
def test_constant_rows_are_zero_with_a_finite_gradient(dtype):
    logits = torch.full((2, 4), 3.0, dtype=dtype, requires_grad=True)
    rows = standardize(logits)
    (rows * torch.arange(4.0)).sum().backward()
    assert (rows == 0).all() and logits.grad.isfinite().all()


def test_classes_at_minus_infinity_stay_and_do_not_count():
    logits = torch.randn(3, 5, generator=seeded(2)).double()
    masked = torch.cat([logits, torch.full((3, 1), -torch.inf)], 1)
    masked = masked.double().requires_grad_()
    rows = standardize(masked)
    torch.testing.assert_close(rows[:, :5], standardize(logits))
    assert (rows[:, 5] == -torch.inf).all()
    plain = logits.clone().requires_grad_()
    kd_loss(standardize(plain), logits, 2.0).sum().backward()
    teacher = torch.cat([logits, torch.full((3, 1), -torch.inf)], 1)
    kd_loss(rows, teacher, 2.0).sum().backward()
    torch.testing.assert_close(masked.grad[:, :5], plain.grad)
    assert (masked.grad[:, 5] == 0).all()


def test_the_class_standardizes_both_models():
    student, teacher = torch.randn(2, 3, 5, generator=seeded(3))
    torch.testing.assert_close(
        KDLoss(tau=2.0, standardize=True)(student, teacher),
        kd_loss(standardize(student), standardize(teacher), 2.0).mean(),
    )


def test_one_class_has_no_deviation():
    with pytest.raises(ValueError, match='at least 2 classes, got 1'):
        standardize(torch.zeros(3, 1))


def test_the_gradient_of_a_nearly_constant_half_row_saturates():
    # one number of 6e-8 among zeros: the gradient is some 1e7, past float16
    logits = torch.zeros(1, 4, dtype=torch.float16)
    logits[0, 0] = 6e-8
    logits.requires_grad_()
    (standardize(logits) * torch.tensor([1.0, 2.0, 0.0, 0.0])).sum().backward()
    assert logits.grad.isfinite().all() and logits.grad.abs().max() == 65504
