"""The logit of "this class, and an object at all"."""

from typing import Tuple

import torch
from torch import Tensor


class _JointLogit(torch.autograd.Function):
    """The joint logit; neither exponential of its gradient overflows."""

    @staticmethod
    def forward(ctx, classes: Tensor, objectness: Tensor) -> Tensor:
        # e**-x = e**-o + e**-c * (1 + e**-o)
        joint = torch.logaddexp(
            -objectness, torch.nn.functional.softplus(-objectness) - classes
        ).neg_()
        ctx.save_for_backward(classes, objectness, joint)
        return joint

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tuple[Tensor, Tensor]:
        classes, objectness, joint = ctx.saved_tensors
        # x <= min(c, o): dx/dc = 1 - e**(x - o), dx/do = 1 - e**(x - c)
        for_classes = -torch.expm1((joint - objectness).clamp_(max=0))
        for_objectness = -torch.expm1((joint - classes).clamp_(max=0))
        return (
            (grad * for_classes).sum_to_size(classes.shape),
            (grad * for_objectness).sum_to_size(objectness.shape),
        )


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
