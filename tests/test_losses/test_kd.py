import math

import pytest
import torch

from mmkd_logit import losses
from mmkd_logit.losses import DKDLoss, KDLoss, kd_loss
from mmkd_logit.losses.kd import sigmoid_kd_loss
from tests.toys import seeded


def test_kd_loss_matches_hand_computed_value():
    # teacher q = (4, 3, 1)/8, student p = (1, 1, 1)/3:
    # 1/2 ln 3/2 + 3/8 ln 9/8 + 1/8 ln 3/8 = 0.124298
    teacher = torch.tensor([[4.0, 3.0, 1.0]]).log()
    loss = kd_loss(torch.zeros(1, 3), teacher, tau=1.0)
    torch.testing.assert_close(
        loss, torch.tensor([0.124298]), atol=1e-6, rtol=0
    )


def test_tau_divides_the_logits_and_its_square_multiplies():
    student, teacher = torch.randn(2, 4, 6, generator=seeded(0))
    torch.testing.assert_close(
        kd_loss(student, teacher, tau=3.0),
        9 * kd_loss(student / 3, teacher / 3, tau=1.0),
    )


def test_large_tau_compares_centred_logits():
    # Hinton's limit: squared distance of centred rows / (2 C)
    student, teacher = torch.randn(2, 4, 6, generator=seeded(1)).double()
    gap = student - teacher
    gap = gap - gap.mean(1, keepdim=True)
    torch.testing.assert_close(
        kd_loss(student, teacher, tau=1e4),
        gap.square().sum(1) / 12,
        rtol=1e-3,
        atol=0,
    )


def test_sigmoid_matches_hand_computed_value():
    # classes with teacher probability 3/4 and 1/2, student 1/2 and 1/2:
    # 3/4 ln 3/2 + 1/4 ln 1/2 = 0.130812, and 0
    teacher = torch.tensor([[3.0, 1.0]]).log()
    loss = sigmoid_kd_loss(torch.zeros(1, 2), teacher, tau=1.0)
    torch.testing.assert_close(
        loss, torch.tensor([0.130812]), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize('tau', [1.0, 4.0])
def test_sigmoid_gradient(tau):
    student, teacher = 3 * torch.randn(2, 3, 4, generator=seeded(2)).double()
    student.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda s: sigmoid_kd_loss(s, teacher, tau), student
    )
    sigmoid_kd_loss(student, teacher, tau).sum().backward()
    torch.testing.assert_close(
        student.grad,
        tau * ((student / tau).sigmoid() - (teacher / tau).sigmoid()),
    )


def test_sigmoid_with_one_class_is_the_two_class_softmax():
    student, teacher = torch.randn(2, 5, 1, generator=seeded(3))
    pad = torch.zeros(5, 1)
    torch.testing.assert_close(
        KDLoss(tau=2.0, use_sigmoid=True)(student, teacher),
        KDLoss(tau=2.0)(
            torch.cat([student, pad], 1), torch.cat([teacher, pad], 1)
        ),
    )


@pytest.mark.parametrize(
    'dtype', [torch.float32, torch.float16, torch.bfloat16]
)
def test_sigmoid_stays_finite(dtype):
    student = torch.tensor([[1e4, -1e4, 1e4, -1e4, 0.0, -torch.inf]])
    teacher = torch.tensor([[1e4, -1e4, -1e4, 1e4, 0.0, -torch.inf]])
    student = student.to(dtype).requires_grad_()
    loss = KDLoss(tau=1.0, use_sigmoid=True)(student, teacher.to(dtype))
    loss.backward()
    torch.testing.assert_close(  # the margin of the two that disagree
        loss.item(), 2 * student[0, 0].item(), rtol=1e-4, atol=0
    )
    assert student.grad.isfinite().all() and student.grad[0, 5] == 0


def test_a_second_derivative_is_refused():
    student = torch.randn(3, 4, generator=seeded(4)).requires_grad_()
    loss = kd_loss(student, torch.zeros(3, 4), tau=1.0).sum()
    with pytest.raises(RuntimeError, match='no second derivative'):
        torch.autograd.grad(loss, student, create_graph=True)


def test_a_kept_graph_gives_the_same_gradient_twice():
    student = torch.randn(3, 4, generator=seeded(5)).requires_grad_()
    loss = kd_loss(student, torch.zeros(3, 4), tau=1.0).sum()
    first = torch.autograd.grad(loss, student, retain_graph=True)[0].clone()
    torch.testing.assert_close(torch.autograd.grad(loss, student)[0], first)


@pytest.mark.skipif(
    not hasattr(torch._C._autograd, '_get_current_graph_task_keep_graph'),
    reason='older torch keeps the gradient for further passes',
)
def test_a_second_backward_pass_without_a_kept_graph_is_refused():
    student = torch.zeros(2, 3, requires_grad=True)
    loss = kd_loss(student, torch.eye(3)[:2], 2.0).sum()
    loss.backward()
    with pytest.raises(RuntimeError, match='retain_graph=True|second time'):
        loss.backward()


LABEL = torch.tensor([0])


@pytest.mark.parametrize('tau', [0.0, -1.0, math.inf, math.nan])
@pytest.mark.parametrize(
    'loss, more',
    [
        (losses.kd_loss, {}),
        (losses.dkd_loss, dict(labels=LABEL)),
        (losses.nkd_loss, dict(labels=LABEL)),
        (losses.gdkd_loss, dict(k=1)),
        (losses.gdkd3_loss, dict(k=1)),
        (losses.ldrld_loss, dict(depth=2)),
        (losses.topkd_loss, dict(k=1)),
    ],
)
def test_tau_must_be_a_finite_temperature(loss, more, tau):
    rows = torch.zeros(1, 3)
    wanted = 'finite' if tau == math.inf else f'> 0, got {tau}'
    message = f'^{loss.__name__}: tau must be {wanted}'
    with pytest.raises(ValueError, match=message):
        loss(rows, rows, tau=tau, **more)


@pytest.mark.parametrize('use_sigmoid', [False, True])
def test_several_temperatures_are_added_up(use_sigmoid):
    student, teacher = torch.randn(2, 4, 6, generator=seeded(7))
    one, two = (
        KDLoss(tau=tau, use_sigmoid=use_sigmoid)(student, teacher)
        for tau in (2.0, 5.0)
    )
    both = KDLoss(tau=[2.0, 5.0], use_sigmoid=use_sigmoid)
    torch.testing.assert_close(both(student, teacher), one + two)
    single = KDLoss(tau=[2.0], use_sigmoid=use_sigmoid)
    assert torch.equal(single(student, teacher), one)


@pytest.mark.parametrize(
    'tau, message',
    [([2.0, 0.0], 'tau must be > 0, got 0.0'), ([], 'name a temperature')],
)
def test_temperatures_that_are_none(tau, message):
    with pytest.raises(ValueError, match=f'KDLoss: .*{message}'):
        KDLoss(tau=tau)
    with pytest.raises(ValueError, match=f'kd_loss: .*{message}'):
        kd_loss(torch.zeros(1, 3), torch.zeros(1, 3), tau)


def test_other_losses_have_one_temperature():
    with pytest.raises(ValueError, match='DKDLoss: tau must be one temp'):
        DKDLoss(tau=[2.0, 3.0])
