"""GDKD with three groups: the teacher's first class, its next, the others."""

from typing import Dict, Union

from torch import Tensor

from ..ops.group_kl import group_kl
from ..ops.top_classes import top_classes
from ..registry import MODELS
from .base import LogitLoss, Rows
from .checks import check_rows, check_size
from .gdkd import gdkd_parts, idle_groups


def gdkd3_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    tau: float,
    k: int = 4,
    w0: Union[float, Tensor] = 1.0,
    w1: Union[float, Tensor] = 1.0,
    w2: Union[float, Tensor] = 8.0,
    with_parts: bool = False,
) -> Rows:
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
        with_parts (bool): Return the parts too. Defaults to False.

    Returns:
        Tensor or tuple[Tensor, dict[str, Tensor]]: Loss of each row in nats
        times ``tau**2``, shape (M,); with ``with_parts`` also
        ``high``, ``low_top`` and ``low_other``, detached and before their
        weights.

    Source:
        Zheng and Cheng, TNNLS 2025, https://arxiv.org/abs/2512.04625.

    Examples:
        >>> teacher = torch.tensor([[4., 3., 2., 1.]]).log()
        >>> gdkd3_loss(torch.zeros(1, 4), teacher, tau=1., k=2)
        tensor([0.5425])
    """
    check_rows('gdkd3_loss', student_logits, teacher_logits, tau)
    check_size('gdkd3_loss', 'k', k, 1, student_logits.shape[1])
    # Without other classes the ranks from 2 on are the rest, which may have
    # any size, and the first class is the top group.
    two_groups = k == student_logits.shape[1]
    rows, parts = group_kl(
        student_logits,
        teacher_logits,
        tau,
        top=top_classes(teacher_logits, 1 if two_groups else k),
        lead=0 if two_groups else 1,
        w_high=w0,
        w_top=w1,
        w_rest=w1 if two_groups else w2,
    )
    if not with_parts:
        return rows
    return rows, gdkd_parts(parts, two_groups)


@MODELS.register_module()
class GDKD3Loss(LogitLoss):
    """:func:`gdkd3_loss` for config files.

    ``tau`` defaults to 4.0; the arguments beside the settings of the function
    are those of :class:`LogitLoss`.
    """

    function = gdkd3_loss
    defaults = dict(tau=4.0)
    part_weights = ('w0', 'w1', 'w2')
    summands = part_weights

    def idle_parts(self, channels: int) -> Dict[str, str]:
        return idle_groups(w1=self.k - 1, w2=channels - self.k)

    def check_settings(self) -> None:
        self._need_classes_beside(
            'k', self.k, 2, 'with k=1 the middle group is empty, take GDKDLoss'
        )
