"""WKD-L: the cost of moving mass between classes that are near or far."""

from typing import Optional

from torch import Tensor

from ..messages import WrongValue
from ..ops.group_kl import group_kl
from ..ops.sinkhorn import transport
from ..registry import MODELS
from .base import LogitLoss, Rows
from .checks import check_labels, check_rows
from .class_costs import read_costs


def wkd_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    cost: Tensor,
    tau: float,
    gamma: float,
    lam: float = 0.05,
    iterations: int = 10,
    with_parts: bool = False,
) -> Rows:
    """Target part plus ``gamma`` times a transport cost, of each row.

    The target part is NKD's, ``-q1[y] * log p1[y]`` at temperature 1. The
    transport part takes the distributions over the non-target classes at
    ``tau`` and moves the student's to the teacher's: a fixed number of
    Sinkhorn steps, whose last one meets the student's distribution but not
    the teacher's, with 1e-8 added to each divisor and each cost. The loss is
    the cost after these steps, not the least one; equal models do not give 0.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C).
        labels (Tensor): Target class of each row, shape (M,), long, in
            [0, C). Ignored rows are dropped before.
        cost (Tensor): Cost of moving mass from the student's class i to the
            teacher's class j, shape (C, C). Negative costs count as 0. Keep
            ``cost / lam`` below about 15: beyond, the added 1e-8 exceeds the
            kernel and most of the mass is not moved.
        tau (float): Temperature of the transport part, > 0, no unit.
        gamma (float): Weight of the transport part.
        lam (float): Weight of the plan's entropy, > 0, in the unit of
            ``cost``. Defaults to 0.05.
        iterations (int): Pairs of Sinkhorn steps, >= 1. Defaults to 10.
        with_parts (bool): Return ``target`` and ``transport`` too, detached,
            before their weights. Defaults to False.

    Returns:
        Tensor: Loss of each row, shape (M,). No temperature is squared.
        Memory is that of (M, C), not of (M, C, C).

    Raises:
        ValueError: If shapes do not fit or, on the CPU, a label is outside
            [0, C).

    Source:
        Lv et al., NeurIPS 2024, https://arxiv.org/abs/2412.08139. The
        authors' code cuts the target out of one cost matrix per row; here
        the target has mass 0 in both models, which is the same.

    Examples:
        >>> teacher = torch.tensor([[4., 3., 1.]]).log()
        >>> cost = 0.1 * (1 - torch.eye(3))
        >>> wkd_loss(torch.zeros(1, 3), teacher, torch.tensor([0]), cost,
        ...          tau=1., gamma=10.)
        tensor([0.8161])
    """
    check_rows('wkd_loss', student_logits, teacher_logits, tau)
    check_labels('wkd_loss', labels, student_logits.shape)
    check_transport('wkd_loss', lam, iterations)
    check_cost('wkd_loss', cost, student_logits.shape[1])
    labels = labels.long()
    target, parts = group_kl(
        student_logits,
        teacher_logits,
        1.0,
        top=labels[:, None],
        w_high=1.0,
        w_rest=0.0,
        cross_entropy=True,
    )
    moved = transport(
        student_logits, teacher_logits, labels, cost, tau, lam, iterations
    )
    rows = target + gamma * moved
    if with_parts:
        return rows, dict(target=parts['high'], transport=moved.detach())
    return rows


def check_transport(name: str, lam: float, iterations: int) -> None:
    """Refuse settings with which there is no plan of transport."""
    if not 0 < lam < float('inf'):
        raise WrongValue(
            f'{name}: lam must be > 0 and finite, got {lam}; the cost is '
            'divided by it'
        )
    if not isinstance(iterations, int) or iterations < 1:
        raise WrongValue(
            f'{name}: iterations must be a whole number >= 1, got '
            f'{iterations}; the authors take 10'
        )


def check_cost(name: str, cost: Tensor, classes: int) -> None:
    """Refuse a matrix that has no cost for each pair of classes."""
    if tuple(cost.shape) != (classes, classes):
        raise WrongValue(
            f'{name}: cost must have one number for each pair of classes, '
            f'shape ({classes}, {classes}), got {tuple(cost.shape)}; count '
            'the background where the head has one'
        )


@MODELS.register_module()
class WKDLoss(LogitLoss):
    """:func:`wkd_loss` for config files.

    ``cost`` is a matrix, nested lists, or a file that
    :func:`~mmkd_logit.losses.class_costs.read_costs` reads. ``tau`` defaults
    to 2.0 and ``gamma`` to 30.0, the authors' settings for ResNet34 to
    ResNet18 on ImageNet. The arguments beside the settings of the function
    are those of :class:`LogitLoss`.
    """

    function = wkd_loss
    defaults = dict(tau=2.0, gamma=30.0)
    required = dict(
        cost=(
            'how far each class is from each other one, a (C, C) matrix or a '
            '.npy file; mmkd_logit.losses.class_costs makes one of the '
            "teacher's classifier, as configs/wkd shows"
        )
    )
    part_weights = ('gamma',)
    needs_labels = True
    min_classes = 3
    too_few = (
        'mass is moved between the classes other than the target, and there '
        'must be two of them; take KDLoss'
    )

    def check_settings(self) -> None:
        check_transport('WKDLoss', self.lam, self.iterations)
        self.cost = read_costs('WKDLoss', self.cost)

    def _check_classes(self, channels: int) -> None:
        super()._check_classes(channels)
        check_cost('WKDLoss', self.cost, channels)

    def rows(
        self,
        student_logits: Tensor,
        teacher_logits: Tensor,
        labels: Optional[Tensor],
    ) -> Rows:
        # The matrix moves in the first step only.
        self.cost = self.cost.to(student_logits.device)
        return super().rows(student_logits, teacher_logits, labels)
