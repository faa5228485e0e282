"""Generalized decoupled KD: the teacher's top classes and the others."""

from typing import Tuple, Union

from torch import Tensor

from ..ops.group_kl import group_kl
from ..ops.group_kl_plain import KL_TYPES
from ..ops.top_classes import top_classes
from ..registry import MODELS
from .base import LogitLoss, Parts
from .checks import (
    check_choice,
    check_rows,
    check_size,
    check_tau,
    check_weights,
)

STRATEGIES = ('best', 'worst')


def gdkd_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    tau: float,
    k: int = 5,
    w0: Union[float, Tensor] = 1.0,
    w1: Union[float, Tensor] = 1.0,
    w2: Union[float, Tensor] = 8.0,
    strategy: str = 'best',
    kl_type: str = 'forward',
) -> Tensor:
    """GDKD: ``w0 * high + w1 * low_top + w2 * low_other`` of each row.

    The teacher's ``k`` largest logits and the other classes are two groups:
    ``high`` compares the groups' masses, ``low_top`` and ``low_other`` the
    distributions inside them. With the groups' teacher masses as ``w1`` and
    ``w2`` and ``w0 = 1`` the result is :func:`kd_loss`.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C). Ties at the border
            of the top group follow ``torch.topk``.
        tau (float): Temperature, > 0, no unit.
        k (int): Size of the top group, 1 to C - 1; with 0 or C one group is
            empty and adds nothing. Defaults to 5.
        w0 (float or Tensor): Weight of ``high``, or one per row, shape (M,).
            Defaults to 1.0.
        w1 (float or Tensor): Weight of ``low_top``. Defaults to 1.0.
        w2 (float or Tensor): Weight of ``low_other``. Defaults to 8.0.
        strategy (str): ``'best'`` takes the ``k`` largest teacher logits as
            the top group, ``'worst'`` the smallest. Defaults to 'best'.
        kl_type (str): Direction of the two ``low`` parts: ``'forward'`` is
            KL(teacher || student), ``'reverse'`` the other way, ``'both'``
            their mean. ``high`` is always forward. Defaults to 'forward'.

    Returns:
        Tensor: Loss of each row in nats times ``tau**2``, shape (M,).

    Source:
        Zheng and Cheng, TNNLS 2025, https://arxiv.org/abs/2512.04625.

    Examples:
        >>> teacher = torch.tensor([[4., 3., 1.]]).log()
        >>> gdkd_loss(torch.zeros(1, 3), teacher, tau=1., k=1)
        tensor([1.1054])
    """
    check_rows('gdkd_loss', student_logits, teacher_logits, tau)
    check_size('gdkd_loss', 'k', k, 0, student_logits.shape[1])
    check_choice('gdkd_loss', 'strategy', strategy, STRATEGIES)
    check_choice('gdkd_loss', 'kl_type', kl_type, KL_TYPES)
    return gdkd_rows(
        student_logits, teacher_logits, tau, k, w0, w1, w2, strategy, kl_type
    )[0]


def gdkd_rows(
    student_logits: Tensor,
    teacher_logits: Tensor,
    tau: float,
    k: int,
    w0: Union[float, Tensor],
    w1: Union[float, Tensor],
    w2: Union[float, Tensor],
    strategy: str,
    kl_type: str,
) -> Tuple[Tensor, Parts]:
    """:func:`gdkd_loss` with its parts, shape (M,) each."""
    classes = student_logits.shape[1]
    if k == classes:  # One group; call it the rest, which may be any size.
        rows, parts = group_kl(
            student_logits, teacher_logits, tau, w_rest=w1, kl_type=kl_type
        )
        return rows, dict(
            high=parts['high'],
            low_top=parts['low_rest'],
            low_other=parts['low_top'],
        )
    top = top_classes(teacher_logits, k, largest=strategy == 'best')
    rows, parts = group_kl(
        student_logits,
        teacher_logits,
        tau,
        top=top,
        w_high=w0,
        w_top=w1,
        w_rest=w2,
        kl_type=kl_type,
    )
    parts['low_other'] = parts.pop('low_rest')
    return rows, parts


@MODELS.register_module()
class GDKDLoss(LogitLoss):
    """:func:`gdkd_loss` for config files.

    Args:
        tau (float): Temperature, > 0. Defaults to 4.0.
        k (int): Size of the top group, 1 to C - 1. Defaults to 5.
        w0 (float): Weight of ``high``. Defaults to 1.0.
        w1 (float): Weight of ``low_top``. Defaults to 1.0.
        w2 (float): Weight of ``low_other``. Defaults to 8.0.
        strategy (str): ``'best'`` or ``'worst'``. Defaults to 'best'.
        kl_type (str): ``'forward'``, ``'reverse'`` or ``'both'``. Defaults to
            'forward'.
        **kwargs: ``loss_weight``, ``reduction`` and ``standardize`` of
            :class:`LogitLoss`.
    """

    def __init__(
        self,
        tau: float = 4.0,
        k: int = 5,
        w0: float = 1.0,
        w1: float = 1.0,
        w2: float = 8.0,
        strategy: str = 'best',
        kl_type: str = 'forward',
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self._need_classes_beside('k', k, 1, 'both groups need a class')
        check_choice('GDKDLoss', 'strategy', strategy, STRATEGIES)
        check_choice('GDKDLoss', 'kl_type', kl_type, KL_TYPES)
        self.tau = check_tau('GDKDLoss', tau)
        check_weights('GDKDLoss', w0=w0, w1=w1, w2=w2)
        self.k = k
        self.w0 = w0
        self.w1 = w1
        self.w2 = w2
        self.strategy = strategy
        self.kl_type = kl_type

    def rows(self, student_logits, teacher_logits, labels):
        return gdkd_rows(
            student_logits,
            teacher_logits,
            self.tau,
            self.k,
            self.w0,
            self.w1,
            self.w2,
            self.strategy,
            self.kl_type,
        )
