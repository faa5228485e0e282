"""KL of the two-class softmaxes of pairs of logits."""

from typing import Iterator, NamedTuple, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from . import cpu
from .dispatch import Answer, Operation, run, scaled_rows


class PairQuestion(NamedTuple):
    """The question of :func:`pair_kl`; the fields are its arguments."""

    student: Tensor
    teacher: Tensor
    weights: Tensor


def pair_kl(student: Tensor, teacher: Tensor, weights: Tensor) -> Tensor:
    """Weighted sum of the two-class KL of each row's pairs.

    A pair with a class that is at -inf in both models adds nothing.

    Args:
        student (Tensor): Logits over tau, shape (M, k).
        teacher (Tensor): Logits over tau, shape (M, k), detached.
        weights (Tensor): Weights of the pairs i < j, shape (k, k).

    Returns:
        Tensor: Shape (M,).
    """
    return run(PAIR_KL, PairQuestion(student, teacher, weights))[0]


def pair_kl_plain(question: PairQuestion) -> Tuple[Tensor, None]:
    """:func:`pair_kl` by autograd."""
    rows = sum(
        (two_class_kl(s_gap, t_gap) * weight).sum(1)
        for s_gap, t_gap, weight in _gaps(*question)
    )
    return rows, None


def with_gradient(question: PairQuestion, need_grad: bool) -> Answer:
    """:func:`pair_kl`, whose gradient is computed with the value."""
    student = question.student
    rows, grad = student.new_zeros(len(student)), torch.zeros_like(student)
    for apart, (s_gap, t_gap, weight) in enumerate(_gaps(*question), 1):
        rows += (two_class_kl(s_gap, t_gap) * weight).sum(1)
        slope = (torch.sigmoid(s_gap) - torch.sigmoid(t_gap)) * weight
        grad[:, :-apart] += slope
        grad[:, apart:] -= slope
    return Answer(rows, None, scaled_rows(grad))


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


PAIR_KL = Operation(pair_kl_plain, (cpu.pair_kl, with_gradient))
