"""Scale decoupling: more rows per image, one for each cell.

A reader that knows how to classify cells calls :func:`pool_cells` and
:func:`scale_decoupled_rows`; one that reads logit maps has
:mod:`~mmkd_logit.heads.sdd.windows`. Every loss then works on these rows.
"""

from typing import Optional, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ...messages import WrongValue
from ...ops.top_classes import largest_class
from ...structures.logit_pair import LogitPair

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
    if feature_map.dim() != 4:
        raise WrongValue(
            'feature_map must have the shape (B, C_in, H, W), got '
            f'{tuple(feature_map.shape)}; scale decoupling needs a map before '
            'global pooling'
        )
    grid = feature_map
    if pool == 'nested':
        grid = F.adaptive_avg_pool2d(feature_map, NESTED_SIDE)
    return torch.cat(
        [F.adaptive_avg_pool2d(grid, m).flatten(2) for m in sorted(scales)], 2
    )


def check_scales(scales: Sequence[int], pool: str = 'nested') -> None:
    """Refuse scales that :func:`pool_cells` cannot serve."""
    if pool not in ('nested', 'direct'):
        raise WrongValue(
            "pool must be 'nested' (as the authors' code) or "
            f"'direct', got {pool!r}"
        )
    if 1 not in scales or len(set(scales)) != len(scales) or min(scales) < 1:
        raise WrongValue(
            'scales must be different cell counts per side with 1, the '
            f'global cell, among them, such as (1, 2, 4); got {scales!r}'
        )
    if pool == 'nested' and not set(scales) <= {1, 2, 4}:
        raise WrongValue(
            f"pool='nested' knows the scales 1, 2 and 4, got {scales!r}; "
            "take pool='direct' for others"
        )


def scale_decoupled_rows(
    student_cells: Tensor,
    teacher_cells: Tensor,
    labels: Optional[Tensor],
    complementary_weight: float = 2.0,
    reference: str = 'label',
    consistent_weight: float = 1.0,
) -> LogitPair:
    """One row per cell, complementary cells weighing more.

    The loss over the rows is the mean over images and cells, as in the
    authors' code. The paper's formula sums over the cells: multiply
    ``loss_weight`` by their number.

    Args:
        student_cells (Tensor): Logits of each cell, shape (B, C, cells); cell
            0 is the global one.
        teacher_cells (Tensor): The same of the teacher.
        labels (Tensor, optional): Target class of each image, shape (B,), or
            soft labels (B, C), whose largest entry is the target. Every cell
            inherits it. Only ``reference='teacher'`` works without.
        complementary_weight (float): Weight of a complementary cell.
            Defaults to 2.0.
        reference (str): ``'label'`` as the authors' code: a cell is
            complementary where the teacher is right in it and wrong in cell
            0, or the reverse. ``'teacher'`` as the paper's text: where the
            teacher's class differs from that of cell 0. Defaults to 'label'.
        consistent_weight (float): Weight of the cells that are not
            complementary; the global cell weighs 1. Defaults to 1.0.

    Returns:
        LogitPair: B x cells rows, image by image, with their weights.

    Source:
        Wei et al., CVPR 2024, https://arxiv.org/abs/2403.13512.
    """
    check_reference(reference, labels)
    if student_cells.shape != teacher_cells.shape or student_cells.dim() != 3:
        raise WrongValue(
            f'student_cells {tuple(student_cells.shape)} and teacher_cells '
            f'{tuple(teacher_cells.shape)} must have one shape (B, C, cells)'
        )
    if labels is not None:
        if labels.dim() == 2:
            labels = labels.argmax(1)
        if labels.shape != student_cells.shape[:1]:
            raise WrongValue(
                'labels must have one class per image, shape '
                f'{tuple(student_cells.shape[:1])}, got '
                f'{tuple(labels.shape)}; the cells inherit it'
            )
    cells = student_cells.shape[2]
    teacher_cells = teacher_cells.detach()
    seen = largest_class(teacher_cells)
    if reference == 'label':
        seen = seen == labels[:, None]
    weight = complementary_weights(
        seen,
        seen[:, :1],
        complementary_weight,
        student_cells,
        consistent_weight,
    )
    weight[:, 0] = 1
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
    consistent_weight: float = 1.0,
) -> Tensor:
    """One weight where a cell and its whole disagree, the other elsewhere."""
    dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
    one = torch.ones((), dtype=dtype, device=like.device)
    return torch.where(
        seen != seen_globally,
        one * complementary_weight,
        one * consistent_weight,
    )


def check_reference(reference: str, labels: Optional[Tensor]) -> None:
    """Refuse an unknown rule, or one that lacks its labels."""
    if reference not in REFERENCES:
        raise WrongValue(
            "reference must be 'label' (as the authors' code) or "
            f"'teacher' (as the paper), got {reference!r}"
        )
    if reference == 'label' and labels is None:
        raise WrongValue(
            "reference='label' needs labels to tell right cells "
            "from wrong ones; take reference='teacher'"
        )
