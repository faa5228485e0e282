"""Scale decoupling of classifiers: cells of a backbone's last map."""

from contextlib import ExitStack
from typing import Any, Sequence, Union

from torch import Tensor, nn

from ...messages import WrongValue
from ...structures.notes import Notes
from ..upstream.classifiers import one_output, without_side_effects
from ..upstream.observe import observe
from ..upstream.tokens import averaged, averages_tokens, note_patches
from .cells import pool_cells


def watch_maps(backbone: nn.Module, notes: Notes, stack: ExitStack) -> None:
    """Note the last map, or the map of the tokens that are averaged."""

    def note(maps: Any) -> None:
        notes['maps'] = maps

    if averages_tokens(backbone):
        noting = note_patches(backbone, note)
        stack.enter_context(observe(backbone, '_format_output', noting))
    else:
        stack.enter_context(
            observe(backbone, 'forward', lambda _, result: note(result))
        )


def maps_of(model: nn.Module, inputs: Tensor) -> Any:
    """Run a teacher's backbone and take the maps that cells are cut from."""
    notes: Notes = {}
    with ExitStack() as stack:
        watch_maps(model.backbone, notes, stack)
        model.extract_feat(inputs, stage='backbone')
    return notes['maps']


def cell_logits(
    model: nn.Module,
    maps: Union[Tensor, Sequence[Tensor]],
    scales: Sequence[int],
    pool: str,
) -> Tensor:
    """Logits of the cells of a backbone's last map.

    Args:
        model (nn.Module): The classifier, whose neck and head each cell
            passes.
        maps (Tensor or Sequence[Tensor]): Of its backbone.
        scales (Sequence[int]): Cells per side.
        pool (str): ``'nested'`` or ``'direct'``, see
            :func:`~mmkd_logit.heads.sdd.cells.pool_cells`.

    Returns:
        Tensor: Shape (B, C, cells).

    Raises:
        ValueError: If there is no such map, or it is too small.
    """
    last = maps[-1] if isinstance(maps, (tuple, list)) else maps
    name = type(model.backbone).__name__
    if not isinstance(last, Tensor) or last.dim() != 4:
        shape = tuple(last.shape) if isinstance(last, Tensor) else 'tokens'
        raise WrongValue(
            f'scale decoupling pools a last map (B, C, H, W), but {name} '
            f'gives {shape}; remove `scales`, or choose a network that '
            'ends in a map'
        )
    side, scale = min(last.shape[2:]), max(scales)
    # The published pairs with a 2 x 2 map use scale 4, which repeats
    # cells. Finer scales and a 1 x 1 map only repeat cells.
    most = 2 * side if pool == 'nested' and side > 1 else side
    if scale > most:
        raise WrongValue(
            f'the last map of {name} has {last.shape[2]} x '
            f'{last.shape[3]} positions, too few for {scale} x {scale} '
            'cells; choose smaller `scales` or larger images'
        )
    cells = pool_cells(last, scales, pool)
    B, C, N = cells.shape
    feats: Any = cells.transpose(1, 2).reshape(B * N, C)
    with without_side_effects(model):
        if averages_tokens(model.backbone):
            feats = (averaged(model.backbone, feats),)
        else:
            feats = (feats[:, :, None, None],)
        if model.with_neck:
            feats = model.neck(feats)
        logits = one_output(model.head(feats))
    return logits.view(B, N, -1).transpose(1, 2)
