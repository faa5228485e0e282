"""A dense head's maps of logits: how a teacher makes and rows leave them."""

from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from .observe import upstream_class

#: Head -> its layers that the class logits do not need.
BOX_LAYERS: Dict[str, Tuple[str, ...]] = {
    'RetinaHead': ('reg_convs', 'retina_reg'),
    'RetinaSepBNHead': ('reg_convs', 'retina_reg'),
    'FCOSHead': ('reg_convs', 'conv_reg', 'conv_centerness'),
    'ATSSHead': ('reg_convs', 'atss_reg', 'atss_centerness'),
    'GFLHead': ('reg_convs', 'gfl_reg'),
    'RTMDetHead': ('reg_convs', 'rtm_reg'),
    'RTMDetSepBNHead': ('reg_convs', 'rtm_reg'),
    # here the classes are read at the predicted boxes, or share their layers
    'TOODHead': (),
    'VFNetHead': ('vfnet_reg_refine_dconv', 'vfnet_reg_refine'),
}


def dense_head(model: nn.Module) -> nn.Module:
    """``model.bbox_head``, if its logits can be read.

    Raises:
        ValueError: If it is not one of the supported heads.
    """
    head = getattr(model, 'bbox_head', None)
    if upstream_class(head) not in BOX_LAYERS:
        found = (
            'no `bbox_head`' if head is None else f'a {type(head).__name__}'
        )
        raise ValueError(
            f'{type(model).__name__} has {found}; class logits of a dense '
            f'head can be read from {", ".join(BOX_LAYERS)}, and both '
            'student and teacher need one'
        )
    return head


def class_logits(head: nn.Module, scores: Tensor) -> Tensor:
    """Undo the sigmoid of the one head that emits probabilities (TOOD)."""
    if upstream_class(head) == 'TOODHead':
        return torch.logit(scores.float(), eps=1e-6)
    return scores


class FirstChannel(nn.Module):
    """In the place of a layer whose output nobody reads."""

    def forward(self, feats: Tensor, *args: Any) -> Tensor:
        return feats[:, :1]


@contextmanager
def left_out(head: nn.Module, layers: Sequence[str]) -> Iterator[None]:
    """Run ``head`` without some of its towers and predictors."""
    levels = len(head.prior_generator.strides)
    separate = upstream_class(head).endswith('SepBNHead')
    before = dict(head._modules)
    for name in layers:
        tower = name.endswith('_convs')
        stand_in = nn.ModuleList() if tower else FirstChannel()
        # heads with a tower of their own per level index it by level
        if separate and (tower or name.startswith('rtm_')):
            stand_in = nn.ModuleList([stand_in] * levels)
        head._modules[name] = stand_in
    try:
        yield
    finally:
        head._modules.clear()  # the order counts too
        head._modules.update(before)


def box_layers(head: nn.Module) -> Tuple[str, ...]:
    """Layers of a teacher's head that its class logits do not need."""
    if getattr(head, 'with_objectness', False):
        return ()
    return BOX_LAYERS[upstream_class(head)]


def class_maps(head: nn.Module, feats: Sequence[Tensor]) -> List[Tensor]:
    """Class logits of each level, (B, A * C, H, W), without the boxes."""
    with left_out(head, box_layers(head)):
        return [class_logits(head, scores) for scores in head(feats)[0]]


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


def largest_prob(
    logits: Tensor, use_sigmoid: bool, num_classes: int
) -> Tensor:
    """Probability of each row's best class that is not background, (M,)."""
    best = logits[:, :num_classes].amax(dim=1)
    if use_sigmoid:
        return best.sigmoid()
    return (best - logits.logsumexp(dim=1)).exp()


def check_same_priors(student: nn.Module, teacher: nn.Module) -> None:
    """Refuse a teacher whose locations or anchors are not the student's.

    Raises:
        ValueError: Naming the first difference.
    """
    ours, theirs = student.prior_generator, teacher.prior_generator
    names = (
        f'the student ({type(student).__name__})',
        f'the teacher ({type(teacher).__name__})',
    )

    def refuse(what: str, mine: Any, other: Any) -> None:
        raise ValueError(
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
        raise ValueError(
            f"the student's classification loss saw {rows} rows, the "
            f"teacher's maps ({sizes}) give {count}; both need the same "
            'strides and input size'
        )
