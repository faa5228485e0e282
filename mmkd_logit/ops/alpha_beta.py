"""Alpha-beta divergence of two softmax distributions, row by row."""

from typing import List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from .autograd import as_float
from .dispatch import Answer, Operation, run
from .row_chunks import by_chunks
from .softmax import log_probabilities, surely_finite

#: Exponents closer to 0 than this take the limit, from which they differ by
#: less than the general formula's rounding.
SMALL = 1e-9


class AlphaBetaQuestion(NamedTuple):
    """The question of :func:`alpha_beta`; the logits have one type."""

    student: Tensor
    teacher: Tensor
    tau: float
    alpha: float
    beta: float


def alpha_beta(
    student_logits: Tensor,
    teacher_logits: Tensor,
    tau: float,
    alpha: float,
    beta: float,
) -> Tensor:
    """Alpha-beta divergence of each row, (M, C) -> (M,), without ``tau**2``.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C), any strides.
        teacher_logits (Tensor): Raw scores, shape (M, C), any strides.
        tau (float): Temperature, > 0.
        alpha (float): Exponent of the teacher's probabilities.
        beta (float): Exponent of the student's probabilities.

    Returns:
        Tensor: Shape (M,); classes at -inf in both models add nothing.
    """
    student = as_float(student_logits)
    teacher = teacher_logits.detach().to(student.dtype)
    alpha, beta = [0.0 if abs(x) < SMALL else x for x in (alpha, beta)]
    question = AlphaBetaQuestion(student, teacher, tau, alpha, beta)
    return run(ALPHA_BETA, question)[0]


def alpha_beta_plain(question: AlphaBetaQuestion) -> Tuple[Tensor, None]:
    """:func:`alpha_beta` by autograd."""
    return _divergence(*question, dim=1)[0], None


def with_gradient(
    question: AlphaBetaQuestion, need_grad: bool
) -> Optional[Answer]:
    """Rows and gradient, chunk by chunk, in the logits' memory order."""
    student, teacher, tau, alpha, beta = question

    def work(chunk: List[Tensor], grad: Optional[Tensor], dim: int) -> Tensor:
        value, slope, log_p = _divergence(*chunk, tau, alpha, beta, dim)
        if grad is not None:
            # d log p_j / d s_i is ((i == j) - p_i) / tau
            prob = log_p.exp_().mul_(slope.sum(dim, keepdim=True))
            torch.sub(slope, prob, out=grad).div_(tau)
        return value

    return by_chunks(work, (student, teacher), need_grad)


def _divergence(
    student: Tensor,
    teacher: Tensor,
    tau: float,
    alpha: float,
    beta: float,
    dim: int,
) -> Tuple[Tensor, Tensor, Tensor]:
    """Rows, their slopes by the student's log-probabilities, and these."""
    log_p = log_probabilities(student, tau, dim)
    log_q = log_probabilities(teacher, tau, dim)
    total, gone = alpha + beta, None
    if not (surely_finite(log_p) and surely_finite(log_q)):
        gone = (log_p == -torch.inf) & (log_q == -torch.inf)
    inner_p, inner_q = log_p, log_q
    if gone is not None:
        inner_p = log_p.masked_fill(gone, 0.0)
        inner_q = log_q.masked_fill(gone, 0.0)
    if alpha == 0 and beta == 0:
        slope = inner_p - inner_q
        value = 0.5 * slope * slope
    elif beta == 0:
        power_p, power_q = (alpha * inner_p).exp(), (alpha * inner_q).exp()
        slope = (power_p - power_q) / alpha
        value = _times(power_q, inner_q - inner_p) / alpha
        value = value + slope / alpha
    elif alpha == 0:
        power_p, power_q = (beta * inner_p).exp(), (beta * inner_q).exp()
        slope = _times(power_p, inner_p - inner_q)
        value = slope / beta + (power_q - power_p) / beta**2
    elif abs(total) < SMALL:
        gap = alpha * (inner_q - inner_p)
        slope = -gap.expm1() / alpha
        value = -(gap / alpha + slope) / alpha
    else:
        both = (alpha * inner_q + beta * inner_p).exp_()
        power_p, power_q = (total * inner_p).exp_(), (total * inner_q).exp_()
        slope = (power_p - both) / alpha
        value = (power_q - both) / beta
        value = (value + slope) / total
    if gone is not None:
        slope, value = [x.masked_fill(gone, 0.0) for x in (slope, value)]
    # Rounding may leave a sum of 0 just below it.
    return value.sum(dim).clamp(min=0), slope, log_p


def _times(power: Tensor, gap: Tensor) -> Tensor:
    """``power * gap``, 0 where ``power`` is 0 and the gap infinite."""
    return torch.where(power == 0, 0.0, power * gap)


ALPHA_BETA = Operation(alpha_beta_plain, (with_gradient,))
