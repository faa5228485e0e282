"""Logit standardization (LSKD): compare shapes of rows, not their scales."""

import math
from typing import Optional, Tuple

import torch
from torch import Tensor

from ..ops.autograd import as_float, compiling, refuse_second_derivative


def standardize(
    logits: Tensor, eps: float = 1e-7, unbiased: bool = True
) -> Tensor:
    """Give each row mean 0 and standard deviation 1: (M, C) -> (M, C).

    ``(logits - mean) / (std + eps)`` over the classes of a row. Gradients
    flow through mean and std, so a loss on the result ignores shift and
    scale of the student's row. Classes at -inf stay there and are left out
    of mean and std.

    Args:
        logits (Tensor): Raw scores, shape (M, C).
        eps (float): Added to the standard deviation. Defaults to 1e-7.
        unbiased (bool): Divide the variance by C - 1 as the authors' code
            does; False divides by C as the paper says. Defaults to True.

    Returns:
        Tensor: Shape (M, C), float32 (float64 for float64 logits). A constant
        row gives zeros; its gradient is finite but large, about 1 / eps, and
        0 for float16 logits, which could not hold it (compiled: the largest
        number of float16, as for other rows whose gradient is too large).

    Raises:
        ValueError: If C is 1; one number has no standard deviation.

    Source:
        Sun et al., CVPR 2024, https://arxiv.org/abs/2403.01427.

    Examples:
        >>> standardize(torch.tensor([[1., 2., 3.]])).round()
        tensor([[-1.,  0.,  1.]])
    """
    if logits.shape[1] < 2:
        raise ValueError(
            'standardize needs rows of at least 2 classes, got '
            f'{logits.shape[1]}: one number has no standard deviation'
        )
    drop_constant = logits.dtype == torch.float16
    logits, there = as_float(logits), None
    may_look = logits.device.type == 'cpu' and not compiling()
    if not may_look or not math.isfinite(logits.detach().sum().item()):
        there = logits != -torch.inf
    if logits.requires_grad and not compiling():
        return _Standardize.apply(logits, there, eps, unbiased, drop_constant)
    return _standardized(logits, there, eps, unbiased)[0]


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
    # A constant row has no direction in which its deviation would grow.
    constant = variance == 0
    std = variance.masked_fill(constant, 1.0).sqrt()
    std = std.masked_fill(constant, 0.0)
    scores = scores / (std + eps)
    if there is not None:
        scores = torch.where(there, scores, logits)
    return scores, std, divisor


class _Standardize(torch.autograd.Function):
    """The same with a closed gradient, which keeps the scores only."""

    @staticmethod
    def forward(ctx, logits, there, eps, unbiased, drop_constant):
        scores, std, divisor = _standardized(logits, there, eps, unbiased)
        ctx.save_for_backward(scores, there, std, divisor)
        ctx.eps, ctx.drop_constant = eps, drop_constant
        return scores

    @staticmethod
    def backward(ctx, grad):
        refuse_second_derivative()
        scores, there, std, divisor = ctx.saved_tensors
        if there is None:
            mean = grad.mean(1, keepdim=True)
        else:
            scores, grad = (torch.where(there, x, 0.0) for x in (scores, grad))
            mean = grad.sum(1, keepdim=True) / there.sum(1, keepdim=True)
        along = (grad * scores).sum(1, keepdim=True) / (divisor * std)
        along = along.masked_fill(std == 0, 0.0)
        grad = (grad - mean) / (std + ctx.eps)
        grad.addcmul_(scores, along, value=-1)
        if there is not None:
            grad = torch.where(there, grad, 0.0)
        if ctx.drop_constant:
            grad = grad.masked_fill(std == 0, 0.0)
        return grad, None, None, None, None
