"""Quality-focal distillation."""

import pytest
import torch

from mmkd_logit.losses import kdqfl
from mmkd_logit.losses.kdqfl import KDQFLLoss, kdqfl_loss
from mmkd_logit.structures.head_facts import HeadFacts
from tests.golden_dense import golden_cases


def test_value_by_hand():
    # p = 1/2, q = 3/4: cross entropy ln 2, gap 1/4
    student, teacher = torch.zeros(1, 2), torch.tensor([[3.0, 1 / 3]]).log()
    one = kdqfl_loss(student, teacher).item()
    assert one == pytest.approx(2 * 0.693147 / 4, rel=1e-5)
    two = kdqfl_loss(student, teacher, beta=2.0).item()
    assert two == pytest.approx(2 * 0.693147 / 16, rel=1e-5)


def test_equal_logits_give_zero_value_and_gradient():
    student = torch.randn(4, 3, requires_grad=True)
    loss = kdqfl_loss(student, student.detach()).sum()
    loss.backward()
    assert loss.item() == 0 and student.grad.abs().sum() == 0


@pytest.mark.parametrize('beta', [1.0, 2.0, 1.5])
def test_gradient(beta):
    rng = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 5, 3, generator=rng, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda z: kdqfl_loss(z, teacher, beta), student.requires_grad_()
    )


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16])
def test_extreme_logits_stay_finite(dtype):
    values = torch.tensor([-1e4, -50.0, 0.0, 50.0, 1e4], dtype=dtype)
    student = values.repeat(5, 1).requires_grad_()
    loss = kdqfl_loss(student, values[:, None].expand(5, 5)).sum()
    loss.backward()
    assert loss.isfinite() and student.grad.isfinite().all()


def test_for_sigmoid_heads_only():
    loss = KDQFLLoss(loss_weight=2.0)
    loss.check(HeadFacts(1, 1, use_sigmoid=True))
    with pytest.raises(ValueError, match='this head ends in a softmax'):
        loss.check(HeadFacts(3, 4))
    with pytest.raises(ValueError, match='beta must be >= 0, got -0.5'):
        KDQFLLoss(beta=-0.5)
    student = torch.zeros(0, 3, requires_grad=True)
    loss(student, torch.zeros(0, 3), avg_factor=2.0).backward()
    assert student.grad.shape == (0, 3)


def test_a_class_at_minus_infinity_in_both_models_is_left_out():
    student = torch.tensor([[1.0, -torch.inf]], requires_grad=True)
    teacher = torch.tensor([[-1.0, -torch.inf]])
    loss = kdqfl_loss(student, teacher)
    torch.testing.assert_close(
        loss, kdqfl_loss(student[:, :1], teacher[:, :1])
    )
    loss.sum().backward()
    assert student.grad[0, 0].isfinite() and student.grad[0, 1] == 0


@pytest.mark.parametrize('plain', [False, True])
@pytest.mark.parametrize('name', ['kdqfl', 'bckd', 'hazard_kdqfl'])
def test_official_values_and_gradients(name, plain):
    met = 0
    for case, gold in golden_cases(name):
        numbers = case['hyperparameters']
        student = gold['logits_s'].clone().requires_grad_()
        if plain:
            question = kdqfl.FocalQuestion(
                student, gold['logits_t'], numbers['beta']
            )
            rows, _ = kdqfl.focal_plain(question)
        else:
            rows = kdqfl_loss(student, gold['logits_t'], numbers['beta'])
        divisor = numbers['avg_factor']
        if divisor is None:
            # CrossKD's mean is over rows and classes, BCKD's over rows
            divisor = student.numel() if name == 'kdqfl' else len(student)
        else:  # as the official codes have it, against a division by 0
            divisor += float(torch.finfo(torch.float32).eps)
        loss = (rows * gold.get('weight', 1.0)).sum() / divisor
        loss = numbers['loss_weight'] * loss
        loss.backward()
        prefix = 'ref_' if 'ref_loss' in gold else ''
        for ours, key in ((loss.detach(), 'loss'), (student.grad, 'grad_s')):
            torch.testing.assert_close(
                ours, gold[prefix + key], rtol=1e-9, atol=1e-12
            )
        met += 1
    assert met >= 1
