"""Questions to the forms of the grouped KL, and the answers of the referee."""

from typing import NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from mmkd_logit.ops.dispatch import Answer
from mmkd_logit.ops.group_kl import GroupQuestion, Weight
from mmkd_logit.ops.group_kl_plain import group_kl_plain


class Spec(NamedTuple):
    """A question without its tensors."""

    tau: float
    lead: int = 0
    w_high: Weight = 0.0
    w_top: Weight = 0.0
    w_rest: Weight = 1.0
    kl_type: str = 'forward'
    cross_entropy: bool = False


def ask(
    student: Tensor, teacher: Tensor, top: Optional[Tensor], spec: Spec
) -> GroupQuestion:
    return GroupQuestion(student, teacher, spec.tau, top, *spec[1:])


def opened(answer: Answer) -> Tuple[Tensor, Tensor, Optional[Tensor]]:
    """Rows, parts, and the gradient of the sum of the rows."""
    rows, parts, pullback = answer
    grad = pullback and pullback(torch.ones_like(rows), True)
    return rows, parts, grad


def by_autograd(
    student: Tensor, teacher: Tensor, top: Optional[Tensor], spec: Spec
) -> Tuple[Tensor, Tensor, Tensor]:
    """The same by the plain form."""
    leaf = student.detach().clone().requires_grad_()
    rows, parts = group_kl_plain(ask(leaf, teacher, top, spec))
    rows.sum().backward()
    return rows.detach(), parts, leaf.grad
