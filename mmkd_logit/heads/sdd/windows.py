"""Windows of logit maps: scale decoupling where every pixel is a row.

A reader of maps calls :func:`window_rows`, or :func:`window_pairs` of
:func:`window_maps` where a copy of the maps would cost memory.
"""

from typing import Dict, List, NamedTuple, Optional, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from ...messages import WrongValue
from ...ops.top_classes import largest_class
from ...structures.logit_pair import LogitPair
from ..upstream.maps import map_rows, mean_over_processes
from .cells import check_reference, complementary_weights


class WindowMaps(NamedTuple):
    """The windows of one size on a pair of logit maps.

    Attributes:
        student (Tensor): Mean logits of each window, shape (B, C, h, w).
        teacher (Tensor): The same of the teacher.
        labels (Tensor): Majority label, shape (B, h, w).
        weight (Tensor): Weight of each window, shape (B, h, w).
        kept (Tensor): Whether a window has a kept pixel, shape (B, h, w).
    """

    student: Tensor
    teacher: Tensor
    labels: Tensor
    weight: Tensor
    kept: Tensor


def window_maps(
    student_map: Tensor,
    teacher_map: Tensor,
    labels: Tensor,
    windows: Sequence[int] = (1, 2, 4),
    ignore_index: Optional[int] = 255,
    complementary_weight: float = 2.0,
    reference: str = 'label',
    use_sigmoid: bool = False,
) -> List[WindowMaps]:
    """Scale decoupling of logit maps: one smaller map per size of windows.

    No paper defines it; it is this project's extension. Logits are averaged
    in each w x w window over its kept pixels and its label is the majority of
    theirs (the smaller class index wins a tie). The largest window around a
    smaller one plays the part of the global cell: the smaller one is
    complementary where the teacher's correctness (or class, with
    ``reference='teacher'``) in the two differs.

    Args:
        student_map (Tensor): Raw scores, shape (B, C, H, W).
        teacher_map (Tensor): Raw scores, shape (B, C, H, W).
        labels (Tensor): Target class of each pixel, shape (B, H, W), long, in
            [0, C] or ``ignore_index``; sigmoid heads use C for "no class".
        windows (Sequence[int]): Sides in logit pixels; each must divide the
            largest. Windows at the right and lower border may be cut.
            Defaults to (1, 2, 4).
        ignore_index (int, optional): Label of pixels that are left out. None
            keeps all. Defaults to 255.
        complementary_weight (float): Weight of a complementary window; others
            weigh 1. Defaults to 2.0.
        reference (str): ``'label'`` or ``'teacher'``, as in
            :func:`~mmkd_logit.heads.sdd.cells.scale_decoupled_rows`.
            Defaults to 'label'.
        use_sigmoid (bool): Whether a pixel whose logits are all negative is
            predicted as "no class" (C). Defaults to False.

    Returns:
        list[WindowMaps]: Smallest windows first.
    """
    check_windows(windows)
    check_reference(reference, labels)
    if (
        student_map.shape != teacher_map.shape
        or student_map.dim() != 4
        or labels.shape != student_map[:, 0].shape
    ):
        raise WrongValue(
            f'student_map {tuple(student_map.shape)} and teacher_map '
            f'{tuple(teacher_map.shape)} must have one shape (B, C, H, W), '
            f'labels {tuple(labels.shape)} its (B, H, W)'
        )
    teacher_map = teacher_map.detach()
    kept = torch.ones_like(labels, dtype=torch.bool)
    if ignore_index is not None:
        kept = labels != ignore_index
    labels = labels.masked_fill(~kept, 0)
    sides = sorted(windows)
    largest, found = None, []
    for side in reversed(sides):
        some, label, student, teacher = _windowed(
            student_map, teacher_map, labels, kept, side
        )
        seen = largest_class(teacher)
        if use_sigmoid:
            seen = seen.masked_fill(teacher.amax(1) <= 0, teacher.shape[1])
        if reference == 'label':
            seen = seen == label
        if largest is None:
            largest = seen
        whole = _spread(largest, sides[-1] // side, seen.shape)
        weight = complementary_weights(
            seen, whole, complementary_weight, student
        )
        found.append(WindowMaps(student, teacher, label, weight, some))
    return found[::-1]


def window_rows(
    student_map: Tensor, teacher_map: Tensor, labels: Tensor, *args, **kwargs
) -> LogitPair:
    """:func:`window_maps` with the windows of all sizes as rows of one pair.

    Returns:
        LogitPair: One row per kept window, smallest windows first, with
        labels and weights. Windows without a kept pixel are dropped.
    """
    parts = []
    for maps in window_maps(student_map, teacher_map, labels, *args, **kwargs):
        kept = maps.kept.flatten()
        rows = [map_rows(maps.student), map_rows(maps.teacher)]
        rows += [maps.labels.flatten(), maps.weight.flatten()]
        parts.append([part[kept] for part in rows])
    return LogitPair(*[torch.cat(part) for part in zip(*parts)])


def window_pairs(
    maps: List[WindowMaps], windows: Sequence[int]
) -> Dict[str, LogitPair]:
    """One pair per size of windows; all share the number of kept windows.

    So the sum of their means is the mean over the windows of all sizes, and
    the maps need not be copied into one.
    """
    kept = mean_over_processes(sum(one.kept.sum() for one in maps).float())
    pairs = {}
    for side in sorted(windows):
        one = maps.pop(0)
        weight = one.weight.masked_fill(~one.kept, 0.0)
        pairs[f'window{side}.' if pairs else ''] = LogitPair(
            map_rows(one.student),
            map_rows(one.teacher),
            one.labels.flatten(),
            weight.flatten(),
            kept,
        )
    return pairs


def check_windows(windows: Sequence[int]) -> None:
    """Refuse sides that do not nest."""
    if (
        not windows
        or len(set(windows)) != len(windows)
        or min(windows) < 1
        or any(max(windows) % side for side in windows)
    ):
        raise WrongValue(
            'windows must be different sides in logit pixels, each dividing '
            f'the largest, such as (1, 2, 4); got {windows!r}'
        )


def _windowed(
    student: Tensor, teacher: Tensor, labels: Tensor, kept: Tensor, side: int
):
    """Kept windows, majority labels and mean logits of both maps."""
    if side == 1:
        return kept, labels, student, teacher
    if student.dtype != torch.float64:
        student, teacher = student.float(), teacher.float()
    mask = kept[:, None]
    count = _sum_windows(mask.to(student.dtype), side)
    means = [
        _WindowMean.apply(logits, mask, count.clamp(min=1), side)
        for logits in (student, teacher)
    ]
    # Votes pixel by pixel of a window, without one-hot maps of full size.
    bottom, right = (-size % side for size in labels.shape[1:])
    labels = F.pad(labels, (0, right, 0, bottom))
    mask = F.pad(mask, (0, right, 0, bottom)).to(count.dtype)
    votes = count.new_zeros(
        (len(labels), student.shape[1] + 1, *count.shape[2:])
    )
    for row in range(side):
        for column in range(side):
            place = (..., slice(row, None, side), slice(column, None, side))
            votes.scatter_add_(1, labels[:, None][place], mask[place])
    return count[:, 0] > 0, largest_class(votes), means[0], means[1]


class _WindowMean(torch.autograd.Function):
    """Mean of the kept logits of each window; keeps no map for backward."""

    @staticmethod
    def forward(ctx, logits, mask, count, side):
        ctx.save_for_backward(mask, count)
        ctx.side = side
        return _sum_windows(logits.masked_fill(~mask, 0.0), side).div_(count)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        mask, count = ctx.saved_tensors
        height, width = mask.shape[2:]
        grad = grad / count
        for dim in (2, 3):
            grad = grad.repeat_interleave(ctx.side, dim)
        grad = grad[:, :, :height, :width].masked_fill(~mask, 0.0)
        return grad, None, None, None


def _sum_windows(maps: Tensor, side: int) -> Tensor:
    """Sum over side x side windows; those at the far border may be cut."""
    return F.avg_pool2d(
        maps, side, stride=side, ceil_mode=True, divisor_override=1
    )


def _spread(largest: Tensor, times: int, shape: torch.Size) -> Tensor:
    """Give each small window the value of the largest window around it."""
    spread = largest.repeat_interleave(times, 1).repeat_interleave(times, 2)
    return spread[:, : shape[1], : shape[2]]
