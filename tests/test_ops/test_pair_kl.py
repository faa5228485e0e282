import pytest
import torch

from mmkd_logit.ops import pair_kl as module
from mmkd_logit.ops.pair_kl import (
    PairQuestion,
    pair_kl,
    pair_kl_plain,
    two_class_kl,
    with_gradient,
)
from tests.test_ops.questions import opened
from tests.toys import seeded


def test_two_classes_by_hand():
    # (3/4, 1/4) against (1/2, 1/2): 3/4 ln 3/2 + 1/4 ln 1/2
    found = two_class_kl(torch.zeros(()), torch.tensor(3.0).log())
    assert found.item() == pytest.approx(0.130812, abs=1e-6)


@pytest.mark.parametrize('k', [2, 5])
def test_closed_gradient_is_that_of_the_plain_form(k):
    student, teacher = 3 * torch.randn(2, 4, k, generator=seeded(0)).double()
    weights = torch.rand(k, k, generator=seeded(1)).double().triu(1)
    student[0, 1] = teacher[0, 1] = -torch.inf
    leaf = student.clone().requires_grad_()
    wanted, _ = pair_kl_plain(PairQuestion(leaf, teacher, weights))
    wanted.sum().backward()
    question = PairQuestion(student, teacher, weights)
    rows, _, grad = opened(with_gradient(question, True))
    torch.testing.assert_close(rows, wanted.detach())
    torch.testing.assert_close(grad, leaf.grad)


def test_it_is_differentiable_whoever_answers(monkeypatch):
    student, teacher = torch.randn(2, 4, 3, generator=seeded(2))
    found = []
    for backends in (module.PAIR_KL.backends, ()):
        operation = module.PAIR_KL._replace(backends=backends)
        monkeypatch.setattr(module, 'PAIR_KL', operation)
        leaf = student.clone().requires_grad_()
        pair_kl(leaf, teacher, torch.ones(3, 3)).sum().backward()
        found.append(leaf.grad)
    torch.testing.assert_close(*found)
