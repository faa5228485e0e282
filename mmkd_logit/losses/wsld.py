"""WSLD: soft labels weigh less where the student is ahead of the teacher."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..ops.autograd import as_float
from ..ops.group_kl import group_kl
from ..ops.softmax import may_read
from ..registry import MODELS
from .base import LogitLoss, Rows
from .checks import check_labels, check_rows

#: Added to the teacher's loss before it divides.
EPS = 1e-7
#: Cross-entropy below which its digits are looked after.
SURE = 0.01


def wsld_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    tau: float,
    with_parts: bool = False,
) -> Rows:
    """Cross-entropy of soft labels of each row, weighted, times ``tau**2``.

    The weight of a row is ``1 - exp(-s / (t + 1e-7))`` with s and t the
    cross-entropies of student and teacher with the label at temperature 1; no
    gradient flows through it. The cross-entropy holds the teacher's entropy,
    so a perfect student does not reach 0; the gradient is that of the KL.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C).
        labels (Tensor): Target class of each row, shape (M,), long, in
            [0, C). Ignored rows are dropped before.
        tau (float): Temperature of the soft labels, > 0, no unit.
        with_parts (bool): Return ``row_weight`` and ``cross_entropy`` too,
            detached. Defaults to False.

    Returns:
        Tensor: Loss of each row in nats times ``tau**2``, shape (M,). The
        mean is over all rows, not over the sum of the weights.

    Raises:
        ValueError: If shapes do not fit or, on the CPU, a label is outside
            [0, C).

    Source:
        Zhou et al., ICLR 2021, https://arxiv.org/abs/2102.00650.

    Examples:
        >>> teacher = torch.tensor([[4., 3., 1.]]).log()
        >>> wsld_loss(torch.zeros(1, 3), teacher, torch.tensor([0]), tau=1.)
        tensor([0.8734])
    """
    check_rows('wsld_loss', student_logits, teacher_logits, tau)
    check_labels('wsld_loss', labels, student_logits.shape)
    labels = labels.long()
    with torch.no_grad():
        ours, theirs = [
            _cross_entropy(x, labels) for x in (student_logits, teacher_logits)
        ]
        row_weight = -torch.expm1(-ours / (theirs + EPS))
    rows, parts = group_kl(
        student_logits,
        teacher_logits,
        tau,
        w_rest=row_weight,
        cross_entropy=True,
    )
    if with_parts:
        return rows, dict(
            row_weight=row_weight, cross_entropy=parts['low_rest']
        )
    return rows


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Of each row at temperature 1, exact where it is next to 0."""
    logits = as_float(logits.detach())
    if not may_read(logits):
        return _from_odds(logits, labels)
    entropy = F.cross_entropy(logits, labels, reduction='none')
    # near 0 it is the difference of nearly equal numbers
    rows = (~(entropy > SURE)).nonzero().squeeze(1)
    if len(rows):
        entropy[rows] = _from_odds(logits[rows], labels[rows])
    return entropy


def _from_odds(logits: Tensor, labels: Tensor) -> Tensor:
    """From the logarithm of the odds against the label."""
    target = labels[:, None]
    others = logits.scatter(1, target, -torch.inf).logsumexp(1)
    gap = others - logits.gather(1, target).squeeze(1)
    gap = torch.where(others == -torch.inf, others, gap)
    return F.softplus(gap, threshold=100.0)


@MODELS.register_module()
class WSLDLoss(LogitLoss):
    """:func:`wsld_loss` for config files.

    ``tau`` defaults to 2.0, as the authors have it on ImageNet, with
    ``loss_weight=2.5``; the other arguments are those of :class:`LogitLoss`.
    """

    function = wsld_loss
    defaults = dict(tau=2.0)
    needs_labels = True
