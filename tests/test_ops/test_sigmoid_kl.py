import pytest
import torch

from mmkd_logit.ops import sigmoid_kl as module
from mmkd_logit.ops.sigmoid_kl import (
    SigmoidQuestion,
    sigmoid_kl,
    sigmoid_kl_plain,
    with_gradient,
)
from tests.test_ops.questions import opened
from tests.toys import seeded


def draw():
    student, teacher = 3 * torch.randn(2, 7, 5, generator=seeded(0)).double()
    return student, teacher, torch.tensor([0, 4, 5, 2, 1, 5, 3])


def test_labelled_class_and_others_by_hand():
    # teacher 3/4 and 1/2, student 1/2: 3/4 ln 3/2 + 1/4 ln 1/2 and 0
    teacher = torch.tensor([[3.0, 1.0]] * 3).log()
    labels = torch.tensor([0, 1, 2])
    rows, own, others = sigmoid_kl(
        torch.zeros(3, 2), teacher, 1.0, labels, alpha=2.0, beta=3.0
    )
    value = pytest.approx(0.130812, abs=1e-6)
    assert own.tolist() == [value, 0, 0]
    assert others.tolist() == [pytest.approx(0, abs=1e-7), value, value]
    torch.testing.assert_close(rows, 2 * own + 3 * others)


@pytest.mark.parametrize('chunk', [10, 1 << 17])
@pytest.mark.parametrize('weights', [(1.0, 1.0), (2.0, 2.0), (2.0, 3.0)])
@pytest.mark.parametrize('with_labels', [False, True])
def test_closed_gradient_is_that_of_the_plain_form(
    monkeypatch, chunk, weights, with_labels
):
    monkeypatch.setattr(module, 'CHUNK', chunk)
    student, teacher, labels = draw()
    settings = (2.0, labels if with_labels else None, *weights)
    leaf = student.clone().requires_grad_()
    wanted, wanted_parts = sigmoid_kl_plain(
        SigmoidQuestion(leaf, teacher, *settings)
    )
    wanted.sum().backward()
    question = SigmoidQuestion(student, teacher, *settings)
    rows, parts, grad = opened(with_gradient(question, True))
    torch.testing.assert_close(rows, wanted.detach())
    torch.testing.assert_close(parts, wanted_parts)
    torch.testing.assert_close(grad, leaf.grad)
    assert with_gradient(question, False).pullback is None
