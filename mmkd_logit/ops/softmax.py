"""Softmax of rows in which some or all classes may be at -inf."""

import math

import torch
from torch import Tensor

from .autograd import compiling


def may_read(values: Tensor) -> bool:
    """Whether Python may read values: on the CPU, and not compiled."""
    return values.device.type == 'cpu' and not compiling()


def surely_finite(values: Tensor) -> bool:
    """Whether all are known to be finite; False if they may not be read."""
    return may_read(values) and math.isfinite(values.detach().sum().item())


def probabilities(logits: Tensor, tau: float, dim: int = 1) -> Tensor:
    """Softmax at ``tau`` along ``dim``; 0 where all classes are at -inf."""
    prob = (logits / tau).softmax(dim)
    if logits.shape[dim] == 0 or surely_finite(prob):
        return prob
    nothing = logits.amax(dim, keepdim=True) == -torch.inf
    return prob.masked_fill(nothing, 0.0)


def log_probabilities(logits: Tensor, tau: float, dim: int = 1) -> Tensor:
    """Log-softmax at ``tau``; -inf where all classes are at -inf."""
    scaled = logits if tau == 1 else logits / tau
    log_prob = scaled.log_softmax(dim)
    if logits.shape[dim] == 0 or surely_finite(log_prob):
        return log_prob
    nothing = logits.amax(dim, keepdim=True) == -torch.inf
    return log_prob.masked_fill(nothing, -torch.inf)
