import pytest
import torch

from mmkd_logit.ops import sinkhorn as module
from mmkd_logit.ops.sinkhorn import (
    TransportQuestion,
    transport,
    transport_plain,
    with_gradient,
)
from tests.test_ops.questions import opened
from tests.toys import seeded


def draw(seed):
    student, teacher = 2 * torch.randn(2, 5, 4, generator=seeded(seed))
    labels = torch.randint(4, (5,), generator=seeded(seed))
    cost = 0.5 * torch.rand(4, 4, generator=seeded(seed + 1))
    return student.double(), teacher.double(), labels, cost.double()


def test_one_step_by_hand():
    # without class 0: (1/2, 1/2) to (3/4, 1/4), k = exp(-0.1/0.05)
    # v = (3/2, 1/2)/(1 + k), u = (1 + k)/(3 + k, 3 k + 1)
    # 0.1 k ((1/2)/(3 + k) + (3/2)/(3 k + 1))
    rows = transport(
        torch.zeros(1, 3),
        torch.tensor([[4.0, 3.0, 1.0]]).log(),
        torch.tensor([0]),
        0.1 * (1 - torch.eye(3)),
        tau=1.0,
        lam=0.05,
        iterations=1,
    )
    assert rows.item() == pytest.approx(0.0165965, abs=2e-7)


@pytest.mark.parametrize('iterations', [1, 5])
def test_chunks_have_the_gradient_of_the_plain_form(monkeypatch, iterations):
    monkeypatch.setattr(module, 'CHUNK', 8)  # two rows at once
    student, *others = draw(0)
    settings = (*others, 2.0, 0.1, iterations)
    leaf = student.clone().requires_grad_()
    wanted, _ = transport_plain(TransportQuestion(leaf, *settings))
    wanted.sum().backward()
    question = TransportQuestion(student, *settings)
    rows, _, grad = opened(with_gradient(question, True))
    torch.testing.assert_close(rows, wanted.detach())
    torch.testing.assert_close(grad, leaf.grad)
    assert with_gradient(question, False).pullback is None


def test_the_class_of_the_label_does_not_count():
    student, teacher, labels, cost = draw(2)
    place = labels[:, None]
    settings = (labels, cost, 2.0, 0.1, 5)
    torch.testing.assert_close(
        transport(student, teacher, *settings),
        transport(
            student.scatter(1, place, 7.0),
            teacher.scatter(1, place, -9.0),
            *settings,
        ),
    )


def test_costs_run_from_the_student_to_the_teacher():
    # All mass of the student is at class 1, all of the teacher at class 2.
    student, teacher = 100.0 * torch.eye(4)[1:2], 100.0 * torch.eye(4)[2:3]
    cost = torch.full((4, 4), 0.1)
    cost[1, 2] = 0.3
    rows = transport(student, teacher, torch.tensor([0]), cost, 1.0, 0.1, 5)
    torch.testing.assert_close(rows, torch.tensor([0.3]), rtol=1e-3, atol=0)


def test_no_class_beside_the_label_moves_nothing():
    student = torch.tensor([[0.0, -torch.inf, -torch.inf]])
    teacher, cost = torch.zeros(1, 3), 0.1 * (1 - torch.eye(3))
    rows = transport(student, teacher, torch.tensor([0]), cost, 1.0, 0.1, 5)
    assert rows.tolist() == [0.0]
