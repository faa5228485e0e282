"""Knowledge distillation: one KL per row."""

from typing import Callable, Sequence, Union

from torch import Tensor

from ..ops.group_kl import group_kl
from ..ops.sigmoid_kl import sigmoid_kl
from ..registry import MODELS
from .base import LogitLoss
from .checks import check_rows, check_taus

Tau = Union[float, Sequence[float]]


def kd_loss(
    student_logits: Tensor, teacher_logits: Tensor, tau: Tau
) -> Tensor:
    """KL(teacher || student) of each row, times ``tau**2``.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C).
        tau (float or Sequence[float]): Temperature, > 0, no unit. The losses
            at several ones are added up, as in Multi-Level Logit Distillation
            (Jin et al., CVPR 2023).

    Returns:
        Tensor: Loss of each row in nats times ``tau**2``, shape (M,).

    Source:
        Hinton et al., 2015, https://arxiv.org/abs/1503.02531.

    Examples:
        >>> teacher = torch.tensor([[4., 3., 1.]]).log()
        >>> kd_loss(torch.zeros(1, 3), teacher, tau=1.)
        tensor([0.1243])
    """
    check_rows('kd_loss', student_logits, teacher_logits)
    taus = check_taus('kd_loss', tau)
    return _added_up(group_kl, student_logits, teacher_logits, taus)


def sigmoid_kd_loss(
    student_logits: Tensor, teacher_logits: Tensor, tau: Tau
) -> Tensor:
    """:func:`kd_loss` for heads whose classes are independent.

    The KL of each class's Bernoulli at ``tau``, summed over the classes,
    times ``tau**2``.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C).
        tau (float or Sequence[float]): As in :func:`kd_loss`.

    Returns:
        Tensor: Loss of each row in nats times ``tau**2``, shape (M,).

    Examples:
        >>> teacher = torch.tensor([[3., 1.]]).log()
        >>> sigmoid_kd_loss(torch.zeros(1, 2), teacher, tau=1.)
        tensor([0.1308])
    """
    check_rows('sigmoid_kd_loss', student_logits, teacher_logits)
    taus = check_taus('sigmoid_kd_loss', tau)
    return _added_up(sigmoid_kl, student_logits, teacher_logits, taus)


def _added_up(
    kl: Callable[..., tuple],
    student_logits: Tensor,
    teacher_logits: Tensor,
    taus: Sequence[float],
) -> Tensor:
    """Sum of the rows of ``kl`` at several temperatures, shape (M,)."""
    first, *others = taus
    rows = kl(student_logits, teacher_logits, first)[0]
    for tau in others:
        rows = rows + kl(student_logits, teacher_logits, tau)[0]
    return rows


@MODELS.register_module()
class KDLoss(LogitLoss):
    """:func:`kd_loss` or :func:`sigmoid_kd_loss` for config files.

    ``tau`` defaults to 4.0 and may be a list; the other arguments are those of
    :class:`LogitLoss`.
    """

    function = kd_loss
    sigmoid_function = sigmoid_kd_loss
    defaults = dict(tau=4.0)
    several_taus = True
