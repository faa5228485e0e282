"""TopKD's scaling module: amplify the teacher's top logits.

It is part of :func:`~mmkd_logit.losses.topkd.topkd_loss`, and every other
loss takes it by ``topk_scale=dict(...)``. "Not stated" has the meaning that
``topkd.py`` gives it.
"""

from typing import Optional

import torch
from torch import Tensor

from ..messages import WrongValue
from ..ops.autograd import as_float
from .checks import check_choice, check_floating

AMPLIFY = ('literal', 'abs')


def topk_scale(
    teacher_logits: Tensor,
    labels: Optional[Tensor] = None,
    k: int = 5,
    scale: float = 2.0,
    target_scale: float = 2.5,
    offset: float = 0.1,
    amplify: str = 'literal',
) -> Tensor:
    """Top-K scaling module: amplify the teacher's top and target logits.

    ``z * w + Delta`` for the teacher's top ``k`` classes and the target
    class, z elsewhere. ``Delta = offset * (mean of the top - mean of the
    others)``. Usable before any other loss:
    ``kd_loss(student_logits, topk_scale(teacher_logits, labels), tau)``.

    Args:
        teacher_logits (Tensor): Raw scores, shape (M, C).
        labels (Tensor, optional): Target class of each row, shape (M,). None
            amplifies the top classes only.
        k (int): Number of amplified classes, at most C // 2 are used. 3, 5
            and 10 are reported as best; which one the paper uses is not
            stated. Defaults to 5.
        scale (float): w falls linearly from ``scale`` at rank 1 to 1 at rank
            ``k``. Not stated beyond "depends on the rank". Defaults to 2.0.
        target_scale (float): w of the target class where the teacher is
            wrong. Stated to be larger; the value is not. Defaults to 2.5.
        offset (float): Delta's factor. Stated to be proportional; the factor
            is not. Defaults to 0.1.
        amplify (str): ``'literal'`` is the formula above, which pushes
            negative logits down; ``'abs'`` is ``z + (w - 1) * |z| + Delta``.
            Not stated. Defaults to 'literal'.

    Returns:
        Tensor: Amplified scores, shape (M, C), without gradient. ``scale =
        target_scale = 1`` and ``offset = 0`` leave them untouched.

    Examples:
        >>> teacher = torch.tensor([[4., 2., 1., -1.]])
        >>> topk_scale(teacher, torch.tensor([0]), k=2)
        tensor([[ 8.3000,  2.3000,  1.0000, -1.0000]])
    """
    check_groups('topk_scale', k)
    check_choice('topk_scale', 'amplify', amplify, AMPLIFY)
    check_floating('topk_scale', teacher_logits)
    logits = as_float(teacher_logits.detach())
    k = min(k, logits.shape[1] // 2)
    top = logits.topk(k, dim=1)[1]
    rank = torch.linspace(
        scale, 1.0, k, dtype=logits.dtype, device=logits.device
    )
    factor = torch.ones_like(logits).scatter(1, top, rank.expand_as(top))
    in_top = torch.zeros_like(logits, dtype=torch.bool).scatter(1, top, True)
    there = logits != -torch.inf
    delta = offset * (
        _masked_mean(logits, in_top & there)
        - _masked_mean(logits, ~in_top & there)
    )
    moved = in_top
    if labels is not None:
        target = labels[:, None].long()
        wrong = target != top[:, :1]
        factor = factor.scatter(
            1,
            target,
            factor.gather(1, target).masked_fill(wrong, target_scale),
        )
        moved = in_top.scatter(1, target, True)
    if amplify == 'abs':
        scaled = logits + (factor - 1) * logits.abs() + delta[:, None]
    else:
        scaled = logits * factor + delta[:, None]
    return torch.where(moved & there, scaled, logits)


def check_groups(name: str, k: int) -> None:
    """Refuse a size of the groups that leaves them empty."""
    if not isinstance(k, int) or k < 1:
        raise WrongValue(
            f'{name}: k must be a whole number >= 1, got {k}; the first two '
            'groups need a class'
        )


def _masked_mean(logits: Tensor, mask: Tensor) -> Tensor:
    """Mean of each row over the classes in ``mask``; 0 where it is empty."""
    total = torch.where(mask, logits, 0.0).sum(1)
    return total / mask.sum(1).clamp(min=1)
