"""Difference of two Gram matrices, computed from the smaller kind."""

from typing import NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from .autograd import as_float
from .dispatch import Answer, Operation, run, scaled_rows
from .softmax import probabilities


class GramQuestion(NamedTuple):
    """The question of :func:`gram`; its tensors have one type."""

    student: Tensor
    teacher: Tensor
    tau: float
    of_classes: bool = True
    weight: Optional[Tensor] = None


def gram(
    student_logits: Tensor,
    teacher_logits: Tensor,
    tau: float,
    of_classes: bool,
    weight: Optional[Tensor] = None,
) -> Tensor:
    """Squared difference of the Gram matrices of all rows together.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C).
        tau (float): Temperature, > 0.
        of_classes (bool): Whether the matrices are (C, C) or (M, M).
        weight (Tensor, optional): How often each row counts, shape (M,).

    Returns:
        Tensor: Scalar; divided by C, or by the number of rows.
    """
    student = as_float(student_logits)
    teacher = teacher_logits.detach().to(student.dtype)
    if weight is not None:
        weight = weight.detach().to(student.dtype)
    question = GramQuestion(student, teacher, tau, of_classes, weight)
    with torch.autocast(student.device.type, enabled=False):
        return run(GRAM, question)[0].squeeze(0)


def gram_plain(question: GramQuestion) -> Tuple[Tensor, None]:
    """:func:`gram` by autograd; the value has shape (1,)."""
    student, teacher, tau, of_classes, _ = question
    p, q = probabilities(student, tau), probabilities(teacher, tau)
    scale, divisor = _scale(question)
    value = _difference(
        _oriented(p * scale, of_classes), _oriented(q * scale, of_classes)
    )[0]
    return (value / divisor).reshape(1), None


def with_gradient(question: GramQuestion, need_grad: bool) -> Answer:
    """Value and gradient in one pass."""
    student, teacher, tau, of_classes, weight = question
    p, q = probabilities(student, tau), probabilities(teacher, tau)
    scale, divisor = _scale(question)
    ours, theirs = p, q
    if weight is not None:
        ours, theirs = p * scale, q * scale
    ours, theirs = [_oriented(x, of_classes) for x in (ours, theirs)]
    value, slope = _difference(ours, theirs, need_grad)
    value = (value / divisor).reshape(1)
    if slope is None:
        return Answer(value)
    grad = _oriented(slope, of_classes).mul(p)
    grad.mul_(scale * (-4 / (tau * divisor)))
    grad.sub_(p.mul_(grad.sum(1, keepdim=True)))
    return Answer(value, None, scaled_rows(grad))


def _oriented(rows: Tensor, of_classes: bool) -> Tensor:
    """Rows, transposed for the Gram matrix over rows."""
    return rows if of_classes else rows.t()


def _scale(question: GramQuestion) -> Tuple[Tensor, Tensor]:
    """Factor of each row, shape (M, 1) or scalar, and the divisor."""
    student, weight = question.student, question.weight
    count = student.new_tensor(max(len(student), 1))
    scale = student.new_ones(())
    if weight is not None:
        count, scale = weight.sum(), weight.sqrt()[:, None]
        count = count.masked_fill(count == 0, 1.0)
    if question.of_classes:
        count = student.new_tensor(student.shape[1])
    return scale, count


def _difference(
    p: Tensor, q: Tensor, need_slope: bool = False
) -> Tuple[Tensor, Optional[Tensor]]:
    """``||Q'Q - P'P||^2``, and its slope by P over -4.

    With D = Q - P and S = Q + P the difference of the two is (D'S + S'D) / 2,
    which is exact where P is close to Q. The square of its norm and the slope
    ``P (D'S + S'D) / 2`` are computed from (C, C) matrices where P has fewer
    columns than rows, and from (M, M) matrices otherwise.
    """
    diff, both = q - p, q + p
    if diff.shape[1] <= diff.shape[0]:
        cross = diff.t() @ both
        cross = (cross + cross.t()) / 2
        slope = p @ cross if need_slope else None
        return cross.square().sum(), slope
    squared, summed, mixed = diff @ diff.t(), both @ both.t(), both @ diff.t()
    value = (squared * summed).sum() + (mixed * mixed.t()).sum()
    slope = None
    if need_slope:  # P is (S - D) / 2
        slope = (mixed - squared) @ both + (summed - mixed.t()) @ diff
        slope /= 4
    return (value / 2).clamp(min=0), slope


GRAM = Operation(gram_plain, (with_gradient,))
