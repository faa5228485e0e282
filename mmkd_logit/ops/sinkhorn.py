"""Transport between two distributions over classes, one plan per row."""

from typing import NamedTuple, Tuple

import torch
from torch import Tensor

from .autograd import as_float
from .dispatch import Answer, Operation, run, scaled_rows

#: Added to the divisors of the iteration and to the costs, so that none is 0.
FLOOR = 1e-8
#: Elements of the rows that are worked on at once; autograd keeps some 4
#: tensors of that size for each iteration.
CHUNK = 1 << 20


class TransportQuestion(NamedTuple):
    """The question of :func:`transport`; all but labels have one type."""

    student: Tensor
    teacher: Tensor
    labels: Tensor
    cost: Tensor
    tau: float
    lam: float
    iterations: int


def transport(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    cost: Tensor,
    tau: float,
    lam: float,
    iterations: int,
) -> Tensor:
    """Cost of moving the student's non-target classes to the teacher's.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C).
        labels (Tensor): Class that is left out, shape (M,), long.
        cost (Tensor): From the student's class i to the teacher's class j,
            shape (C, C).
        tau (float): Temperature, > 0.
        lam (float): Weight of the plan's entropy, > 0.
        iterations (int): Pairs of scaling steps, >= 1.

    Returns:
        Tensor: Shape (M,). All rows share one kernel (C, C).
    """
    student = as_float(student_logits)
    teacher = teacher_logits.detach().to(student.dtype)
    question = TransportQuestion(
        student, teacher, labels, cost.to(student), tau, lam, iterations
    )
    with torch.autocast(student.device.type, enabled=False):
        return run(TRANSPORT, question)[0]


def transport_plain(question: TransportQuestion) -> Tuple[Tensor, None]:
    """:func:`transport` by autograd."""
    return _cost(*question), None


def with_gradient(question: TransportQuestion, need_grad: bool) -> Answer:
    """Rows, and their gradient through all iterations, chunk by chunk."""
    student, teacher, labels, *others = question
    rows = student.new_empty(len(student))
    grad = torch.empty_like(student) if need_grad else None
    step = max(CHUNK // max(student.shape[1], 1), 1)
    for start in range(0, len(student), step):
        part = slice(start, start + step)
        leaf = student[part].detach().requires_grad_(need_grad)
        with torch.set_grad_enabled(need_grad):
            found = _cost(leaf, teacher[part], labels[part], *others)
            if need_grad:
                grad[part] = torch.autograd.grad(found.sum(), leaf)[0]
        rows[part] = found.detach()
    return Answer(rows, None, scaled_rows(grad) if need_grad else None)


def _cost(
    student: Tensor,
    teacher: Tensor,
    labels: Tensor,
    cost: Tensor,
    tau: float,
    lam: float,
    iterations: int,
) -> Tensor:
    """Cost of each row's plan, ``left[i] * kernel[i, j] * right[j]``."""
    cost = cost.clamp(min=0) + FLOOR
    kernel = (-cost / lam).exp()
    target = labels[:, None]
    p = _softmax_of_others(student, target, tau)
    q = _softmax_of_others(teacher, target, tau)
    others = max(student.shape[1] - 1, 1)
    left = torch.full_like(q, 1 / others).scatter(1, target, 0.0)
    for _ in range(iterations):
        right = q / (left @ kernel + FLOOR)
        left = p / (right @ kernel.t() + FLOOR)
    return ((left @ (kernel * cost)) * right).sum(1)


def _softmax_of_others(logits: Tensor, target: Tensor, tau: float) -> Tensor:
    """Softmax over the classes other than the target, which gets 0."""
    hidden = (logits / tau).scatter(1, target, -torch.inf)
    nothing = hidden.detach().amax(1, keepdim=True) == -torch.inf
    prob = hidden.masked_fill(nothing, 0.0).softmax(1)
    return prob.masked_fill(nothing, 0.0)


TRANSPORT = Operation(transport_plain, (with_gradient,))
