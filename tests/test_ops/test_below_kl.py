import pytest
import torch

from mmkd_logit.ops import row_chunks
from mmkd_logit.ops.below_kl import (
    BelowQuestion,
    below_kl,
    below_kl_plain,
    with_gradient,
)
from tests.test_ops.questions import opened
from tests.toys import seeded


def draw(seed):
    student, teacher = 3 * torch.randn(2, 7, 5, generator=seeded(seed))
    bound = teacher.sort(1)[0][:, 3:4]  # three classes are below
    return student.double(), teacher.double(), bound.double()


def test_two_classes_below_the_bound_by_hand():
    # teacher (3, 1)/4, student (1, 1)/2: 3/4 ln 3/2 + 1/4 ln 1/2
    teacher = torch.tensor([[4.0, 3.0, 1.0]]).log()
    rows = below_kl(torch.zeros(1, 3), teacher, teacher[:, :1], 1.0)
    assert rows.item() == pytest.approx(0.130812, abs=1e-6)


@pytest.mark.parametrize('by_class', [False, True])
def test_closed_gradient_is_that_of_the_plain_form(monkeypatch, by_class):
    monkeypatch.setattr(row_chunks, 'CHUNK', 10)  # two rows at once
    student, teacher, bound = draw(0)
    if by_class:
        student, teacher = [x.t().contiguous().t() for x in (student, teacher)]
    leaf = student.clone().requires_grad_()
    wanted, _ = below_kl_plain(BelowQuestion(leaf, teacher, bound, 2.0))
    wanted.sum().backward()
    question = BelowQuestion(student, teacher, bound, 2.0)
    rows, _, grad = opened(with_gradient(question, True))
    torch.testing.assert_close(rows, wanted.detach())
    torch.testing.assert_close(grad, leaf.grad)
    assert with_gradient(question, False).pullback is None


def test_classes_far_below_the_others_are_left_to_the_plain_form():
    student, teacher, bound = draw(1)
    student[0] = torch.tensor([0.0, -2e3, 1e4, -1e3, -2e3])
    teacher[0] = torch.tensor([1.0, 0.0, 3.0, 2.0, 0.0])
    bound[0] = 2.0
    question = BelowQuestion(student, teacher, bound, 1.0)
    assert with_gradient(question, True) is None
    torch.testing.assert_close(
        below_kl(student, teacher, bound, 1.0), below_kl_plain(question)[0]
    )


def test_fewer_than_two_classes_give_0_and_no_gradient():
    student, teacher, _ = draw(2)
    for below in (0, 1):
        bound = teacher.sort(1)[0][:, below : below + 1]
        leaf = student.clone().requires_grad_()
        rows = below_kl(leaf, teacher, bound, 2.0)
        rows.sum().backward()
        assert rows.abs().max() < 1e-12 and leaf.grad.abs().max() < 1e-12
