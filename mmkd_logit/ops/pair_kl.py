"""KL of the two-class softmaxes of pairs of logits."""

from typing import Iterator, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from . import cpu
from .autograd import scale_rows


def two_class_kl(s_gap: Tensor, t_gap: Tensor) -> Tensor:
    """KL of two-class softmaxes, given the logit gaps; any shape."""
    return torch.sigmoid(t_gap) * (
        F.logsigmoid(t_gap) - F.logsigmoid(s_gap)
    ) + torch.sigmoid(-t_gap) * (F.logsigmoid(-t_gap) - F.logsigmoid(-s_gap))


def _gaps(
    student: Tensor, teacher: Tensor, weights: Tensor
) -> Iterator[Tuple[Tensor, Tensor, Tensor]]:
    """Logit gaps and weights of the pairs that are 1, 2, ... ranks apart."""
    gone = (student == -torch.inf) & (teacher == -torch.inf)
    for apart in range(1, student.shape[1]):
        out = gone[:, :-apart] | gone[:, apart:]
        s_gap = student[:, :-apart] - student[:, apart:]
        t_gap = teacher[:, :-apart] - teacher[:, apart:]
        yield (
            s_gap.masked_fill(out, 0.0),
            t_gap.masked_fill(out, 0.0),
            weights.diagonal(apart),
        )


def pair_kl(student: Tensor, teacher: Tensor, weights: Tensor) -> Tensor:
    """Weighted sum of the two-class KL of each row's pairs.

    Args:
        student (Tensor): Logits over tau, shape (M, k).
        teacher (Tensor): Logits over tau, shape (M, k).
        weights (Tensor): Of the pairs i < j, shape (k, k).

    Returns:
        Tensor: Shape (M,).
    """
    return sum(
        (two_class_kl(s_gap, t_gap) * weight).sum(1)
        for s_gap, t_gap, weight in _gaps(student, teacher, weights)
    )


class _PairKL(torch.autograd.Function):
    """:func:`pair_kl`, whose gradient is computed with the value."""

    @staticmethod
    def forward(ctx, student, teacher, weights):
        found = cpu.pair_kl(student, teacher, weights)
        if found is None:
            rows = student.new_zeros(len(student))
            grad = torch.zeros_like(student)
            gaps = _gaps(student, teacher, weights)
            for apart, (s_gap, t_gap, weight) in enumerate(gaps, 1):
                rows += (two_class_kl(s_gap, t_gap) * weight).sum(1)
                diff = (torch.sigmoid(s_gap) - torch.sigmoid(t_gap)) * weight
                grad[:, :-apart] += diff
                grad[:, apart:] -= diff
            found = rows, grad
        rows, ctx.grad = found
        ctx.dtype = student.dtype
        return rows

    @staticmethod
    def backward(ctx, grad_rows):
        return scale_rows(ctx, grad_rows), None, None
