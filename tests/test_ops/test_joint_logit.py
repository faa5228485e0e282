"""The logit of a product of two probabilities."""

import pytest
import torch

from mmkd_logit.ops.joint_logit import joint_logit


def test_hand_computed_values():
    # 1/2 * 1/2 = 1/4, odds 1/3; 2/3 * 3/4 = 1/2, odds 1
    classes = torch.tensor([1.0, 2.0]).log()
    objectness = torch.tensor([1.0, 3.0]).log()
    expected = torch.tensor([1 / 3, 1.0]).log()
    torch.testing.assert_close(joint_logit(classes, objectness), expected)


def test_is_the_logit_of_the_product():
    rng = torch.Generator().manual_seed(0)
    classes, objectness = (
        4 * torch.randn(50, size, generator=rng, dtype=torch.float64)
        for size in (7, 1)
    )
    expected = (classes.sigmoid() * objectness.sigmoid()).logit()
    torch.testing.assert_close(
        joint_logit(classes, objectness), expected, rtol=1e-9, atol=1e-9
    )


def test_gradient_matches_finite_differences():
    rng = torch.Generator().manual_seed(1)
    logits = [
        torch.randn(4, size, generator=rng, dtype=torch.float64) * 3
        for size in (5, 1)
    ]
    for one in logits:
        one.requires_grad_()
    assert torch.autograd.gradcheck(joint_logit, logits)


@pytest.mark.parametrize(
    'dtype', [torch.float16, torch.bfloat16, torch.float32]
)
def test_extreme_logits_stay_finite(dtype):
    values = torch.tensor([-1e4, -50.0, 0.0, 50.0, 1e4], dtype=dtype)
    classes = values[None].repeat(5, 1).requires_grad_()
    objectness = values[:, None].clone().requires_grad_()
    joint = joint_logit(classes, objectness)
    joint.sum().backward()
    assert joint.dtype == torch.float32
    assert joint.isfinite().all()
    assert classes.grad.isfinite().all() and classes.grad.dtype == dtype
    assert objectness.grad.isfinite().all()
    # two certain factors: log(1 / (2 e^-50)) = 50 - log 2
    assert joint[3, 3].item() == pytest.approx(50 - 0.693147, rel=1e-6)
    # one impossible factor alone decides
    assert joint[0, 4].item() == pytest.approx(float(values[0]))
    assert (objectness.grad[0] > classes.grad[0, 4]).all()
