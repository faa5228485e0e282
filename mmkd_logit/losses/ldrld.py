"""Local dense relational logit distillation: pairs of the top classes."""

import math
from typing import Dict, List

from torch import Tensor

from ..messages import WrongValue
from ..ops.autograd import as_float
from ..ops.group_kl import group_kl
from ..ops.pair_kl import pair_kl
from ..ops.top_classes import top_classes
from ..registry import MODELS
from .base import LogitLoss, Rows
from .checks import check_choice, check_rows, check_size

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
    with_parts: bool = False,
) -> Rows:
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
        depth (int): Size of the top set, 2 to C - 1; with C no class remains
            and L_RNTK is 0. Defaults to 7.
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
        with_parts (bool): Return the parts too. Defaults to False.

    Returns:
        Tensor or tuple[Tensor, dict[str, Tensor]]: Loss of each row in nats
        times ``tau**2``, shape (M,); with ``with_parts`` also ``local``
        and ``rntk``, detached and before their weights.

    Source:
        The authors' code for Xu et al., ICCV 2025,
        https://arxiv.org/abs/2507.15911; formula and defaults are those of
        the code, the paper's text was not at hand. As in the code, with
        ``depth=2`` the set term repeats the only pair and carries the pair's
        weight too.

    Examples:
        >>> teacher = torch.tensor([[4., 3., 1.]]).log()
        >>> student = torch.tensor([[6., 2., 1.]]).log()
        >>> ldrld_loss(student, teacher, tau=1., depth=2, alpha=1.)
        tensor([0.0521])
    """
    check_rows('ldrld_loss', student_logits, teacher_logits, tau)
    check_size('ldrld_loss', 'depth', depth, 2, student_logits.shape[1])
    check_choice('ldrld_loss', 'rank_by', rank_by, RANKINGS)
    ranking = student_logits if rank_by == 'student' else teacher_logits
    top = top_classes(ranking, depth)
    s_top = as_float(student_logits.gather(1, top)) / tau
    t_top = teacher_logits.detach().gather(1, top).to(s_top.dtype) / tau
    weights = pair_weights(depth, eps, delta, lam)
    per_term = 1 / (depth * (depth - 1) / 2 + 1) if average_pairs else 1.0
    of_set = per_term * weights[0][1] if depth == 2 else per_term
    weights = s_top.new_tensor(weights)

    pairs = pair_kl(s_top, t_top, weights)
    rows, parts = group_kl(
        student_logits,
        teacher_logits,
        tau,
        top=top,
        w_top=alpha * of_set,
        w_rest=beta,
    )
    pairs = pairs * (per_term * tau**2)
    rows = rows + alpha * pairs
    if not with_parts:
        return rows
    local = pairs.detach() + of_set * parts['low_top']
    return rows, dict(local=local, rntk=parts['low_rest'])


def pair_weights(
    depth: int, eps: float, delta: float, lam: float
) -> List[List[float]]:
    """Adaptive decay weight of ranks i < j, which count from 0 here."""
    return [
        [
            delta * math.exp(-lam * (i + j + 2)) / (j - i + eps)
            if i < j
            else 0.0
            for j in range(depth)
        ]
        for i in range(depth)
    ]


@MODELS.register_module()
class LDRLDLoss(LogitLoss):
    """:func:`ldrld_loss` for config files.

    The arguments beside its settings are those of :class:`LogitLoss`.
    """

    function = ldrld_loss
    part_weights = ('alpha', 'beta', 'delta')
    summands = ('alpha', 'beta')
    choices = dict(rank_by=RANKINGS)

    def idle_parts(self, channels: int) -> Dict[str, str]:
        if channels - self.depth > 1:
            return {}
        return dict(
            beta=f'depth={self.depth} of {channels} classes leaves one, and '
            'L_RNTK compares the remaining classes with each other; '
            + (
                f'lower depth to {self.depth - 1}, or set beta=0'
                if self.depth > 2
                else 'set beta=0'
            )
        )

    def check_settings(self) -> None:
        self._need_classes_beside(
            'depth', self.depth, 2, 'a pair needs two classes'
        )
        if not self.eps >= 0:
            raise WrongValue(
                f'LDRLDLoss: eps must be >= 0, got {self.eps}; it is added to '
                'the distance of two ranks'
            )
