import pytest
import torch

from mmkd_logit.ops import row_chunks
from mmkd_logit.ops.alpha_beta import (
    AlphaBetaQuestion,
    alpha_beta,
    alpha_beta_plain,
    with_gradient,
)
from tests.test_ops.questions import opened
from tests.toys import seeded

EXPONENTS = [(0.8, 0.3), (0.6, 0.0), (0.0, 0.7), (0.5, -0.5), (0.0, 0.0)]


def draw(seed):
    return 3 * torch.randn(2, 7, 5, generator=seeded(seed)).double()


@pytest.mark.parametrize('exponents', EXPONENTS)
@pytest.mark.parametrize('by_class', [False, True])
def test_closed_gradient_is_that_of_the_plain_form(
    monkeypatch, exponents, by_class
):
    monkeypatch.setattr(row_chunks, 'CHUNK', 10)  # two rows at once
    student, teacher = draw(0)
    if by_class:
        student, teacher = [x.t().contiguous().t() for x in (student, teacher)]
    leaf = student.clone().requires_grad_()
    wanted, _ = alpha_beta_plain(
        AlphaBetaQuestion(leaf, teacher, 2.0, *exponents)
    )
    wanted.sum().backward()
    question = AlphaBetaQuestion(student, teacher, 2.0, *exponents)
    rows, _, grad = opened(with_gradient(question, True))
    torch.testing.assert_close(rows, wanted.detach())
    torch.testing.assert_close(grad, leaf.grad)
    assert with_gradient(question, False).pullback is None


@pytest.mark.parametrize('exponents', EXPONENTS)
def test_a_class_at_minus_infinity_in_both_models_adds_nothing(exponents):
    student, teacher = draw(1)
    masked = torch.full((7, 1), -torch.inf).double()
    found = []
    for extra in ([], [masked]):
        leaf = torch.cat([student, *extra], 1).requires_grad_()
        rows = alpha_beta(
            leaf, torch.cat([teacher, *extra], 1), 2.0, *exponents
        )
        rows.sum().backward()
        found.append((rows.detach(), leaf.grad[:, :5]))
    torch.testing.assert_close(*found)
