"""KL of classes that are independent Bernoulli variables."""

from typing import NamedTuple, Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .autograd import as_float
from .dispatch import Answer, Operation, run, scaled_rows

#: Elements that are worked on at once on the CPU; about one L2 cache.
CHUNK = 1 << 17


class SigmoidQuestion(NamedTuple):
    """The question of :func:`sigmoid_kl`; the fields are its arguments."""

    student: Tensor
    teacher: Tensor
    tau: float
    labels: Optional[Tensor] = None
    alpha: float = 1.0
    beta: float = 1.0


def sigmoid_kl(
    student_logits: Tensor,
    teacher_logits: Tensor,
    tau: float,
    labels: Optional[Tensor] = None,
    alpha: float = 1.0,
    beta: float = 1.0,
) -> Tuple[Tensor, Tensor, Tensor]:
    """KL of each class's Bernoulli, summed over the classes of a row.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C).
        tau (float): Temperature, > 0.
        labels (Tensor, optional): Class of each row that weighs ``alpha``,
            shape (M,), long; C means none.
        alpha (float): Weight of the labelled class. Defaults to 1.0.
        beta (float): Weight of the other classes. Defaults to 1.0.

    Returns:
        tuple[Tensor, Tensor, Tensor]: Rows, and the detached KL of the
        labelled class and of the others, shape (M,), times ``tau**2``.
    """
    teacher_logits = teacher_logits.detach()
    rows, parts = run(
        SIGMOID_KL,
        SigmoidQuestion(
            student_logits, teacher_logits, tau, labels, alpha, beta
        ),
    )
    return rows, *parts.unbind(0)


def sigmoid_kl_plain(question: SigmoidQuestion) -> Tuple[Tensor, Tensor]:
    """:func:`sigmoid_kl` by autograd; the parts have shape (2, M)."""
    own, others = _terms(*question[:4])[:2]
    rows = question.alpha * own + question.beta * others
    return rows, torch.stack([own.detach(), others.detach()])


def with_gradient(question: SigmoidQuestion, need_grad: bool) -> Answer:
    """Value and gradient in one pass, chunk by chunk."""
    student, teacher, tau, labels, alpha, beta = question
    count, classes = student.shape
    dtype = torch.promote_types(student.dtype, torch.float32)
    new = dict(dtype=dtype, device=student.device)
    parts = torch.zeros(2, count, **new)
    whole = torch.empty(count, classes, **new) if need_grad else None
    step = count
    if student.device.type == 'cpu':
        step = CHUNK // max(classes, 1)
    step = max(step, 1)
    for start in range(0, count, step):
        rows = slice(start, start + step)
        some = None if labels is None else labels[rows]
        own, others, s, q = _terms(student[rows], teacher[rows], tau, some)
        parts[0, rows], parts[1, rows] = own, others
        if whole is None:
            continue
        grad = torch.sub(s.sigmoid(), q, out=whole[rows]).mul_(tau)
        if labels is not None and alpha != beta:
            place = some.clamp(max=classes - 1)[:, None]
            factor = torch.where(some == classes, beta, alpha)
            at_label = grad.gather(1, place) * factor[:, None]
            grad.mul_(beta).scatter_(1, place, at_label)
        elif beta != 1:
            grad.mul_(beta)
    own, others = parts.unbind(0)
    pullback = None if whole is None else scaled_rows(whole)
    return Answer(alpha * own + beta * others, parts, pullback)


def _terms(
    student: Tensor, teacher: Tensor, tau: float, labels: Optional[Tensor]
) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
    """KL of the labelled class and of the others, shape (M,) each.

    They are followed by the student's logits over tau and the teacher's
    probabilities, shape (M, C) each.
    """
    student = as_float(student) / tau
    teacher = teacher.to(student.dtype) / tau
    q = torch.sigmoid(teacher)
    # softplus(s) - softplus(t) - q (s - t), where softplus(x) is
    # -logsigmoid(-x). Classes at -inf in both models add nothing.
    gap = torch.where(teacher == -torch.inf, 0.0, q * (student - teacher))
    kl = F.logsigmoid(-teacher) - F.logsigmoid(-student) - gap
    kl = tau**2 * kl.clamp(min=0)
    total = kl.sum(1)
    if labels is None:
        return torch.zeros_like(total), total, student, q
    place = labels.clamp(max=kl.shape[1] - 1)[:, None]
    own = kl.gather(1, place)[:, 0]
    own = own.masked_fill(labels == kl.shape[1], 0.0)
    return own, total - own, student, q


SIGMOID_KL = Operation(sigmoid_kl_plain, (with_gradient,))
