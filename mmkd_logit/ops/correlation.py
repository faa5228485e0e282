"""Correlation of two matrices of probabilities, by rows and by columns."""

from functools import partial
from typing import NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from .autograd import as_float
from .chunked import lies_by_class
from .dispatch import Answer, Operation, run, scaled_rows
from .softmax import probabilities


class CorrelationQuestion(NamedTuple):
    """The question of :func:`correlation`; the fields are its arguments.

    The logits have one type, and so has ``weight``.
    """

    student: Tensor
    teacher: Tensor
    tau: float
    beta: float = 1.0
    gamma: float = 1.0
    use_sigmoid: bool = False
    eps: float = 1e-8
    min_norm: float = 0.0
    weight: Optional[Tensor] = None


def correlation(
    student_logits: Tensor,
    teacher_logits: Tensor,
    tau: float,
    beta: float,
    gamma: float,
    use_sigmoid: bool,
    eps: float,
    min_norm: float,
    weight: Optional[Tensor] = None,
) -> Tuple[Tensor, Tensor, Tensor]:
    """``beta * inter + gamma * intra`` of all rows together.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C), any strides.
        teacher_logits (Tensor): Raw scores, shape (M, C), any strides.
        tau (float): Temperature, > 0.
        beta (float): Weight of one minus the correlation of rows.
        gamma (float): Weight of one minus the correlation of columns.
        use_sigmoid (bool): Whether probabilities are sigmoids.
        eps (float): Added to the product of two norms.
        min_norm (float): Rows and columns of smaller norm are left out.
        weight (Tensor, optional): How often each row counts, shape (M,).

    Returns:
        tuple[Tensor, Tensor, Tensor]: The loss, and the detached ``inter``
        and ``intra``, scalars, times ``tau**2``; 0 without rows.
    """
    student = as_float(student_logits)
    teacher = teacher_logits.detach().to(student.dtype)
    if weight is not None:
        weight = weight.detach().to(student.dtype)
    loss, parts = run(
        CORRELATION,
        CorrelationQuestion(
            student,
            teacher,
            tau,
            beta,
            gamma,
            use_sigmoid,
            eps,
            min_norm,
            weight,
        ),
    )
    return loss.squeeze(0), *parts.unbind(0)


def correlation_plain(question: CorrelationQuestion) -> Tuple[Tensor, Tensor]:
    """:func:`correlation` by autograd; value (1,) and parts (2,)."""
    p, q = [_prob(x, question, 1) for x in question[:2]]
    weight = question.weight
    weight = p.new_ones(len(p)) if weight is None else weight
    inter = _mean_gap(p, q, 1, question, torch.ones_like(p), weight)
    inner = weight[:, None].expand_as(p)
    some = (weight.sum() > 0).to(p.dtype).expand(p.shape[1])
    intra = _mean_gap(p, q, 0, question, inner, some)
    parts = question.tau**2 * torch.stack([inter, intra])
    value = question.beta * parts[:1] + question.gamma * parts[1:]
    return value, parts.detach()


def _mean_gap(
    a: Tensor,
    b: Tensor,
    dim: int,
    question: CorrelationQuestion,
    inner: Tensor,
    outer: Tensor,
) -> Tensor:
    """Mean of one minus the correlations along ``dim``."""
    total = _divisor(inner.sum(dim, keepdim=True))
    a, b = [x - (x * inner).sum(dim, keepdim=True) / total for x in (a, b)]
    norms = []
    for x in (a, b):
        squares = (x * x * inner).sum(dim)
        some = squares > 0  # the root of 0 has no slope
        norms.append(squares.where(some, squares + 1).sqrt() * some)
    lengths = norms[0] * norms[1] + question.eps
    lengths = lengths.masked_fill(lengths == 0, torch.inf)
    value = (a * b * inner).sum(dim) / lengths
    kept = outer * (torch.minimum(*norms) >= question.min_norm)
    return (kept * (1 - value)).sum() / _divisor(kept.sum())


def with_gradient(question: CorrelationQuestion, need_grad: bool) -> Answer:
    """Value and gradient, computed in the memory order of the logits."""
    student, teacher, tau = question[:3]
    classes = 0 if lies_by_class(student) else 1
    if classes == 0:
        student, teacher = student.t(), teacher.t()
    weight = question.weight
    if weight is not None:
        weight = weight.unsqueeze(classes)
    p, q = [_prob(x, question, classes) for x in (student, teacher)]
    if p.numel() == 0:
        grad = torch.zeros_like(question.student)
        return Answer(p.new_zeros(1), p.new_zeros(2), scaled_rows(grad))
    terms = partial(_terms, p, q, question=question, need_slope=need_grad)
    inter, row_slope = terms(dim=classes, outer=weight)
    intra, grad = terms(dim=1 - classes, inner=weight)
    parts = tau**2 * torch.stack([inter, intra])
    value = question.beta * parts[:1] + question.gamma * parts[1:]
    if not need_grad:
        return Answer(value, parts)
    grad.mul_(question.gamma * tau)
    grad.add_(row_slope, alpha=question.beta * tau)
    if question.use_sigmoid:
        grad.mul_(p).mul_(p.neg_().add_(1))
    else:
        grad.mul_(p)
        grad.sub_(p.mul_(grad.sum(classes, keepdim=True)))
    return Answer(value, parts, scaled_rows(grad if classes else grad.t()))


def _prob(logits: Tensor, question: CorrelationQuestion, dim: int) -> Tensor:
    if question.use_sigmoid:
        return (logits / question.tau).sigmoid()
    return probabilities(logits, question.tau, dim)


def _divisor(total: Tensor) -> Tensor:
    """``total``, with 1 in place of 0."""
    return total.masked_fill(total == 0, 1.0)


def _mean(x: Tensor, dim: int, weight: Optional[Tensor] = None) -> Tensor:
    if weight is None:
        return x.mean(dim, keepdim=True)
    total = _divisor(weight.sum(dim, keepdim=True))
    return (x * weight).sum(dim, keepdim=True) / total


def _terms(
    p: Tensor,
    q: Tensor,
    question: CorrelationQuestion,
    need_slope: bool,
    dim: int,
    inner: Optional[Tensor] = None,
    outer: Optional[Tensor] = None,
) -> Tuple[Tensor, Optional[Tensor]]:
    """Mean of one minus the correlations along ``dim``, and its slope by p.

    Args:
        p (Tensor): The student's probabilities, (M, C) or (C, M).
        q (Tensor): The teacher's probabilities, of the same shape.
        question (CorrelationQuestion): Gives ``eps`` and ``min_norm``.
        need_slope (bool): Whether to compute the slope.
        dim (int): Along which a correlation runs.
        inner (Tensor, optional): Weights along ``dim``.
        outer (Tensor, optional): Weights of the correlations.

    Returns:
        tuple[Tensor, Tensor or None]: A scalar, and the shape of ``p``.
    """
    p_mean, q_mean = _mean(p, dim, inner), _mean(q, dim, inner)
    a, b = p - p_mean, q - q_mean
    size = p.shape[dim] if inner is None else inner.sum()

    def total(x, y):
        product = x * y if inner is None else (x * y).mul_(inner)
        return product.sum(dim, keepdim=True)

    def norm(centred, mean):
        squares = total(centred, centred)
        # Equal numbers differ from their rounded mean by this much.
        noise = size * (2 * torch.finfo(p.dtype).eps * mean).square()
        return squares.masked_fill(squares <= noise, 0.0).sqrt_()

    p_norm, q_norm, dot = norm(a, p_mean), norm(b, q_mean), total(a, b)
    dot = dot.masked_fill((p_norm == 0) | (q_norm == 0), 0.0)
    lengths = p_norm * q_norm + question.eps
    lengths = lengths.masked_fill(lengths == 0, torch.inf)
    kept = (torch.minimum(p_norm, q_norm) >= question.min_norm).to(p.dtype)
    if outer is not None:
        kept = kept * outer
    if inner is not None:
        kept = kept * (size > 0)
    factor = kept / _divisor(kept.sum())
    mean = (factor * (1 - dot / lengths)).sum()
    if not need_slope:
        return mean, None
    by_p = factor * dot * q_norm / (_divisor(p_norm) * lengths * lengths)
    a.mul_(by_p).addcmul_(b, factor / lengths, value=-1)
    return mean, a if inner is None else a.mul_(inner)


CORRELATION = Operation(correlation_plain, (with_gradient,))
