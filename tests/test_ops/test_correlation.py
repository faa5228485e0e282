import pytest
import torch

from mmkd_logit.ops.correlation import (
    CorrelationQuestion,
    correlation,
    correlation_plain,
    with_gradient,
)
from tests.test_ops.questions import opened
from tests.toys import seeded


def draw(seed):
    return 3 * torch.randn(2, 7, 5, generator=seeded(seed)).double()


@pytest.mark.parametrize('by_class', [False, True])
@pytest.mark.parametrize('use_sigmoid', [False, True])
def test_closed_gradient_is_that_of_the_plain_form(by_class, use_sigmoid):
    student, teacher = draw(0)
    if by_class:
        student, teacher = [x.t().contiguous().t() for x in (student, teacher)]
    weight = torch.tensor([1.0, 0.0, 2.0, 0.5, 0.0, 3.0, 1.0]).double()
    settings = (2.0, 1.5, 0.7, use_sigmoid, 1e-8, 0.05, weight)
    leaf = student.clone().requires_grad_()
    wanted, wanted_parts = correlation_plain(
        CorrelationQuestion(leaf, teacher, *settings)
    )
    wanted.sum().backward()
    question = CorrelationQuestion(student, teacher, *settings)
    value, parts, grad = opened(with_gradient(question, True))
    torch.testing.assert_close(value, wanted.detach())
    torch.testing.assert_close(parts, wanted_parts)
    torch.testing.assert_close(grad, leaf.grad)
    assert with_gradient(question, False).pullback is None


def test_equal_rows_and_columns_correlate_and_reversed_ones_do_not():
    # Two classes: the second model's probabilities are those of the first
    # with the classes exchanged, so every row and column goes the other way.
    logits = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]).double()
    settings = (1.0, 2.0, 3.0, False, 0.0, 0.0)
    values = [x.item() for x in correlation(logits, logits, *settings)]
    assert values == pytest.approx([0, 0, 0], abs=1e-12)
    values = [x.item() for x in correlation(logits, logits.flip(1), *settings)]
    assert values == pytest.approx([2 * 2 + 3 * 2, 2, 2])


def test_no_rows_give_0_and_a_gradient():
    student = torch.zeros(0, 5, requires_grad=True)
    settings = (1.0, 1.0, 1.0, False, 1e-8, 0.0)
    loss = correlation(student, torch.zeros(0, 5), *settings)[0]
    loss.backward()
    assert loss.item() == 0 and student.grad.shape == (0, 5)
