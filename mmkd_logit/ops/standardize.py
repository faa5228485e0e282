"""Rows with mean 0 and standard deviation 1."""

import math
from typing import NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from .dispatch import Answer, Operation


class StandardizeQuestion(NamedTuple):
    """The question of :data:`STANDARDIZE`.

    Attributes:
        student (Tensor): Logits of whichever model, shape (M, C), float32 or
            float64.
        eps (float): Added to the standard deviation.
        unbiased (bool): Divide the variance by C - 1.
        drop_constant (bool): Give constant rows no gradient.
    """

    student: Tensor
    eps: float
    unbiased: bool
    drop_constant: bool


def standardize_plain(question: StandardizeQuestion) -> Tuple[Tensor, None]:
    """Standardized rows, by autograd."""
    logits, eps, unbiased, _ = question
    return _standardized(logits, logits != -torch.inf, eps, unbiased)[0], None


def with_gradient(question: StandardizeQuestion, need_grad: bool) -> Answer:
    """Standardized rows, with a gradient that needs only the scores."""
    logits, eps, unbiased, drop_constant = question
    there = None
    # Searching for classes at -inf is cheap on the CPU and stalls on CUDA.
    if logits.device.type != 'cpu' or not math.isfinite(logits.sum().item()):
        there = logits != -torch.inf
    scores, std, divisor = _standardized(logits, there, eps, unbiased)
    kept = scores.detach()  # the value itself would keep its own graph alive

    def pullback(grad: Tensor, graph_is_kept: bool) -> Tensor:
        along = kept
        if there is None:
            mean = grad.mean(1, keepdim=True)
        else:
            along, grad = (torch.where(there, x, 0.0) for x in (kept, grad))
            mean = grad.sum(1, keepdim=True) / there.sum(1, keepdim=True)
        slope = (grad * along).sum(1, keepdim=True) / (divisor * std)
        slope = slope.masked_fill(std == 0, 0.0)
        grad = (grad - mean) / (std + eps)
        grad.addcmul_(along, slope, value=-1)
        if there is not None:
            grad = torch.where(there, grad, 0.0)
        if drop_constant:
            grad = grad.masked_fill(std == 0, 0.0)
        return grad

    return Answer(scores, None, pullback)


def _standardized(
    logits: Tensor, there: Optional[Tensor], eps: float, unbiased: bool
) -> Tuple[Tensor, Tensor, Tensor]:
    """Scores, standard deviations, and the number of classes less one."""
    if there is None:
        count = torch.tensor(float(logits.shape[1]))
        scores = logits - logits.mean(1, keepdim=True)
    else:
        count = there.sum(1, keepdim=True)
        total = torch.where(there, logits, 0.0).sum(1, keepdim=True)
        scores = torch.where(there, logits - total / count, 0.0)
    divisor = (count - int(unbiased)).clamp(min=1)
    variance = (scores * scores).sum(1, keepdim=True) / divisor
    # The standard deviation has no derivative at a constant row.
    constant = variance == 0
    std = variance.masked_fill(constant, 1.0).sqrt()
    std = std.masked_fill(constant, 0.0)
    scores = scores / (std + eps)
    if there is not None:
        scores = torch.where(there, scores, logits)
    return scores, std, divisor


STANDARDIZE = Operation(standardize_plain, (with_gradient,))
