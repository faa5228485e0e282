"""One way to every backend."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from mmkd_logit.ops.dispatch import Answer, Operation, run, scaled_rows


class Question(NamedTuple):
    student: Tensor
    factor: float = 2.0


def plain(question):
    rows = question.factor * question.student.square().sum(1)
    return rows, rows.detach()


def backend(question, need_grad):
    """The same; the part tells that it was here."""
    student, factor = question
    assert not (need_grad and torch.is_grad_enabled())
    grad = 2 * factor * student if need_grad else None
    rows = factor * student.square().sum(1)
    return Answer(
        rows, torch.full_like(rows, 7.0), need_grad and scaled_rows(grad)
    )


def declines(question, need_grad):
    return None


def leaf():
    return torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)


@pytest.mark.parametrize(
    'backends, part',
    [((), [10.0, 50.0]), ((declines,), [10.0, 50.0]), ((backend,), [7.0, 7.0])]
    + [((declines, backend), [7.0, 7.0])],
)
def test_the_first_backend_that_serves_answers_else_the_plain_form(
    backends, part
):
    student = leaf()
    rows, parts = run(Operation(plain, backends), Question(student))
    assert rows.tolist() == [10.0, 50.0] and parts.tolist() == part
    (rows * torch.tensor([1.0, -1.0])).sum().backward()
    assert student.grad.tolist() == [[4.0, 8.0], [-12.0, -16.0]]


def test_without_a_gradient_none_is_asked_for():
    def seen(question, need_grad):
        assert not need_grad
        return backend(question, need_grad)

    operation = Operation(plain, (seen,))
    assert not run(operation, Question(leaf().detach()))[0].requires_grad
    with torch.no_grad():
        assert not run(operation, Question(leaf()))[0].requires_grad


def test_torch_compile_traces_the_plain_form():
    operation = Operation(plain, (backend,))
    compiled = torch.compile(
        lambda x: run(operation, Question(x)), fullgraph=True, backend='eager'
    )
    assert compiled(leaf())[1].tolist() == [10.0, 50.0]


def test_the_gradient_has_the_type_of_the_students_logits():
    def in_float32(question, need_grad):
        student = question.student.float()
        return backend(question._replace(student=student), need_grad)

    student = leaf().detach().half().requires_grad_()
    run(Operation(plain, (in_float32,)), Question(student))[0].sum().backward()
    assert student.grad.dtype == torch.float16
    assert student.grad[0].tolist() == [4.0, 8.0]


class NoGradient(torch.autograd.Function):
    """Hands a value on and gives it no gradient."""

    @staticmethod
    def forward(ctx, rows):
        return rows.clone()

    @staticmethod
    def backward(ctx, grad):
        return None


def test_a_value_without_a_gradient_gives_none_to_the_student():
    student = leaf()
    rows, _ = run(Operation(plain, (backend,)), Question(student))
    (NoGradient.apply(rows).sum() + student.sum()).backward()
    assert student.grad.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_a_second_derivative_is_refused_only_where_a_backend_answered():
    student = leaf()
    rows = run(Operation(plain, (backend,)), Question(student))[0]
    with pytest.raises(RuntimeError, match='no second derivative'):
        torch.autograd.grad(rows.sum(), student, create_graph=True)
    rows = run(Operation(plain), Question(student))[0]
    slope = torch.autograd.grad(rows.sum(), student, create_graph=True)[0]
    slope.sum().backward()
    assert student.grad.tolist() == [[4.0, 4.0], [4.0, 4.0]]
