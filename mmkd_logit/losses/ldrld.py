"""Local dense relational logit distillation: pairs of the top classes."""

import math
from typing import List, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..registry import MODELS
from .autograd import as_float, compiling, refuse_second_derivative
from .base import (
    LogitLoss,
    Parts,
    check_choice,
    check_rows,
    check_size,
    check_tau,
    check_weights,
)
from .groups import group_kl
from .top import top_classes

RANKINGS = ('student', 'teacher')


def ldrld_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    tau: float = 4.0,
    depth: int = 7,
    alpha: float = 10.5,
    beta: float = 7.0,
    eps: float = 1.5,
    delta: float = 2.0,
    lam: float = 0.05,
    rank_by: str = 'student',
    average_pairs: bool = True,
) -> Tensor:
    """LDRLD: ``alpha * L_Local + beta * L_RNTK`` of each row.

    The student's ``depth`` largest logits are compared in pairs: KL of the
    two-class softmax of ranks i < j, times the adaptive decay weight
    ``delta * exp(-lam * (i + j)) / (j - i + eps)``. L_Local adds to these the
    KL over the whole top set and divides by the number of terms; L_RNTK is
    the KL over the remaining classes. A pair with a class that is at -inf in
    both models adds nothing.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C).
        tau (float): Temperature, > 0, no unit. Defaults to 4.0.
        depth (int): Size of the top set, 2 to C - 1; with C the remaining
            classes are none and add nothing. Defaults to 7.
        alpha (float): Weight of L_Local. Defaults to 10.5, which the README
            of the authors' code gives for ResNet32x4 -> ResNet8x4 on
            CIFAR-100, the only pair it names.
        beta (float): Weight of L_RNTK. Defaults to 7.0, from the same place.
        eps (float): Softens the decay with the distance of two ranks.
            Defaults to 1.5.
        delta (float): Factor of all pair weights. Defaults to 2.0.
        lam (float): Decay with the ranks themselves. Defaults to 0.05.
        rank_by (str): Whose logits rank the classes, ``'student'`` or
            ``'teacher'``; ties follow ``torch.topk``. Defaults to 'student'.
        average_pairs (bool): Divide L_Local by its ``depth * (depth - 1) / 2
            + 1`` terms, as the authors' code does; False sums, as a
            third-party note on the paper prints it. Defaults to True.

    Returns:
        Tensor: Loss of each row in nats times ``tau**2``, shape (M,).

    Source:
        The authors' code for Xu et al., ICCV 2025,
        https://arxiv.org/abs/2507.15911; formula and defaults are those of
        the code, the paper's text was not at hand. As there, with
        ``depth=2`` the set term is the only pair once more and carries the
        pair's weight too.

    Examples:
        >>> teacher = torch.tensor([[4., 3., 1.]]).log()
        >>> student = torch.tensor([[6., 2., 1.]]).log()
        >>> ldrld_loss(student, teacher, tau=1., depth=2, alpha=1.)
        tensor([0.0521])
    """
    check_rows('ldrld_loss', student_logits, teacher_logits)
    check_size('ldrld_loss', 'depth', depth, 2, student_logits.shape[1])
    check_choice('ldrld_loss', 'rank_by', rank_by, RANKINGS)
    return ldrld_rows(
        student_logits,
        teacher_logits,
        tau,
        depth,
        alpha,
        beta,
        eps,
        delta,
        lam,
        rank_by,
        average_pairs,
    )[0]


def ldrld_rows(
    student_logits: Tensor,
    teacher_logits: Tensor,
    tau: float,
    depth: int,
    alpha: float,
    beta: float,
    eps: float,
    delta: float,
    lam: float,
    rank_by: str,
    average_pairs: bool,
) -> Tuple[Tensor, Parts]:
    """:func:`ldrld_loss` with its parts, shape (M,) each."""
    ranking = student_logits if rank_by == 'student' else teacher_logits
    top = top_classes(ranking, depth)
    s_top = as_float(student_logits.gather(1, top)) / tau
    t_top = teacher_logits.detach().gather(1, top).to(s_top.dtype) / tau

    first, second, omega = zip(*ranked_pairs(depth, eps, delta, lam))
    first, second = list(first), list(second)
    gone = (s_top == -torch.inf) & (t_top == -torch.inf)
    gone = gone[:, first] | gone[:, second]
    s_gap = (s_top[:, first] - s_top[:, second]).masked_fill(gone, 0.0)
    t_gap = (t_top[:, first] - t_top[:, second]).masked_fill(gone, 0.0)
    kl = two_class_kl if compiling() else _TwoClassKL.apply
    pairs = (kl(s_gap, t_gap) * s_gap.new_tensor(omega)).sum(1)
    in_set = group_kl(s_top, t_top, 1.0)[0]
    if depth == 2:
        in_set = in_set * omega[0]
    local = tau**2 * (pairs + in_set)
    if average_pairs:
        local = local / (len(omega) + 1)
    if depth < student_logits.shape[1]:
        rest = group_kl(student_logits, teacher_logits, tau, top=top)[0]
    else:
        rest = torch.zeros_like(local)
    return alpha * local + beta * rest, dict(
        local=local.detach(), rntk=rest.detach()
    )


def ranked_pairs(
    depth: int, eps: float, delta: float, lam: float
) -> List[Tuple[int, int, float]]:
    """Columns i < j of every pair, from 0, and its adaptive decay weight."""
    return [
        (i, j, delta * math.exp(-lam * (i + j + 2)) / (j - i + eps))
        for i in range(depth)
        for j in range(i + 1, depth)
    ]


def two_class_kl(s_gap: Tensor, t_gap: Tensor) -> Tensor:
    """KL of two-class softmaxes, given the logit gaps; any shape."""
    return torch.sigmoid(t_gap) * (
        F.logsigmoid(t_gap) - F.logsigmoid(s_gap)
    ) + torch.sigmoid(-t_gap) * (F.logsigmoid(-t_gap) - F.logsigmoid(-s_gap))


class _TwoClassKL(torch.autograd.Function):
    """:func:`two_class_kl`; keeps one tensor for the backward pass."""

    @staticmethod
    def forward(ctx, s_gap, t_gap):
        ctx.save_for_backward(torch.sigmoid(s_gap).sub_(torch.sigmoid(t_gap)))
        return two_class_kl(s_gap, t_gap)

    @staticmethod
    def backward(ctx, grad):
        refuse_second_derivative()
        return grad * ctx.saved_tensors[0], None


@MODELS.register_module()
class LDRLDLoss(LogitLoss):
    """:func:`ldrld_loss` for config files.

    Args:
        tau (float): Temperature, > 0. Defaults to 4.0.
        depth (int): Size of the top set, 2 to C - 1. Defaults to 7.
        alpha (float): Weight of L_Local. Defaults to 10.5.
        beta (float): Weight of L_RNTK. Defaults to 7.0.
        eps (float): See :func:`ldrld_loss`. Defaults to 1.5.
        delta (float): See :func:`ldrld_loss`. Defaults to 2.0.
        lam (float): See :func:`ldrld_loss`. Defaults to 0.05.
        rank_by (str): ``'student'`` or ``'teacher'``. Defaults to 'student'.
        average_pairs (bool): See :func:`ldrld_loss`. Defaults to True.
        **kwargs: ``loss_weight``, ``reduction`` and ``standardize`` of
            :class:`LogitLoss`.
    """

    def __init__(
        self,
        tau: float = 4.0,
        depth: int = 7,
        alpha: float = 10.5,
        beta: float = 7.0,
        eps: float = 1.5,
        delta: float = 2.0,
        lam: float = 0.05,
        rank_by: str = 'student',
        average_pairs: bool = True,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self._need_classes_beside(
            'depth', depth, 2, 'a pair needs two classes'
        )
        if not eps >= 0:
            raise ValueError(
                f'LDRLDLoss: eps must be >= 0, got {eps}; it is added to the '
                'distance of two ranks'
            )
        check_choice('LDRLDLoss', 'rank_by', rank_by, RANKINGS)
        self.tau = check_tau('LDRLDLoss', tau)
        check_weights('LDRLDLoss', alpha=alpha, beta=beta, delta=delta)
        self.depth = depth
        self.alpha = alpha
        self.beta = beta
        self.eps = eps
        self.delta = delta
        self.lam = lam
        self.rank_by = rank_by
        self.average_pairs = average_pairs

    def rows(self, student_logits, teacher_logits, labels):
        return ldrld_rows(
            student_logits,
            teacher_logits,
            self.tau,
            self.depth,
            self.alpha,
            self.beta,
            self.eps,
            self.delta,
            self.lam,
            self.rank_by,
            self.average_pairs,
        )
