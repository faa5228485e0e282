import pytest
import torch

from mmkd_logit.ops.gram import GramQuestion, gram, gram_plain, with_gradient
from tests.test_ops.questions import opened
from tests.toys import seeded


@pytest.mark.parametrize('of_classes', [False, True])
@pytest.mark.parametrize('rows, classes', [(7, 5), (3, 11)])
@pytest.mark.parametrize('weighted', [False, True])
def test_closed_gradient_is_that_of_the_plain_form(
    of_classes, rows, classes, weighted
):
    student, teacher = 3 * torch.randn(
        2, rows, classes, generator=seeded(0), dtype=torch.float64
    )
    weight = None
    if weighted:
        weight = torch.arange(rows).double()
    leaf = student.clone().requires_grad_()
    wanted, _ = gram_plain(
        GramQuestion(leaf, teacher, 2.0, of_classes, weight)
    )
    wanted.sum().backward()
    question = GramQuestion(student, teacher, 2.0, of_classes, weight)
    value, _, grad = opened(with_gradient(question, True))
    torch.testing.assert_close(value, wanted.detach())
    torch.testing.assert_close(grad, leaf.grad)
    assert with_gradient(question, False).pullback is None


def test_certain_models_by_hand():
    # Two rows of certain models: the student names class 0 twice, the teacher
    # classes 0 and 1. Over classes diag(1, 1) - diag(2, 0), over rows the
    # unit matrix - ones: 1 + 1 each, over 2 classes and over 2 rows.
    student = torch.tensor([[1.0, 0.0], [1.0, 0.0]]).log()
    teacher = torch.eye(2).log()
    for of_classes in (True, False):
        assert gram(student, teacher, 1.0, of_classes).item() == 1.0
