"""Locations and anchors of dense heads, which two models must share."""

from typing import Any

import torch
from torch import Tensor, nn

from ...messages import WrongValue


def priors_of(head: nn.Module) -> Any:
    """The generator of a head's locations or anchors; None for CenterNet."""
    return getattr(
        head, 'prior_generator', getattr(head, 'square_anchor_generator', None)
    )


def check_same_priors(student: nn.Module, teacher: nn.Module) -> None:
    """Refuse a teacher whose locations or anchors are not the student's.

    Raises:
        ValueError: Naming the first difference.
    """
    ours, theirs = priors_of(student), priors_of(teacher)
    if ours is None or theirs is None:
        return  # a CenterNet has one level and states no stride
    names = (
        f'the student ({type(student).__name__})',
        f'the teacher ({type(teacher).__name__})',
    )

    def refuse(what: str, mine: Any, other: Any) -> None:
        raise WrongValue(
            f'{names[0]} has {what} {mine}, {names[1]} {other}; logits are '
            'compared location by location and anchor by anchor, so both '
            'need the same ones: take a teacher with the head type and the '
            "anchor settings of the student's"
        )

    if list(ours.strides) != list(theirs.strides):
        refuse(
            'strides',
            [s[0] for s in ours.strides],
            [s[0] for s in theirs.strides],
        )
    if list(ours.num_base_priors) != list(theirs.num_base_priors):
        refuse(
            'priors per location',
            ours.num_base_priors[0],
            theirs.num_base_priors[0],
        )
    anchors = [getattr(one, 'base_anchors', None) for one in (ours, theirs)]
    if (anchors[0] is None) != (anchors[1] is None):
        kinds = ['points' if one is None else 'anchors' for one in anchors]
        refuse('priors that are', *kinds)
    if anchors[0] is None:
        if getattr(ours, 'offset', 0) != getattr(theirs, 'offset', 0):
            refuse('points with offset', ours.offset, theirs.offset)
        return
    for level, (mine, other) in enumerate(zip(*anchors)):
        if not torch.allclose(mine.cpu(), other.cpu(), atol=1e-3):
            refuse(f'level {level} anchors', _sizes(mine), _sizes(other))


def _sizes(anchors: Tensor) -> str:
    """Widths and heights of base anchors, for a message."""
    sizes = (anchors[:, 2:] - anchors[:, :2]).tolist()
    return ', '.join(f'{w:.0f}x{h:.0f}' for w, h in sizes)
