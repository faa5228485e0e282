"""Normalized knowledge distillation: target class and the rest, apart."""

from torch import Tensor

from ..ops.group_kl import group_kl
from ..registry import MODELS
from .base import LogitLoss, Rows
from .checks import check_labels, check_rows


def nkd_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    tau: float = 1.0,
    gamma: float = 1.5,
    nontarget_includes_target: bool = False,
    with_parts: bool = False,
) -> Rows:
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
        with_parts (bool): Return the parts too. Defaults to False.

    Returns:
        Tensor or tuple[Tensor, dict[str, Tensor]]: Loss of each row in nats,
        shape (M,); with ``with_parts`` also ``target`` and ``nontarget``,
        detached and before their weights.

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
    labels = labels[:, None].long()
    whole = nontarget_includes_target
    # The target part is at temperature 1; there one pass gives both parts.
    at_once = tau == 1 and not whole
    rows, parts = group_kl(
        student_logits,
        teacher_logits,
        1.0,
        top=labels,
        w_high=1.0,
        w_rest=gamma if at_once else 0.0,
        cross_entropy=True,
    )
    nontarget = parts['low_rest']
    if not at_once:
        others, _ = group_kl(
            student_logits,
            teacher_logits,
            tau,
            top=None if whole else labels,
            cross_entropy=True,
        )
        rows, nontarget = rows + gamma * others, others.detach()
    if not with_parts:
        return rows
    return rows, dict(target=parts['high'], nontarget=nontarget)


@MODELS.register_module()
class NKDLoss(LogitLoss):
    """:func:`nkd_loss` for config files.

    The arguments beside its settings are those of :class:`LogitLoss`.
    """

    function = nkd_loss
    part_weights = ('gamma',)
    needs_labels = True
    min_classes = 3
    too_few = (
        'the part on the classes other than the target needs at least '
        'two of them; take KDLoss'
    )
