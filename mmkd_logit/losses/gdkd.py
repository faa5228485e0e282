"""Generalized decoupled KD: the teacher's top classes and the others."""

from typing import Dict, Union

from torch import Tensor

from ..ops.group_kl import group_kl
from ..ops.group_kl_plain import KL_TYPES
from ..ops.top_classes import top_classes
from ..registry import MODELS
from .base import LogitLoss, Rows
from .checks import check_choice, check_rows, check_size
from .settings import Parts

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
    with_parts: bool = False,
) -> Rows:
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
        with_parts (bool): Return the parts too. Defaults to False.

    Returns:
        Tensor or tuple[Tensor, dict[str, Tensor]]: Loss of each row in nats
        times ``tau**2``, shape (M,); with ``with_parts`` also
        ``high``, ``low_top`` and ``low_other``, detached and before their
        weights.

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
    # With k = C all classes go into the rest, which may have any size.
    one_group = k == student_logits.shape[1]
    top = None
    if not one_group:
        top = top_classes(teacher_logits, k, largest=strategy == 'best')
    rows, parts = group_kl(
        student_logits,
        teacher_logits,
        tau,
        top=top,
        w_high=w0,
        w_top=w1,
        w_rest=w1 if one_group else w2,
        kl_type=kl_type,
    )
    if not with_parts:
        return rows
    return rows, gdkd_parts(parts, one_group)


def gdkd_parts(parts: Parts, top_is_rest: bool) -> Parts:
    """The parts of :func:`group_kl` by their names in GDKD.

    Args:
        parts (dict[str, Tensor]): Detached parts, shape (M,) each.
        top_is_rest (bool): Whether there are no other classes, so that the
            top group was passed as the rest.
    """
    inside = parts['low_top'], parts['low_rest']
    low_top, low_other = reversed(inside) if top_is_rest else inside
    return dict(high=parts['high'], low_top=low_top, low_other=low_other)


def idle_groups(**sizes: int) -> Dict[str, str]:
    """Weights of groups that have one class and so nothing to compare.

    Args:
        **sizes (int): Name of the weight -> classes in its group.
    """
    return {
        letter: f'it weighs the classes inside a group, and with this k the '
        f'group has one; choose another k, or set {letter}=0'
        for letter, size in sizes.items()
        if size == 1
    }


@MODELS.register_module()
class GDKDLoss(LogitLoss):
    """:func:`gdkd_loss` for config files.

    ``tau`` defaults to 4.0; the arguments beside the settings of the function
    are those of :class:`LogitLoss`.
    """

    function = gdkd_loss
    defaults = dict(tau=4.0)
    part_weights = ('w0', 'w1', 'w2')
    summands = part_weights
    choices = dict(strategy=STRATEGIES, kl_type=tuple(KL_TYPES))

    def idle_parts(self, channels: int) -> Dict[str, str]:
        return idle_groups(w1=self.k, w2=channels - self.k)

    def check_settings(self) -> None:
        self._need_classes_beside('k', self.k, 1, 'both groups need a class')
