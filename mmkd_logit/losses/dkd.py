"""Decoupled knowledge distillation: target class, non-target classes."""

from typing import Union

from torch import Tensor

from ..ops.group_kl import group_kl
from ..ops.sigmoid_kl import sigmoid_kl
from ..registry import MODELS
from .base import LogitLoss, Rows
from .checks import check_labels, check_rows


def dkd_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    tau: float,
    alpha: Union[float, Tensor] = 1.0,
    beta: Union[float, Tensor] = 8.0,
    with_parts: bool = False,
) -> Rows:
    """Decoupled KD: ``alpha * TCKD + beta * NCKD`` of each row.

    TCKD compares "target class or not", NCKD the classes other than the
    target. With ``beta = 1 - q[target]``, q being the teacher's probability
    at ``tau``, the result is :func:`kd_loss`.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C).
        labels (Tensor): Target class of each row, shape (M,), long, in
            [0, C). Background is a class where the head has one; ignored
            rows are dropped before.
        tau (float): Temperature, > 0, no unit.
        alpha (float or Tensor): Weight of TCKD, or one per row, shape (M,).
            Defaults to 1.0.
        beta (float or Tensor): Weight of NCKD, or one per row, shape (M,).
            Defaults to 8.0.
        with_parts (bool): Return the parts too. Defaults to False.

    Returns:
        Tensor or tuple[Tensor, dict[str, Tensor]]: Loss of each row in nats
        times ``tau**2``, shape (M,); with ``with_parts`` also ``tckd``
        and ``nckd``, detached and before their weights.

    Raises:
        ValueError: If shapes do not fit or, on the CPU, a label is outside
            [0, C). On CUDA labels are not read, which would stall; a wrong
            one gives a wrong number or a device-side assert.
        TypeError: If logits are not floating point or labels not integers.

    Source:
        Zhao et al., CVPR 2022, https://arxiv.org/abs/2203.08679.
        The authors' code hides the target with a large negative number; here
        it is cut out. The results are equal for ordinary logits, and this one
        is finite for extreme ones.

    Examples:
        >>> teacher = torch.tensor([[4., 3., 1.]]).log()
        >>> dkd_loss(torch.zeros(1, 3), teacher, torch.tensor([0]), tau=1.)
        tensor([1.1054])
    """
    check_rows('dkd_loss', student_logits, teacher_logits, tau)
    check_labels('dkd_loss', labels, student_logits.shape)
    rows, parts = group_kl(
        student_logits,
        teacher_logits,
        tau,
        top=labels.long().unsqueeze(1),
        w_high=alpha,
        w_rest=beta,
    )
    if not with_parts:
        return rows
    return rows, dict(tckd=parts['high'], nckd=parts['low_rest'])


def sigmoid_dkd_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    tau: float,
    alpha: float = 1.0,
    beta: float = 8.0,
    with_parts: bool = False,
) -> Rows:
    """DKD for heads whose classes are independent, where the split is exact.

    ``alpha`` times the KL of the target class's Bernoulli plus ``beta`` times
    the sum over the other classes; ``alpha = beta = 1`` is
    :func:`~mmkd_logit.losses.kd.sigmoid_kd_loss`. No paper defines it; it is
    this project's extension.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C).
        labels (Tensor): Target class of each row, shape (M,), long, in
            [0, C]; C means that the row has no target (background).
        tau (float): Temperature, > 0, no unit.
        alpha (float): Weight of the target class. Defaults to 1.0.
        beta (float): Weight of the other classes. Defaults to 8.0.
        with_parts (bool): Return the parts too. Defaults to False.

    Returns:
        Tensor or tuple[Tensor, dict[str, Tensor]]: Loss of each row in nats
        times ``tau**2``, shape (M,); with ``with_parts`` also ``tckd``
        and ``nckd``, detached and before their weights.

    Examples:
        >>> teacher = torch.tensor([[3., 1.]]).log()
        >>> sigmoid_dkd_loss(torch.zeros(1, 2), teacher, torch.tensor([0]), 1.)
        tensor([0.1308])
    """
    check_rows('sigmoid_dkd_loss', student_logits, teacher_logits, tau)
    check_labels('sigmoid_dkd_loss', labels, student_logits.shape, True)
    rows, tckd, nckd = sigmoid_kl(
        student_logits, teacher_logits, tau, labels.long(), alpha, beta
    )
    return (rows, dict(tckd=tckd, nckd=nckd)) if with_parts else rows


@MODELS.register_module()
class DKDLoss(LogitLoss):
    """:func:`dkd_loss` or :func:`sigmoid_dkd_loss` for config files.

    ``tau`` defaults to 4.0; the arguments beside the settings of the functions
    are those of :class:`LogitLoss`. With ``use_sigmoid`` a label equal to C
    means "no target".
    """

    function = dkd_loss
    sigmoid_function = sigmoid_dkd_loss
    defaults = dict(tau=4.0)
    part_weights = ('alpha', 'beta')
    summands = part_weights
    needs_labels = True
    min_classes = 3
    too_few = (
        'NCKD compares the classes other than the target and needs at '
        'least two of them; take KDLoss'
    )
