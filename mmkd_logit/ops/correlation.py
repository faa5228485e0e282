"""Correlation of two matrices of probabilities, by rows and by columns."""

from functools import partial
from typing import NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from .autograd import as_float, check_floating, compiling
from .chunked import lies_by_class
from .with_gradient import probabilities, with_gradient


class Question(NamedTuple):
    """What is asked for; see :func:`correlation`."""

    tau: float
    beta: float
    gamma: float
    use_sigmoid: bool
    eps: float
    min_norm: float


def correlation(
    student_logits: Tensor,
    teacher_logits: Tensor,
    question: Question,
    weight: Optional[Tensor] = None,
) -> Tuple[Tensor, Tensor, Tensor]:
    """``beta * inter + gamma * intra`` of all rows together.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C), any strides.
        teacher_logits (Tensor): Raw scores, shape (M, C), any strides.
        question (Question): Temperature, weights and what is degenerate.
        weight (Tensor, optional): How often each row counts, shape (M,).

    Returns:
        tuple[Tensor, Tensor, Tensor]: The loss, and the detached ``inter``
        and ``intra``, scalars, times ``tau**2``; 0 without rows.
    """
    check_floating(student_logits, teacher_logits)
    teacher_logits = teacher_logits.detach()
    if compiling():
        student = as_float(student_logits)
        teacher = teacher_logits.to(student.dtype)
        inter, intra = _plain(student, teacher, question, weight)
        loss = question.beta * inter + question.gamma * intra
        return loss, inter.detach(), intra.detach()
    parts = []
    compute = partial(
        _one_pass, teacher_logits, question, weight, parts.extend
    )
    loss = with_gradient(student_logits, compute).squeeze(0)
    return loss, *parts


def _plain(
    student: Tensor,
    teacher: Tensor,
    question: Question,
    weight: Optional[Tensor],
) -> Tuple[Tensor, Tensor]:
    """The readable form, by autograd; the referee of the tests."""
    p, q = _prob(student, question, 1), _prob(teacher, question, 1)
    weight = p.new_ones(len(p)) if weight is None else weight.to(p.dtype)
    total = weight.sum()
    if len(p) == 0:
        return p.sum(), p.sum()

    def share(a, b, dim, factor):
        mean = factor.sum(dim, keepdim=True)
        a, b = (x - (x * factor).sum(dim, keepdim=True) / mean for x in (a, b))
        squares = [(x * x * factor).sum(dim) for x in (a, b)]
        some = [x > 0 for x in squares]
        norms = [
            x.where(there, 1.0).sqrt().where(there, 0.0)
            for x, there in zip(squares, some)
        ]
        value = (a * b * factor).sum(dim)
        value = value / (norms[0] * norms[1] + question.eps)
        kept = torch.minimum(*norms) >= question.min_norm
        return value, kept.to(p.dtype)

    per_row, kept = share(p, q, 1, torch.ones_like(p))
    kept = kept * weight
    inter = (kept * (1 - per_row)).sum() / _divisor(kept.sum())
    per_class, kept = share(p, q, 0, weight[:, None].expand_as(p))
    kept = kept * (total > 0)
    intra = (kept * (1 - per_class)).sum() / _divisor(kept.sum())
    return question.tau**2 * inter, question.tau**2 * intra


def _prob(logits: Tensor, question: Question, dim: int) -> Tensor:
    if question.use_sigmoid:
        return (logits / question.tau).sigmoid()
    return probabilities(logits, question.tau, dim)


def _divisor(total: Tensor) -> Tensor:
    """``total``, or 1 for nothing."""
    return total.masked_fill(total == 0, 1.0)


def _one_pass(
    teacher: Tensor,
    question: Question,
    weight: Optional[Tensor],
    tell,
    student: Tensor,
    need_grad: bool,
) -> Tuple[Tensor, Optional[Tensor]]:
    """Value and gradient, along what lies together in memory."""
    tau, beta, gamma = question.tau, question.beta, question.gamma
    classes = 0 if lies_by_class(student) else 1
    if classes == 0:
        student, teacher = student.t(), teacher.t()
    if student.numel() == 0:
        zero = student.new_zeros(1)
        tell([zero[0], zero[0]])
        return zero, torch.zeros_like(student) if need_grad else None
    if weight is not None:
        weight = weight.detach().to(student.dtype).unsqueeze(classes)
    p = _prob(student, question, classes)
    q = _prob(teacher.to(student.dtype), question, classes)
    terms = partial(_terms, p, q, question=question, need_slope=need_grad)
    inter, row_slope = terms(dim=classes, outer=weight)
    intra, grad = terms(dim=1 - classes, inner=weight)
    tell([tau**2 * inter, tau**2 * intra])
    value = tau**2 * (beta * inter + gamma * intra)
    if not need_grad:
        return value.reshape(1), None
    grad.mul_(gamma * tau).add_(row_slope, alpha=beta * tau)
    if question.use_sigmoid:
        grad.mul_(p).mul_(p.neg_().add_(1))
    else:
        grad.mul_(p)
        grad.sub_(p.mul_(grad.sum(classes, keepdim=True)))
    return value.reshape(1), grad if classes else grad.t()


def _mean(x: Tensor, dim: int, weight: Optional[Tensor] = None) -> Tensor:
    if weight is None:
        return x.mean(dim, keepdim=True)
    total = _divisor(weight.sum(dim, keepdim=True))
    return (x * weight).sum(dim, keepdim=True) / total


def _terms(
    p: Tensor,
    q: Tensor,
    question: Question,
    need_slope: bool,
    dim: int,
    inner: Optional[Tensor] = None,
    outer: Optional[Tensor] = None,
) -> Tuple[Tensor, Optional[Tensor]]:
    """Mean of one minus the correlations along ``dim``, and its slope by p.

    Args:
        p (Tensor): Of the student.
        q (Tensor): Of the teacher.
        question (Question): For ``eps`` and ``min_norm``.
        need_slope (bool): Whether the slope is wanted.
        dim (int): Along which a correlation runs.
        inner (Tensor, optional): Weights along ``dim``.
        outer (Tensor, optional): Weights of the correlations.

    Returns:
        tuple[Tensor, Tensor or None]: A scalar, and the shape of ``p``.
    """
    a, b = p - _mean(p, dim, inner), q - _mean(q, dim, inner)

    def total(x, y):
        product = x * y if inner is None else (x * y).mul_(inner)
        return product.sum(dim, keepdim=True)

    def norm(centred, whole):
        squares = total(centred, centred)
        # what rounding of the mean leaves of equal numbers
        noise = 2 * torch.finfo(p.dtype).eps
        largest = noise * whole.amax(dim, keepdim=True)
        equal = squares <= p.shape[dim] * largest.square()
        return squares.masked_fill(equal, 0.0).sqrt_()

    p_norm, q_norm, dot = norm(a, p), norm(b, q), total(a, b)
    dot = dot.masked_fill((p_norm == 0) | (q_norm == 0), 0.0)
    lengths = p_norm * q_norm + question.eps
    kept = (torch.minimum(p_norm, q_norm) >= question.min_norm).to(p.dtype)
    if outer is not None:
        kept = kept * outer
    if inner is not None:
        kept = kept * (inner.sum() > 0)
    factor = kept / _divisor(kept.sum())
    mean = (factor * (1 - dot / lengths)).sum()
    if not need_slope:
        return mean, None
    by_p = factor * dot * q_norm / (_divisor(p_norm) * lengths * lengths)
    a.mul_(by_p).addcmul_(b, factor / lengths, value=-1)
    return mean, a if inner is None else a.mul_(inner)
