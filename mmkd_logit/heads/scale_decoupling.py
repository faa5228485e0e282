"""Scale decoupling: more rows per image, one for each cell.

A reader that knows how to classify cells calls :func:`pool_cells` and
:func:`scale_decoupled_rows`; one that reads logit maps calls
:func:`window_rows`. Every loss then works scale-decoupled without knowing it.
"""

from typing import List, NamedTuple, Optional, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from .pair import LogitPair
from .pixels import map_rows

NESTED_SIDE = 4
REFERENCES = ('label', 'teacher')


def pool_cells(
    feature_map: Tensor, scales: Sequence[int] = (1, 2), pool: str = 'nested'
) -> Tensor:
    """Average-pool a map into m x m cells for each scale m.

    Args:
        feature_map (Tensor): Shape (B, C_in, H, W).
        scales (Sequence[int]): Cells per side, with 1 among them: ``(1, 2)``
            for similar and ``(1, 2, 4)`` for different architectures.
            Defaults to (1, 2).
        pool (str): ``'nested'`` as the authors' code: a 4 x 4 grid first,
            coarser cells are means of that grid, so that on a 7 x 7 map the
            global cell is not the plain mean. ``'direct'`` pools every scale
            from the map. Defaults to 'nested'.

    Returns:
        Tensor: Shape (B, C_in, cells). Cell 0 is the global one; then each
        scale in ascending order, row by row.

    Source:
        Wei et al., CVPR 2024, https://arxiv.org/abs/2403.13512.
    """
    check_scales(scales, pool)
    grid = feature_map
    if pool == 'nested':
        grid = F.adaptive_avg_pool2d(feature_map, NESTED_SIDE)
    return torch.cat(
        [F.adaptive_avg_pool2d(grid, m).flatten(2) for m in sorted(scales)], 2
    )


def check_scales(scales: Sequence[int], pool: str = 'nested') -> None:
    """Refuse scales that :func:`pool_cells` cannot serve."""
    if pool not in ('nested', 'direct'):
        raise ValueError(
            "pool must be 'nested' (as the authors' code) or "
            f"'direct', got {pool!r}"
        )
    if 1 not in scales or len(set(scales)) != len(scales) or min(scales) < 1:
        raise ValueError(
            'scales must be different cell counts per side with 1, the '
            f'global cell, among them, such as (1, 2, 4); got {scales!r}'
        )
    if pool == 'nested' and not set(scales) <= {1, 2, 4}:
        raise ValueError(
            f"pool='nested' knows the scales 1, 2 and 4, got {scales!r}; "
            "take pool='direct' for others"
        )


def scale_decoupled_rows(
    student_cells: Tensor,
    teacher_cells: Tensor,
    labels: Optional[Tensor],
    complementary_weight: float = 2.0,
    reference: str = 'label',
) -> LogitPair:
    """One row per cell, complementary cells weighing more.

    The loss over the rows is the mean over images and cells, as in the
    authors' code. The paper's formula sums over the cells: multiply
    ``loss_weight`` by their number.

    Args:
        student_cells (Tensor): Logits of each cell, shape (B, C, cells); cell
            0 is the global one.
        teacher_cells (Tensor): The same of the teacher.
        labels (Tensor, optional): Target class of each image, shape (B,).
            Every cell inherits it. Only ``reference='teacher'`` works
            without.
        complementary_weight (float): Weight of a complementary cell; the
            others and the global cell weigh 1. Defaults to 2.0.
        reference (str): ``'label'`` as the authors' code: a cell is
            complementary where the teacher is right in it and wrong in cell
            0, or the reverse. ``'teacher'`` as the paper's text: where the
            teacher's class differs from that of cell 0. Defaults to 'label'.

    Returns:
        LogitPair: B x cells rows, image by image, with their weights.

    Source:
        Wei et al., CVPR 2024, https://arxiv.org/abs/2403.13512.
    """
    check_reference(reference, labels)
    if student_cells.shape != teacher_cells.shape or student_cells.dim() != 3:
        raise ValueError(
            f'student_cells {tuple(student_cells.shape)} and teacher_cells '
            f'{tuple(teacher_cells.shape)} must have one shape (B, C, cells)'
        )
    cells = student_cells.shape[2]
    teacher_cells = teacher_cells.detach()
    seen = teacher_cells.argmax(1)
    if reference == 'label':
        seen = seen == labels[:, None]
    weight = complementary_weights(
        seen, seen[:, :1], complementary_weight, student_cells
    )
    if labels is not None:
        labels = labels.repeat_interleave(cells)
    return LogitPair(
        student_logits=student_cells.transpose(1, 2).flatten(0, 1),
        teacher_logits=teacher_cells.transpose(1, 2).flatten(0, 1),
        labels=labels,
        weight=weight.flatten(),
    )


def complementary_weights(
    seen: Tensor,
    seen_globally: Tensor,
    complementary_weight: float,
    like: Tensor,
) -> Tensor:
    """``complementary_weight`` where a cell and its whole disagree, else 1."""
    dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
    one = torch.ones((), dtype=dtype, device=like.device)
    return torch.where(seen != seen_globally, one * complementary_weight, one)


def check_reference(reference: str, labels: Optional[Tensor]) -> None:
    """Refuse an unknown rule, or one that lacks its labels."""
    if reference not in REFERENCES:
        raise ValueError(
            "reference must be 'label' (as the authors' code) or "
            f"'teacher' (as the paper), got {reference!r}"
        )
    if reference == 'label' and labels is None:
        raise ValueError(
            "reference='label' needs labels to tell right cells "
            "from wrong ones; take reference='teacher'"
        )


class WindowMaps(NamedTuple):
    """What one size of windows makes of a pair of logit maps.

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
            :func:`scale_decoupled_rows`. Defaults to 'label'.
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
        raise ValueError(
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
        seen = teacher.argmax(1)
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


def check_windows(windows: Sequence[int]) -> None:
    """Refuse sides that do not nest."""
    if (
        not windows
        or len(set(windows)) != len(windows)
        or min(windows) < 1
        or any(max(windows) % side for side in windows)
    ):
        raise ValueError(
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
    return count[:, 0] > 0, votes.argmax(1), means[0], means[1]


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
