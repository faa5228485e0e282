"""Quality-focal distillation of sigmoid heads: hard classes weigh more."""

from typing import Any, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..ops.autograd import as_float
from ..registry import MODELS
from .base import LogitLoss
from .checks import check_rows


def kdqfl_loss(
    student_logits: Tensor, teacher_logits: Tensor, beta: float = 1.0
) -> Tensor:
    """Cross entropy with the teacher's probability, weighted by the gap.

    With ``p`` and ``q`` the sigmoids of student and teacher, each class adds
    ``|p - q|**beta`` times the binary cross entropy of ``p`` with target
    ``q``. The many background classes on which both agree weigh next to
    nothing. 0 where student and teacher are equal.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C).
        beta (float): Exponent, >= 1. Defaults to 1.0.

    Returns:
        Tensor: Loss of each row in nats, shape (M,). There is no temperature.

    Source:
        The classification term of CrossKD, Wang et al., CVPR 2024,
        https://arxiv.org/abs/2306.11369, there on crossed heads with
        ``beta = 1``; here on the student's own logits.

    Examples:
        >>> teacher = torch.tensor([[3.]]).log()
        >>> kdqfl_loss(torch.zeros(1, 1), teacher)
        tensor([0.1733])
    """
    check_rows('kdqfl_loss', student_logits, teacher_logits)
    student, teacher = as_float(student_logits), teacher_logits.detach()
    return _KDQFL.apply(student, teacher.to(student.dtype), beta)


class _KDQFL(torch.autograd.Function):
    """Value and gradient in one pass; keeps one (M, C) tensor."""

    @staticmethod
    def forward(
        ctx: Any, student: Tensor, teacher: Tensor, beta: float
    ) -> Tensor:
        p, q = student.sigmoid(), teacher.sigmoid()
        gap = p - q
        weight = gap.abs().pow(beta)
        # -inf times a target of 0 would be NaN
        finite = student.clamp(min=torch.finfo(student.dtype).min)
        entropy = F.binary_cross_entropy_with_logits(
            finite, q, reduction='none'
        )
        if ctx.needs_input_grad[0]:
            slope = beta * gap.abs().pow(beta - 1) * gap.sign() * p * (1 - p)
            ctx.save_for_backward(weight * gap + entropy * slope)
        return (weight * entropy).sum(1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tuple[Tensor, None, None]:
        return ctx.saved_tensors[0] * grad[:, None], None, None


@MODELS.register_module()
class KDQFLLoss(LogitLoss):
    """:func:`kdqfl_loss` for config files; for sigmoid heads only.

    The arguments beside its settings are ``loss_weight`` and ``reduction`` of
    :class:`LogitLoss`.
    """

    sigmoid_function = kdqfl_loss

    def check_settings(self) -> None:
        if not self.beta >= 1:
            raise ValueError(f'KDQFLLoss: beta must be >= 1, got {self.beta}')
