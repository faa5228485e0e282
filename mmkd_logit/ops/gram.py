"""Difference of two Gram matrices, computed from the smaller kind."""

from typing import NamedTuple, Optional, Tuple, Union

import torch
from torch import Tensor

from .autograd import as_float
from .dispatch import Answer, Operation, run, scaled_rows
from .softmax import probabilities

#: Elements that are worked on at once on the CPU; about one L2 cache.
CHUNK = 1 << 17


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
    """Value and gradient together."""
    scale, divisor = _scale(question)
    rows, classes = question.student.shape
    form = _tall if rows > classes else _wide
    value, grad = form(question, scale, need_grad)
    value = (value / divisor).reshape(1)
    if grad is None:
        return Answer(value)
    return Answer(value, None, scaled_rows(grad.mul_(-4 / divisor)))


def _wide(
    question: GramQuestion, scale: Union[float, Tensor], need_grad: bool
) -> Tuple[Tensor, Optional[Tensor]]:
    """Value and gradient / -4, for no more rows than classes."""
    student, teacher, tau, of_classes, weight = question
    p, q = probabilities(student, tau), probabilities(teacher, tau)
    ours, theirs = p, q
    if weight is not None:
        ours, theirs = p * scale, q * scale
    ours, theirs = (_oriented(x, of_classes) for x in (ours, theirs))
    value, slope = _difference(ours, theirs, need_grad)
    if slope is None:
        return value, None
    grad = torch.empty_like(p)
    return value, _by_logits(_oriented(slope, of_classes), p, scale, tau, grad)


def _tall(
    question: GramQuestion, scale: Union[float, Tensor], need_grad: bool
) -> Tuple[Tensor, Optional[Tensor]]:
    """Value and gradient / -4, for more rows than classes, in chunks.

    Sums over the rows come first, and then what they mean for each row; the
    letters are those of :func:`_difference`.
    """
    student, teacher, tau, of_classes, weight = question
    count, classes = student.shape
    step = count
    if student.device.type == 'cpu':
        step = max(CHUNK // max(classes, 1), 1)
    chunks = [slice(i, i + step) for i in range(0, count, step)]
    p, q = torch.empty_like(student), torch.empty_like(student)
    mixed = student.new_zeros(classes, classes)
    squared, summed = torch.zeros_like(mixed), torch.zeros_like(mixed)

    def factor(rows):
        return 1.0 if weight is None else scale[rows]

    def differences(rows):
        a, b = p[rows], q[rows]
        if weight is not None:
            a, b = a * factor(rows), b * factor(rows)
        return b - a, b + a

    for rows in chunks:
        p[rows] = probabilities(student[rows], tau)
        q[rows] = probabilities(teacher[rows], tau)
        diff, both = differences(rows)
        mixed.addmm_(both.t(), diff)
        if not of_classes:
            squared.addmm_(diff.t(), diff)
            summed.addmm_(both.t(), both)
    if of_classes:
        cross = (mixed + mixed.t()) / 2
        value = cross.square().sum()
    else:
        value = (squared * summed).sum() + (mixed * mixed.t()).sum()
        value = (value / 2).clamp(min=0)
        by_both, by_diff = (mixed.t() - squared) / 4, (summed - mixed) / 4
    if not need_grad:
        return value, None
    for rows in chunks:
        if of_classes:
            ours = p[rows] if weight is None else p[rows] * factor(rows)
            slope = ours @ cross
        else:
            diff, both = differences(rows)
            slope = (both @ by_both).addmm_(diff, by_diff)
        _by_logits(slope, p[rows], factor(rows), tau, p[rows])
    return value, p


def _by_logits(
    slope: Tensor,
    p: Tensor,
    scale: Union[float, Tensor],
    tau: float,
    out: Tensor,
) -> Tensor:
    """From the slope by scaled probabilities to that by the logits."""
    slope = slope.mul(scale / tau).mul_(p)
    torch.addcmul(slope, p, slope.sum(1, keepdim=True), value=-1, out=out)
    return out


def _oriented(rows: Tensor, of_classes: bool) -> Tensor:
    """Rows, transposed for the Gram matrix over rows."""
    return rows if of_classes else rows.t()


def _scale(
    question: GramQuestion,
) -> Tuple[Union[float, Tensor], Union[float, Tensor]]:
    """Factor of each row, shape (M, 1) or 1, and what divides the sum."""
    count, classes = question.student.shape
    scale, divisor = 1.0, max(count, 1)
    if question.weight is not None:
        scale, divisor = question.weight.sqrt()[:, None], question.weight.sum()
        divisor = divisor.masked_fill(divisor == 0, 1.0)
    return scale, classes if question.of_classes else divisor


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
