"""GDKD with three groups: the teacher's first class, its next, the others."""

from typing import Tuple, Union

from torch import Tensor

from ..ops.group_kl import group_kl
from ..ops.top_classes import top_classes
from ..registry import MODELS
from .base import LogitLoss, Parts
from .checks import check_rows, check_size, check_tau, check_weights


def gdkd3_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    tau: float,
    k: int = 4,
    w0: Union[float, Tensor] = 1.0,
    w1: Union[float, Tensor] = 1.0,
    w2: Union[float, Tensor] = 8.0,
) -> Tensor:
    """GDKD3: ``w0 * high + w1 * low_top + w2 * low_other`` of each row.

    The groups are the teacher's top class, its ranks 2 to ``k``, and the
    other classes. ``high`` compares the three masses, ``low_top`` the
    distributions inside ranks 2 to ``k``, ``low_other`` those of the others.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C). Ties follow
            ``torch.topk``.
        tau (float): Temperature, > 0, no unit.
        k (int): Last rank of the middle group, 2 to C - 1; with 1 or C one
            group is empty and adds nothing. Defaults to 4.
        w0 (float or Tensor): Weight of ``high``, or one per row, shape (M,).
            Defaults to 1.0.
        w1 (float or Tensor): Weight of ``low_top``. Defaults to 1.0.
        w2 (float or Tensor): Weight of ``low_other``. Defaults to 8.0.

    Returns:
        Tensor: Loss of each row in nats times ``tau**2``, shape (M,).

    Source:
        Zheng and Cheng, TNNLS 2025, https://arxiv.org/abs/2512.04625.

    Examples:
        >>> teacher = torch.tensor([[4., 3., 2., 1.]]).log()
        >>> gdkd3_loss(torch.zeros(1, 4), teacher, tau=1., k=2)
        tensor([0.5425])
    """
    check_rows('gdkd3_loss', student_logits, teacher_logits, tau)
    check_size('gdkd3_loss', 'k', k, 1, student_logits.shape[1])
    return gdkd3_rows(student_logits, teacher_logits, tau, k, w0, w1, w2)[0]


def gdkd3_rows(
    student_logits: Tensor,
    teacher_logits: Tensor,
    tau: float,
    k: int,
    w0: Union[float, Tensor],
    w1: Union[float, Tensor],
    w2: Union[float, Tensor],
) -> Tuple[Tensor, Parts]:
    """:func:`gdkd3_loss` with its parts, shape (M,) each."""
    if k == student_logits.shape[1]:  # The others are empty: no third group.
        top = top_classes(teacher_logits, 1)
        rows, parts = group_kl(
            student_logits, teacher_logits, tau, top=top, w_high=w0, w_rest=w1
        )
        return rows, dict(
            high=parts['high'],
            low_top=parts['low_rest'],
            low_other=parts['low_top'],
        )
    top = top_classes(teacher_logits, k)
    rows, parts = group_kl(
        student_logits,
        teacher_logits,
        tau,
        top=top,
        lead=1,
        w_high=w0,
        w_top=w1,
        w_rest=w2,
    )
    parts['low_other'] = parts.pop('low_rest')
    return rows, parts


@MODELS.register_module()
class GDKD3Loss(LogitLoss):
    """:func:`gdkd3_loss` for config files.

    Args:
        tau (float): Temperature, > 0. Defaults to 4.0.
        k (int): Last rank of the middle group, 2 to C - 1. Defaults to 4.
        w0 (float): Weight of ``high``. Defaults to 1.0.
        w1 (float): Weight of ``low_top``. Defaults to 1.0.
        w2 (float): Weight of ``low_other``. Defaults to 8.0.
        **kwargs: ``loss_weight``, ``reduction`` and ``standardize`` of
            :class:`LogitLoss`.
    """

    def __init__(
        self,
        tau: float = 4.0,
        k: int = 4,
        w0: float = 1.0,
        w1: float = 1.0,
        w2: float = 8.0,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self._need_classes_beside(
            'k', k, 2, 'with k=1 the middle group is empty, take GDKDLoss'
        )
        self.tau = check_tau('GDKD3Loss', tau)
        check_weights('GDKD3Loss', w0=w0, w1=w1, w2=w2)
        self.k = k
        self.w0 = w0
        self.w1 = w1
        self.w2 = w2

    def rows(self, student_logits, teacher_logits, labels):
        return gdkd3_rows(
            student_logits,
            teacher_logits,
            self.tau,
            self.k,
            self.w0,
            self.w1,
            self.w2,
        )
