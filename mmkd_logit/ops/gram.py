"""Difference of two Gram matrices, never larger than the smaller side."""

from functools import partial
from typing import Optional, Tuple

from torch import Tensor

from .autograd import as_float, check_floating, compiling
from .with_gradient import probabilities, with_gradient


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
    check_floating(student_logits, teacher_logits)
    settings = teacher_logits.detach(), tau, of_classes, weight
    if compiling():
        return _value(as_float(student_logits), *settings)[0]
    compute = partial(_one_pass, settings)
    return with_gradient(student_logits, compute).squeeze(0)


def _one_pass(
    settings: Tuple, student: Tensor, need_grad: bool
) -> Tuple[Tensor, Optional[Tensor]]:
    value, p, slope = _value(student, *settings, need_grad)
    if not need_grad:
        return value.reshape(1), None
    grad = slope.mul_(p)
    grad.sub_(p * grad.sum(1, keepdim=True)).div_(settings[1])
    return value.reshape(1), grad


def _value(
    student: Tensor,
    teacher: Tensor,
    tau: float,
    of_classes: bool,
    weight: Optional[Tensor],
    need_slope: bool = False,
) -> Tuple[Tensor, Tensor, Optional[Tensor]]:
    """Value, the student's probabilities, and the slope by those.

    With D = Q - P and S = Q + P the difference of the Gram matrices is
    (D'S + S'D) / 2, which loses nothing where P is close to Q.
    """
    p = probabilities(student, tau)
    q = probabilities(teacher.to(student.dtype), tau)
    count = max(len(p), 1)
    scale = None
    if weight is not None:
        weight = weight.detach().to(p.dtype)
        count = weight.sum()
        count = count.masked_fill(count == 0, 1.0)
        scale = weight.sqrt()[:, None]
    divisor = p.shape[1] if of_classes else count
    diff, both = q - p, q + p
    if scale is not None:
        diff, both = diff * scale, both * scale
    if not of_classes:
        diff, both = diff.t(), both.t()
    length, width = diff.shape
    slope = None
    if width <= length:
        cross = diff.t() @ both
        cross = (cross + cross.t()) / 2
        value = cross.square().sum()
        if need_slope:
            slope = ((both - diff) / 2) @ cross
    else:
        squared, summed = diff @ diff.t(), both @ both.t()
        mixed = both @ diff.t()
        value = (squared * summed).sum() + (mixed * mixed.t()).sum()
        value = (value / 2).clamp(min=0)
        if need_slope:
            slope = (mixed - squared) @ both
            slope += (summed - mixed.t()) @ diff
            slope /= 4
    if slope is not None:
        slope = slope * (-4 / divisor)
        if not of_classes:
            slope = slope.t()
        if scale is not None:
            slope = slope * scale
        slope = slope.clone() if slope.data_ptr() == p.data_ptr() else slope
    return value / divisor, p, slope
