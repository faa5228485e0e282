"""Types of logits, and whether ``torch.compile`` is tracing."""

import torch
from torch import Tensor


def as_float(logits: Tensor) -> Tensor:
    """Logits in float32; float64 ones stay as they are."""
    if logits.dtype == torch.float16 and logits.requires_grad:
        return _FromHalf.apply(logits)
    return logits if logits.dtype == torch.float64 else logits.float()


class _FromHalf(torch.autograd.Function):
    """float16 to float32, with a gradient that is clamped to float16."""

    @staticmethod
    def forward(ctx, logits: Tensor) -> Tensor:
        return logits.float()

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        limit = torch.finfo(torch.float16).max
        return grad.clamp(-limit, limit).half()


def compiling() -> bool:
    """Whether ``torch.compile`` is tracing, on every supported torch."""
    if hasattr(torch.compiler, 'is_compiling'):
        return torch.compiler.is_compiling()
    return torch._dynamo.is_compiling()
