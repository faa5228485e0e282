"""KL inside the classes that the teacher puts below a bound."""

from typing import List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from .autograd import as_float
from .dispatch import Answer, Operation, run
from .row_chunks import by_chunks

#: Logit of a class that is left out in both models. Its power is 0, and so is
#: the difference of the two; -inf minus -inf would be NaN.
HIDDEN = -1e30


class BelowQuestion(NamedTuple):
    """The question of :func:`below_kl`; the logits have one type."""

    student: Tensor
    teacher: Tensor
    bound: Tensor
    tau: float


def below_kl(
    student_logits: Tensor, teacher_logits: Tensor, bound: Tensor, tau: float
) -> Tensor:
    """KL(teacher || student) inside the classes below a bound.

    Each row may keep another number of classes. Where few are left out,
    :func:`~mmkd_logit.ops.group_kl.group_kl` is faster.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C), any strides.
        teacher_logits (Tensor): Raw scores, shape (M, C), any strides.
        bound (Tensor): The teacher's logits must be smaller, shape (M, 1).
        tau (float): Temperature, > 0.

    Returns:
        Tensor: Shape (M,), times ``tau**2``. A row with fewer than two such
        classes gives 0, and so does a class at -inf in both models.
    """
    student = as_float(student_logits)
    teacher = teacher_logits.detach().to(student.dtype)
    bound = bound.detach().to(student.dtype)
    return run(BELOW_KL, BelowQuestion(student, teacher, bound, tau))[0]


def below_kl_plain(question: BelowQuestion) -> Tuple[Tensor, None]:
    """:func:`below_kl` by autograd."""
    student, teacher, bound, tau = question
    left_out = (student == -torch.inf) & (teacher == -torch.inf)
    left_out = left_out | (teacher >= bound)
    log_p, log_q = [
        (x / tau).masked_fill(left_out, HIDDEN).log_softmax(1)
        for x in (student, teacher)
    ]
    q = log_q.exp().masked_fill(left_out, 0.0)
    gap = torch.where(q == 0, 0.0, log_q - log_p)
    return tau**2 * (q * gap).sum(1), None


def with_gradient(
    question: BelowQuestion, need_grad: bool
) -> Optional[Answer]:
    """Rows and gradient, chunk by chunk, in the logits' memory order.

    None if a row is out of range: kept classes far below the others, or at
    -inf. On CUDA the values are not read, and the plain form serves all rows.
    """
    student, teacher, bound, tau = question
    if student.device.type != 'cpu':
        return None

    def work(
        chunk: List[Tensor], grad: Optional[Tensor], dim: int
    ) -> Optional[Tensor]:
        return _terms(*chunk, grad, tau, dim)

    return by_chunks(work, (student, teacher, bound), need_grad)


def _terms(
    student: Tensor,
    teacher: Tensor,
    bound: Tensor,
    grad: Optional[Tensor],
    tau: float,
    dim: int,
) -> Optional[Tensor]:
    """Rows of one chunk; fills ``grad``. None if one is out of range."""
    kept = (teacher < bound).to(student.dtype)
    s = (student - student.amax(dim, keepdim=True)).div_(tau)
    t = (teacher - bound).div_(tau).clamp_(max=0)
    p, q = s.exp().mul_(kept), t.exp().mul_(kept)
    p_mass, q_mass = [x.sum(dim, keepdim=True) for x in (p, q)]
    dot = t.sub_(s).mul_(q).sum(dim, keepdim=True)
    nothing = kept.sum(dim, keepdim=True) == 0
    p_mass, q_mass = [x.masked_fill(nothing, 1.0) for x in (p_mass, q_mass)]
    least = torch.finfo(s.dtype).tiny * 1e8
    if not (
        p_mass.amin() > least
        and q_mass.amin() > least
        and dot.sum().isfinite()
    ):
        return None
    value = dot.div_(q_mass) + (p_mass / q_mass).log_()
    if grad is not None:
        p.mul_(tau / p_mass)
        torch.sub(p, q.mul_(tau / q_mass), out=grad)
    return tau**2 * value.squeeze(dim).clamp_(min=0)


BELOW_KL = Operation(below_kl_plain, (with_gradient,))
