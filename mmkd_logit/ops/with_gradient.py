"""Values whose gradient is computed together with them."""

import math
from typing import Any, Callable, Optional, Tuple

import torch
from torch import Tensor

from .autograd import as_float, compiling, scale_rows

#: From student logits, and whether a gradient is wanted: values of shape (M,)
#: or (1,), and the gradient of their sum, shape (M, C).
Compute = Callable[[Tensor, bool], Tuple[Tensor, Optional[Tensor]]]


def with_gradient(student_logits: Tensor, compute: Compute) -> Tensor:
    """What ``compute`` finds, for autograd.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        compute (Callable): Gives values and gradient; runs without autograd
            and outside autocast, on float32 (float64 stays).

    Returns:
        Tensor: The values, shape (M,), or (1,) for all rows together.

    Raises:
        RuntimeError: In a second derivative.
    """
    return _WithGradient.apply(as_float(student_logits), compute)


class _WithGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, student: Tensor, compute: Compute) -> Tensor:
        with torch.autocast(student.device.type, enabled=False):
            values, ctx.grad = compute(student, ctx.needs_input_grad[0])
        ctx.set_materialize_grads(False)
        ctx.dtype = student.dtype
        return values

    @staticmethod
    def backward(ctx: Any, grad: Optional[Tensor]) -> Tuple:
        return scale_rows(ctx, grad), None


def may_look(values: Tensor) -> bool:
    """Whether reading a value costs nothing: not on CUDA, not compiled."""
    return values.device.type == 'cpu' and not compiling()


def surely_finite(values: Tensor) -> bool:
    """Whether all are known to be finite; False where nobody may look."""
    return may_look(values) and math.isfinite(values.detach().sum().item())


def probabilities(logits: Tensor, tau: float, dim: int = 1) -> Tensor:
    """Softmax at ``tau`` along ``dim``; 0 where all classes are at -inf."""
    prob = (logits / tau).softmax(dim)
    if logits.shape[dim] == 0 or surely_finite(prob):
        return prob
    nothing = logits.amax(dim, keepdim=True) == -torch.inf
    return prob.masked_fill(nothing, 0.0)


def log_probabilities(logits: Tensor, tau: float, dim: int = 1) -> Tensor:
    """Its logarithm; -inf where all classes are at -inf."""
    log_prob = (logits / tau).log_softmax(dim)
    if logits.shape[dim] == 0 or surely_finite(log_prob):
        return log_prob
    nothing = logits.amax(dim, keepdim=True) == -torch.inf
    return log_prob.masked_fill(nothing, -torch.inf)
