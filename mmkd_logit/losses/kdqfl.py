"""Quality-focal distillation of sigmoid heads: hard classes weigh more."""

from typing import NamedTuple, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..messages import WrongValue
from ..ops.autograd import as_float
from ..ops.dispatch import Answer, Operation, run, scaled_rows
from ..registry import MODELS
from .base import LogitLoss
from .checks import check_rows


def kdqfl_loss(
    student_logits: Tensor, teacher_logits: Tensor, beta: float = 1.0
) -> Tensor:
    """Cross entropy with the teacher's probability, weighted by the gap.

    With ``p`` and ``q`` the sigmoids of student and teacher, each class adds
    ``|p - q|**beta`` times the binary cross entropy of ``p`` with target
    ``q``. The many background classes on which both agree weigh almost
    nothing. The loss is 0 where student and teacher are equal.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C).
        beta (float): Exponent, >= 0; 0 is the plain cross entropy. Below 1
            the gradient at ``p = q`` is set to 0, because the formula's has
            no limit there. Defaults to 1.0.

    Returns:
        Tensor: Loss of each row in nats, shape (M,). There is no temperature.

    Source:
        The class term of CrossKD, Wang et al., CVPR 2024,
        https://arxiv.org/abs/2306.11369, on crossed heads
        (:class:`~mmkd_logit.heads.crossed.CrossedClsLogits`) with
        ``beta = 1``; and that of BCKD, Yang et al., ICCV 2023,
        https://arxiv.org/abs/2308.14286, on the student's own logits
        (:class:`~mmkd_logit.heads.dense_cls_logits.DenseClsLogits` with
        ``divisor='student'``) with ``beta = 1`` and weight 1.0. Both codes
        have this formula; divided by a number of positives they agree,
        without one CrossKD takes the mean over rows and classes, BCKD and
        this project that over rows. BCKD's code leaves out pyramid levels
        without a positive; here they count. Its box term, a GIoU between
        decoded boxes, is not a loss of logits and not part of this one.

    Examples:
        >>> teacher = torch.tensor([[3.]]).log()
        >>> kdqfl_loss(torch.zeros(1, 1), teacher)
        tensor([0.1733])
    """
    check_rows('kdqfl_loss', student_logits, teacher_logits)
    student, teacher = as_float(student_logits), teacher_logits.detach()
    question = FocalQuestion(student, teacher.to(student.dtype), beta)
    return run(QUALITY_FOCAL, question)[0]


class FocalQuestion(NamedTuple):
    """The question of :func:`kdqfl_loss`; the logits have one type."""

    student: Tensor
    teacher: Tensor
    beta: float


def focal_plain(question: FocalQuestion) -> Tuple[Tensor, None]:
    """:func:`kdqfl_loss` by autograd."""
    p, q, entropy = _terms(question)
    return (_factor(p - q, question.beta) * entropy).sum(1), None


def focal_with_gradient(question: FocalQuestion, need_grad: bool) -> Answer:
    """Value and gradient in one pass; keeps one (M, C) tensor."""
    beta, (p, q, entropy) = question.beta, _terms(question)
    gap = p - q
    weight = _factor(gap, beta)
    pullback = None
    if need_grad:
        slope = beta * gap.abs().pow(beta - 1) * gap.sign() * p * (1 - p)
        if beta < 1:
            slope = slope.masked_fill(gap == 0, 0.0)
        pullback = scaled_rows(weight * gap + entropy * slope)
    return Answer((weight * entropy).sum(1), None, pullback)


def _factor(gap: Tensor, beta: float) -> Tensor:
    """``|p - q|**beta``, whose gradient is 0 at 0."""
    size = gap.abs()
    if beta >= 1:
        return size.pow(beta)
    some = size > 0
    return torch.where(some, size.where(some, 1.0).pow(beta), 0.0**beta)


def _terms(question: FocalQuestion) -> Tuple[Tensor, Tensor, Tensor]:
    """Probabilities of student and teacher, and their cross entropy."""
    student, q = question.student, question.teacher.sigmoid()
    # -inf times a target of 0 would be NaN.
    finite = student.clamp(min=torch.finfo(student.dtype).min)
    entropy = F.binary_cross_entropy_with_logits(finite, q, reduction='none')
    return student.sigmoid(), q, entropy


QUALITY_FOCAL = Operation(focal_plain, (focal_with_gradient,))


@MODELS.register_module()
class KDQFLLoss(LogitLoss):
    """:func:`kdqfl_loss` for config files; for sigmoid heads only.

    The arguments beside its settings are ``loss_weight`` and ``reduction`` of
    :class:`LogitLoss`.
    """

    sigmoid_function = kdqfl_loss

    def check_settings(self) -> None:
        if not self.beta >= 0:
            raise WrongValue(f'KDQFLLoss: beta must be >= 0, got {self.beta}')
