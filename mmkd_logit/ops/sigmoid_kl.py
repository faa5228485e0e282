"""KL of classes that are independent Bernoulli variables."""

from typing import Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .autograd import as_float, check_floating, compiling, scale_rows

#: Elements that are worked on at once on the CPU; about one L2 cache.
CHUNK = 1 << 17


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
    check_floating(student_logits, teacher_logits)
    teacher_logits = teacher_logits.detach()
    arguments = (student_logits, teacher_logits, labels, tau, alpha, beta)
    if compiling():
        own, others = _terms(*arguments[:4])[:2]
        return alpha * own + beta * others, own.detach(), others.detach()
    rows, parts = _SigmoidKL.apply(*arguments)
    own, others = parts.unbind(0)
    return rows, own, others


def _terms(student, teacher, labels, tau):
    """KL of the labelled class and of the others, and the probabilities."""
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


class _SigmoidKL(torch.autograd.Function):
    """Value and gradient in one pass, chunk by chunk."""

    @staticmethod
    def forward(ctx, student, teacher, labels, tau, alpha, beta):
        count, classes = student.shape
        dtype = torch.promote_types(student.dtype, torch.float32)
        new = dict(dtype=dtype, device=student.device)
        parts = torch.zeros(2, count, **new)
        ctx.grad, ctx.dtype = None, student.dtype
        if ctx.needs_input_grad[0]:
            ctx.grad = torch.empty(count, classes, **new)
        step = count
        if student.device.type == 'cpu':
            step = CHUNK // max(classes, 1)
        step = max(step, 1)
        for start in range(0, count, step):
            rows = slice(start, start + step)
            some = None if labels is None else labels[rows]
            own, others, s, q = _terms(student[rows], teacher[rows], some, tau)
            parts[0, rows], parts[1, rows] = own, others
            if ctx.grad is None:
                continue
            grad = torch.sub(s.sigmoid(), q, out=ctx.grad[rows]).mul_(tau)
            if labels is not None and alpha != beta:
                place = some.clamp(max=classes - 1)[:, None]
                factor = torch.where(some == classes, beta, alpha)
                at_label = grad.gather(1, place) * factor[:, None]
                grad.mul_(beta).scatter_(1, place, at_label)
            elif beta != 1:
                grad.mul_(beta)
        own, others = parts.unbind(0)
        ctx.mark_non_differentiable(parts)
        ctx.set_materialize_grads(False)
        return alpha * own + beta * others, parts

    @staticmethod
    def backward(ctx, grad_rows, _):
        return scale_rows(ctx, grad_rows), None, None, None, None, None
