"""The joint logit of a class and of objectness."""

from typing import Tuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


class _JointLogit(torch.autograd.Function):
    """One sigmoid in the backward pass; nothing overflows."""

    @staticmethod
    def forward(ctx, classes: Tensor, objectness: Tensor) -> Tensor:
        ctx.save_for_backward(classes, objectness)
        # e**-x = e**-o + e**-c * (1 + e**-o) = e**no + e**nc
        no = -objectness
        nc = F.softplus(no) - classes
        # logaddexp, several times faster on the CPU
        rest = (nc - no).abs_().neg_()
        return torch.maximum(nc, no).add_(F.softplus(rest)).neg_()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> Tuple[Tensor, Tensor]:
        classes, objectness = ctx.saved_tensors
        # dx/dc = 1 - e**(x - o) = sigmoid(softplus(o) - c), and
        # dx/do = 1 - e**(x - c) = 1 - sigmoid(o) dx/dc
        for_classes = (F.softplus(objectness) - classes).sigmoid_().mul_(grad)
        shape = objectness.shape
        for_objectness = grad.sum_to_size(shape) - (
            objectness.sigmoid() * for_classes.sum_to_size(shape)
        )
        return for_classes, for_objectness


def joint_logit(classes: Tensor, objectness: Tensor) -> Tensor:
    """Logit of the product of two probabilities, exact and finite.

    ``sigmoid(c) * sigmoid(o) = sigmoid(x)`` with
    ``x = -logsumexp(-c, -o, -(c + o))``.

    Args:
        classes (Tensor): Logits c, any shape.
        objectness (Tensor): Logits o, of a shape that broadcasts to it.

    Returns:
        Tensor: x, of the shape of ``classes``. Half precision is computed
        and returned in float32.
    """
    if classes.dtype in (torch.float16, torch.bfloat16):
        classes, objectness = classes.float(), objectness.float()
    return _JointLogit.apply(classes, objectness)
