"""Reduction of one value per row to a loss."""

from typing import Optional, Union

import torch
from torch import Tensor

from ..messages import WrongValue

Factor = Optional[Union[float, Tensor]]

REDUCTIONS = ('none', 'mean', 'sum')


def reduce_rows(
    rows: Tensor,
    weight: Optional[Tensor] = None,
    reduction: str = 'mean',
    avg_factor: Factor = None,
) -> Tensor:
    """Weight and reduce rows, (M,); without rows 0.0 with a gradient."""
    if weight is not None:
        rows = rows * weight
    if reduction == 'none':
        return rows
    if reduction == 'sum':
        if avg_factor is not None:
            raise WrongValue(
                "avg_factor is the divisor of reduction='mean', got it with "
                "reduction='sum'; leave one of the two out"
            )
        return rows.sum()
    if avg_factor is None:
        return rows.mean() if len(rows) else rows.sum()
    if isinstance(avg_factor, Tensor):
        least = torch.finfo(rows.dtype).eps
        return rows.sum() / avg_factor.reshape(()).clamp(min=least)
    return rows.sum() / max(avg_factor, torch.finfo(rows.dtype).eps)
