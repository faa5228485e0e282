"""Maps of class logits of dense heads, and the rows that they hold."""

from contextlib import contextmanager
from typing import Any, Iterator, List, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from ...messages import WrongValue
from ...structures.teacher_pass import TeacherPass
from .dense_heads import class_channels, knowledge_of
from .observe import upstream_class
from .priors import priors_of


def class_logits(head: nn.Module, scores: Tensor) -> Tensor:
    """Undo the sigmoid of the one head that emits probabilities (TOOD)."""
    if upstream_class(head) == 'TOODHead':
        return torch.logit(scores.float(), eps=1e-6)
    return scores


class UnreadLayer(nn.Module):
    """Replaces a layer whose output is not read."""

    def forward(self, feats: Any, *args: Any) -> Any:
        return feats[:, :1] if isinstance(feats, Tensor) else feats


@contextmanager
def left_out(head: nn.Module, layers: Sequence[str]) -> Iterator[None]:
    """Run ``head`` without some of its towers and predictors."""
    before = dict(head._modules)
    for name in layers:
        head._modules[name] = _instead_of(head, name)
    try:
        yield
    finally:
        # Without `clear` the layers would come back in another order.
        head._modules.clear()
        head._modules.update(before)


def _instead_of(head: nn.Module, name: str) -> nn.Module:
    """The replacement of the layer ``name`` in a forward pass.

    A tower of layers becomes an empty one. Heads with a tower or predictor
    for each level keep their lists. The layer itself may be pruned by now.
    """
    kind = upstream_class(head)
    is_tower = name.endswith('_convs')
    of_each_level = kind.endswith('SepBNHead') and (
        is_tower or name.startswith('rtm_')
    )
    if kind in ('SSDHead', 'PISASSDHead'):  # its reg_convs are predictors
        is_tower, of_each_level = False, True
    stand_in = nn.ModuleList() if is_tower else UnreadLayer()
    if of_each_level:
        levels = len(priors_of(head).strides)
        stand_in = nn.ModuleList([stand_in] * levels)
    return stand_in


@contextmanager
def _as_in_training(head: nn.Module) -> Iterator[None]:
    """Let a guided-anchor head score every location.

    When it predicts it leaves out the locations that the first image of the
    batch does not need. Its layers stay in evaluation mode.
    """
    before = head.training
    if hasattr(head, 'loc_filter_thr'):
        head.training = True
    try:
        yield
    finally:
        head.training = before


def box_layers(head: nn.Module) -> Tuple[str, ...]:
    """Layers of a teacher's head that its class logits do not need."""
    if getattr(head, 'with_objectness', False):
        return ()
    if getattr(head, 'with_deform', False):  # FoveaBox aligns with its boxes
        return ()
    return knowledge_of(head).box_layers


def class_maps(head: nn.Module, feats: Sequence[Tensor]) -> List[Tensor]:
    """Class logits of each level, (B, A * C, H, W), without the boxes."""
    if upstream_class(head) == 'CenterNetHead':
        return [head.heatmap_head(level) for level in feats]
    with left_out(head, box_layers(head)), _as_in_training(head):
        maps = head(feats)[knowledge_of(head).output]
        return [class_logits(head, scores) for scores in maps]


def teacher_class_maps(head: nn.Module, teacher: TeacherPass) -> List[Tensor]:
    """:func:`class_maps` of a teacher's head in the student's classes."""
    return [
        teacher.classes(
            level.unflatten(1, (-1, class_channels(head))), 2
        ).flatten(1, 2)
        for level in class_maps(head, teacher.feats)
    ]


def by_level(rows: Tensor, maps: Sequence[Tensor], channels: int) -> Tensor:
    """Rows image after image -> level after level.

    Args:
        rows (Tensor): Shape (M, ...): the images of a batch one after
            another, each with its levels from fine to coarse.
        maps (list[Tensor]): Any class maps (B, A * C, H, W) of the levels.
        channels (int): C.
    """
    images = len(maps[0])
    sizes = [level[0].numel() // channels for level in maps]
    parts = rows.unflatten(0, (images, -1)).split(sizes, 1)
    return torch.cat([part.flatten(0, 1) for part in parts])


@torch.no_grad()
def map_rows(
    maps: Sequence[Tensor], channels: int, keep: Optional[Tensor] = None
) -> Tensor:
    """A teacher's maps (B, A * C, H, W) -> rows (M, C), copied once.

    Args:
        maps (list[Tensor]): Of the levels.
        channels (int): C.
        keep (Tensor, optional): Boolean mask (M,) of the rows to gather;
            None for all.
    """
    views = [
        level.unflatten(1, (-1, channels)).permute(0, 3, 4, 1, 2)
        for level in maps
    ]
    sizes = [view[..., 0].numel() for view in views]
    if keep is not None:
        return torch.cat(
            [
                view[mask.view(view.shape[:-1])]
                for view, mask in zip(views, keep.split(sizes))
            ]
        )
    rows = maps[0].new_empty(sum(sizes), channels)
    for view, part in zip(views, rows.split(sizes)):
        part.view(view.shape).copy_(view)
    return rows


def check_same_grid(maps: Sequence[Tensor], channels: int, rows: int) -> None:
    """Refuse maps that do not give ``rows`` rows.

    Raises:
        ValueError: If the teacher sees other locations than the student.
    """
    count = sum(level.numel() for level in maps) // channels
    if count != rows:
        sizes = ', '.join(
            'x'.join(map(str, level.shape[-2:])) for level in maps
        )
        raise WrongValue(
            f"the student's classification loss saw {rows} rows, the "
            f"teacher's maps ({sizes}) give {count}; both need the same "
            'strides and input size'
        )
