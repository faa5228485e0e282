"""What the hand-written gradients of the losses share."""

from typing import Optional

import torch
from torch import Tensor


def check_floating(*logits: Tensor) -> None:
    """Refuse class indices where raw scores belong."""
    for scores in logits:
        if not scores.is_floating_point():
            raise TypeError(
                f'logits must be floating point, got {scores.dtype}; give '
                'the raw scores of the last layer'
            )


def as_float(logits: Tensor) -> Tensor:
    """float32, or float64 where it came so."""
    check_floating(logits)
    if logits.dtype == torch.float16 and logits.requires_grad:
        return _FromHalf.apply(logits)
    return logits if logits.dtype == torch.float64 else logits.float()


class _FromHalf(torch.autograd.Function):
    """float32 of float16, whose gradient stays within float16's range."""

    @staticmethod
    def forward(ctx, logits):
        return logits.float()

    @staticmethod
    def backward(ctx, grad):
        limit = torch.finfo(torch.float16).max
        return grad.clamp(-limit, limit).half()


def compiling() -> bool:
    """Whether ``torch.compile`` is tracing, on every supported torch."""
    if hasattr(torch.compiler, 'is_compiling'):
        return torch.compiler.is_compiling()
    return torch._dynamo.is_compiling()


def refuse_second_derivative() -> None:
    """Called in ``backward``, where gradients are on for nobody else.

    Raises:
        RuntimeError: If a graph of the gradient is asked for.
    """
    if torch.is_grad_enabled():
        raise RuntimeError(
            'this loss has no second derivative: its gradient is computed '
            'together with its value; differentiate '
            'mmkd_logit.ops.group_kl_plain.group_kl_plain instead'
        )


# Whether a backward pass may come again; older torch cannot say.
_graph_is_kept = getattr(
    torch._C._autograd, '_get_current_graph_task_keep_graph', lambda: True
)


def scale_rows(ctx, grad_rows: Optional[Tensor]) -> Optional[Tensor]:
    """``ctx.grad`` times one factor per row; in place where nobody looks."""
    refuse_second_derivative()
    if grad_rows is None:
        return None
    if ctx.grad is None:
        raise RuntimeError(
            'the gradient of this loss is gone after the first backward pass; '
            'give that one retain_graph=True to go through the graph again'
        )
    grad, factor = ctx.grad, grad_rows.unsqueeze(1)
    if _graph_is_kept():
        grad = grad * factor
    else:
        ctx.grad = None
        grad.mul_(factor)
    return grad if grad.dtype == ctx.dtype else grad.to(ctx.dtype)
