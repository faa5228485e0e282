"""Normalized knowledge distillation: target class and the rest, apart."""

from typing import Tuple

from torch import Tensor

from ..ops.group_kl import group_kl
from ..registry import MODELS
from .base import LogitLoss, Parts
from .checks import check_labels, check_rows, check_tau, check_weights


def nkd_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    tau: float = 1.0,
    gamma: float = 1.5,
    nontarget_includes_target: bool = False,
) -> Tensor:
    """Normalized KD of each row: target part plus ``gamma`` x the others.

    The target part is ``-q1[y] * log p1[y]`` with p1 and q1, student and
    teacher, at temperature 1. The other part is the cross-entropy of the
    distributions over the non-target classes at ``tau``, times ``tau**2``.
    Cross-entropies hold the teacher's entropy, so a perfect student does not
    reach 0; gradients are those of KL.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C).
        labels (Tensor): Target class of each row, shape (M,), long, in
            [0, C); or soft labels (M, C), whose largest entry is the target.
        tau (float): Temperature of the non-target part, > 0. Defaults to 1.0.
        gamma (float): Weight of the non-target part. Defaults to 1.5.
        nontarget_includes_target (bool): True imitates the code of Scale
            Decoupled Distillation, whose mask removes no class from the
            non-target part; its published NKD and SD-NKD numbers come from
            that. Defaults to False.

    Returns:
        Tensor: Loss of each row in nats, shape (M,).

    Raises:
        ValueError: If shapes do not fit or, on the CPU, a label is outside
            [0, C); see :func:`~mmkd_logit.losses.dkd.dkd_loss`.

    Source:
        Yang et al., ICCV 2023, https://arxiv.org/abs/2303.13005.

    Examples:
        >>> teacher = torch.tensor([[4., 3., 1.]]).log()
        >>> nkd_loss(torch.zeros(1, 3), teacher, torch.tensor([0]), gamma=1.)
        tensor([1.2425])
    """
    check_rows('nkd_loss', student_logits, teacher_logits, tau)
    if labels is not None and labels.dim() == 2:
        labels = labels.argmax(1)
    check_labels('nkd_loss', labels, student_logits.shape)
    return nkd_rows(
        student_logits,
        teacher_logits,
        labels,
        tau,
        gamma,
        nontarget_includes_target,
    )[0]


def nkd_rows(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    tau: float,
    gamma: float,
    nontarget_includes_target: bool,
) -> Tuple[Tensor, Parts]:
    """:func:`nkd_loss` with its parts, shape (M,) each."""
    labels = labels[:, None].long()
    if tau == 1 and not nontarget_includes_target:
        rows, parts = group_kl(
            student_logits,
            teacher_logits,
            1.0,
            top=labels,
            w_high=1.0,
            w_rest=gamma,
            cross_entropy=True,
        )
        return rows, dict(target=parts['high'], nontarget=parts['low_rest'])
    target, parts = group_kl(
        student_logits,
        teacher_logits,
        1.0,
        top=labels,
        w_high=1.0,
        w_rest=0.0,
        cross_entropy=True,
    )
    nontarget, _ = group_kl(
        student_logits,
        teacher_logits,
        tau,
        top=None if nontarget_includes_target else labels,
        cross_entropy=True,
    )
    rows = target + gamma * nontarget
    return rows, dict(target=parts['high'], nontarget=nontarget.detach())


@MODELS.register_module()
class NKDLoss(LogitLoss):
    """:func:`nkd_loss` for config files.

    Args:
        tau (float): Temperature of the non-target part, > 0. Defaults to 1.0.
        gamma (float): Weight of the non-target part. Defaults to 1.5.
        nontarget_includes_target (bool): See :func:`nkd_loss`. Defaults to
            False.
        **kwargs: ``loss_weight``, ``reduction`` and ``standardize`` of
            :class:`LogitLoss`.
    """

    needs_labels = True
    min_classes = 3
    too_few = (
        'the part on the classes other than the target needs at least '
        'two of them; take KDLoss'
    )

    def __init__(
        self,
        tau: float = 1.0,
        gamma: float = 1.5,
        nontarget_includes_target: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.tau = check_tau('NKDLoss', tau)
        check_weights('NKDLoss', gamma=gamma)
        self.gamma = gamma
        self.nontarget_includes_target = nontarget_includes_target

    def rows(self, student_logits, teacher_logits, labels):
        return nkd_rows(
            student_logits,
            teacher_logits,
            labels,
            self.tau,
            self.gamma,
            self.nontarget_includes_target,
        )
