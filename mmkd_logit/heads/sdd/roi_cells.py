"""Scale decoupling of RoIs: pool a RoI finer, cut it into cells."""

from contextlib import contextmanager
from typing import Iterator, List, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...messages import WrongValue

MODES = ('quadrant', 'polyphase')


def check_roi_cells(scales: Sequence[int], mode: str) -> None:
    """Refuse scales that the cells of RoIs do not have.

    Raises:
        ValueError: If 1 is missing, or the mode does not know the scales.
    """
    if mode not in MODES:
        raise WrongValue(
            "cells must be 'quadrant' (regions of the RoI) or 'polyphase' "
            f"(the official code's interleaved sampling), got {mode!r}"
        )
    if 1 not in scales or len(set(scales)) != len(scales) or min(scales) < 1:
        raise WrongValue(
            'scales must be different cell counts per side with 1, the whole '
            f'RoI, among them, such as (1, 2); got {scales!r}'
        )
    if mode == 'polyphase' and set(scales) not in ({1}, {1, 2}):
        raise WrongValue(
            f"cells='polyphase' knows scales=(1, 2), got {scales!r}; take "
            "cells='quadrant' for others"
        )


def pool_roi_cells(
    extractor: nn.Module,
    feats: Tuple[Tensor, ...],
    rois: Tensor,
    scale: int,
    mode: str = 'quadrant',
) -> List[Tensor]:
    """Features of the cells of each RoI, each as large as a RoI's.

    The RoI is pooled ``scale`` times finer from the very map that the
    extractor chooses for the whole RoI, then cut: a cell is a region of the
    map that the detector reads, not a small object of its own on a finer
    map.

    Args:
        extractor (nn.Module): RoI extractor with ``roi_layers``, giving
            (R, C_in, S, S).
        feats (tuple[Tensor]): Feature maps.
        rois (Tensor): Shape (R, 5).
        scale (int): Cells per side, m.
        mode (str): ``'quadrant'`` cuts m x m regions, row by row.
            ``'polyphase'`` (m = 2) takes every second position, as the
            authors' code: even rows and even columns, even and odd, odd and
            odd, odd and even; each such cell covers the whole RoI.

    Returns:
        list[Tensor]: m * m tensors (R, C_in, S, S); with ``'polyphase'`` the
        whole RoI, averaged over 2 x 2 positions, comes first.

    Source:
        Wei et al., CVPR 2024, https://arxiv.org/abs/2403.13512, defines
        cells for classifiers; ``'polyphase'`` is what its detection code
        does, ``'quadrant'`` is this project's extension.
    """
    with finer(extractor, scale):
        fine = extractor(feats[: extractor.num_inputs], rois)
    if mode == 'polyphase':
        return [
            F.avg_pool2d(fine, 2),
            fine[..., 0::2, 0::2],
            fine[..., 0::2, 1::2],
            fine[..., 1::2, 1::2],
            fine[..., 1::2, 0::2],
        ]
    return [
        cell
        for row in fine.chunk(scale, dim=2)
        for cell in row.chunk(scale, dim=3)
    ]


@contextmanager
def finer(extractor: nn.Module, scale: int) -> Iterator[None]:
    """Let a RoI extractor give ``scale`` times as many positions a side.

    Raises:
        ValueError: If its layers have no output size.
    """
    layers = list(getattr(extractor, 'roi_layers', []))
    sizes = [getattr(layer, 'output_size', None) for layer in layers]
    if not sizes or None in sizes:
        raise WrongValue(
            f'{type(extractor).__name__} has no RoI layers with an output '
            'size, so its RoIs cannot be cut into cells; take scales=(1, )'
        )
    try:
        for layer, size in zip(layers, sizes):
            layer.output_size = tuple(scale * side for side in size)
        yield
    finally:
        for layer, size in zip(layers, sizes):
            layer.output_size = size


def roi_cell_logits(
    roi_head: nn.Module,
    stage: int,
    feats: Tuple[Tensor, ...],
    rois: Tensor,
    scales: Sequence[int],
    mode: str = 'quadrant',
) -> List[Tensor]:
    """Class logits of the cells of given RoIs.

    Every cell goes through the model's own box head; the box branch runs
    only if the head still has one.

    Args:
        roi_head (nn.Module): StandardRoIHead or CascadeRoIHead.
        stage (int): Stage of a cascade.
        feats (tuple[Tensor]): Feature maps.
        rois (Tensor): Shape (R, 5).
        scales (Sequence[int]): 1, the whole RoI, gives no cell here.
        mode (str): See :func:`pool_roi_cells`.

    Returns:
        list[Tensor]: One (R, C) per cell.
    """
    extractor, head = roi_head.bbox_roi_extractor, roi_head.bbox_head
    if isinstance(head, nn.ModuleList):
        extractor, head = extractor[stage], head[stage]
    cells = [
        cell
        for scale in sorted(scales)
        if scale > 1
        for cell in pool_roi_cells(extractor, feats, rois, scale, mode)
    ]
    if getattr(roi_head, 'with_shared_head', False):
        cells = [roi_head.shared_head(cell) for cell in cells]
    logits = head(torch.cat(cells))[0]
    return list(logits.chunk(len(cells)))
