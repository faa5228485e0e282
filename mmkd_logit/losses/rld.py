"""RLD: the teacher's confidence, and its ranking below the label."""

from typing import Tuple

import torch
from torch import Tensor

from ..ops.below_kl import below_kl
from ..ops.group_kl import group_kl
from ..ops.softmax import may_read
from ..ops.top_classes import largest_class, top_classes
from ..registry import MODELS
from .base import LogitLoss, Rows
from .checks import check_labels, check_rows, check_tau

#: Most classes with at least the label's logit that are cut out one by one.
MAX_CUT = 8


def rld_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    tau: float,
    tau_alpha: float,
    alpha: float = 1.0,
    beta: float = 8.0,
    with_parts: bool = False,
) -> Rows:
    """Refined logits: ``alpha * SCD + beta * MCD`` of each row.

    SCD compares two numbers and their complements: the teacher's probability
    of its own first class and the student's of the label, at ``tau_alpha``.
    MCD is the KL inside the classes that the teacher ranks below the label,
    at ``tau``; the label and all classes with as large a logit are left out.
    Where the teacher is right and ``tau_alpha = tau``, the sum is
    :func:`~mmkd_logit.losses.dkd.dkd_loss`.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C). They are ranked in
            their own precision: two logits that differ in float32 may be
            equal in float16, so that another class is left out.
        labels (Tensor): Target class of each row, shape (M,), long, in
            [0, C). Ignored rows are dropped before.
        tau (float): Temperature of MCD, > 0, no unit.
        tau_alpha (float): Temperature of SCD, > 0, no unit.
        alpha (float): Weight of SCD. Defaults to 1.0.
        beta (float): Weight of MCD. Defaults to 8.0.
        with_parts (bool): Return ``scd`` and ``mcd`` too, detached, before
            their weights. Defaults to False.

    Returns:
        Tensor: Loss of each row in nats, each part times its temperature's
        square, shape (M,). MCD is 0 where fewer than two classes are below
        the label.

    Raises:
        ValueError: If shapes do not fit or, on the CPU, a label is outside
            [0, C).

    Source:
        Sun et al., ICCV 2025, https://arxiv.org/abs/2408.07703. The authors'
        code takes the logarithm of sums of probabilities, whose gradient is
        NaN from a gap of about ``91 * tau_alpha`` in float32, and hides
        classes by -1e9, which float16 cannot hold.

    Examples:
        >>> teacher = torch.tensor([[1., 4., 3.]]).log()
        >>> rld_loss(torch.zeros(1, 3), teacher, torch.tensor([2]), 1., 1.)
        tensor([0.0589])
    """
    check_rows('rld_loss', student_logits, teacher_logits, tau)
    check_tau('rld_loss', tau_alpha)
    check_labels('rld_loss', labels, student_logits.shape)
    teacher_logits = teacher_logits.detach()
    target = labels[:, None].long()
    above = teacher_logits >= teacher_logits.gather(1, target)
    most = 0
    if may_read(above) and above.numel():
        most = int(above.sum(1, dtype=torch.int32).max())
    right = most == 1  # no class other than the label is left out
    if right and tau_alpha == tau:
        rows, parts = group_kl(
            student_logits,
            teacher_logits,
            tau,
            top=target,
            w_high=alpha,
            w_rest=beta,
        )
        scd, mcd = parts['high'], parts['low_rest']
    else:
        own, parts = group_kl(
            student_logits,
            teacher_logits if right else _first_at(target, teacher_logits),
            tau_alpha,
            top=target,
            w_high=alpha,
            w_rest=0.0,
        )
        below, mcd = _inside_below(
            student_logits, teacher_logits, target, above, most, tau, beta
        )
        rows, scd = own + below, parts['high']
    return (rows, dict(scd=scd, mcd=mcd)) if with_parts else rows


def _first_at(target: Tensor, logits: Tensor) -> Tensor:
    """Exchange the logits of the first class and of the target."""
    first = largest_class(logits)[:, None]
    largest, own = logits.gather(1, first), logits.gather(1, target)
    return logits.scatter(1, first, own).scatter_(1, target, largest)


def _inside_below(
    student: Tensor,
    teacher: Tensor,
    target: Tensor,
    above: Tensor,
    most: int,
    tau: float,
    weight: float,
) -> Tuple[Tensor, Tensor]:
    """KL inside the classes below the label: weighted rows, and the part.

    ``above`` marks the classes that are left out; ``most`` is their largest
    number in a row, 0 if unknown.
    """
    if 0 < most <= MAX_CUT:
        top = target
        if most > 1:
            top = top_classes(teacher, most)
            # Rows that leave out fewer classes repeat the label.
            top = torch.where(above.gather(1, top), top, target)
        rows, parts = group_kl(student, teacher, tau, top=top, w_rest=weight)
    else:
        kept = below_kl(student, teacher, teacher.gather(1, target), tau)
        return weight * kept, kept.detach()
    return rows, parts['low_rest']


@MODELS.register_module()
class RLDLoss(LogitLoss):
    """:func:`rld_loss` for config files.

    ``tau`` defaults to 4.0 and ``tau_alpha`` to 1.0; the arguments beside the
    settings of the function are those of :class:`LogitLoss`.
    """

    function = rld_loss
    defaults = dict(tau=4.0, tau_alpha=1.0)
    part_weights = ('alpha', 'beta')
    summands = part_weights
    needs_labels = True
    min_classes = 3
    too_few = (
        'MCD compares the classes below the label and needs at least two of '
        'them; take KDLoss'
    )

    def check_settings(self) -> None:
        check_tau('RLDLoss', self.tau_alpha)
