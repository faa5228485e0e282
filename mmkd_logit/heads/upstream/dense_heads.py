"""Maps of logits of dense heads, and the rows that they hold."""

from contextlib import contextmanager
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

import torch
from torch import Tensor, nn

from ...messages import WrongValue
from ...structures.teacher_pass import TeacherPass
from .observe import upstream_class

if TYPE_CHECKING:
    from ...structures.teacher_pass import TeacherPass


class DenseHead(NamedTuple):
    """How the class logits of one of MMDetection's dense heads are read.

    Attributes:
        box_layers (tuple[str]): Layers that its class logits do not need.
        output (int): Which output of ``forward`` holds the class logits.
        by_image (bool): Whether its class loss receives image after image;
            otherwise level after level.
        attribute (str): Where a detector keeps the head.
    """

    box_layers: Tuple[str, ...] = ()
    output: int = 0
    by_image: bool = False
    attribute: str = 'bbox_head'


_ATSS = ('reg_convs', 'atss_reg', 'atss_centerness')
_FCOS = ('reg_convs', 'conv_reg', 'conv_centerness')
_GFL = ('reg_convs', 'gfl_reg')
_RETINA = ('reg_convs', 'retina_reg')
_RTMDET_INS = (
    *('reg_convs', 'rtm_reg', 'kernel_convs', 'rtm_kernel'),
    'mask_head',
)

#: Heads whose class logits can be read, by the name of their class.
DENSE_HEADS: Dict[str, DenseHead] = {
    'RetinaHead': DenseHead(_RETINA),
    'RetinaSepBNHead': DenseHead(_RETINA),
    'FSAFHead': DenseHead(_RETINA),
    'PISARetinaHead': DenseHead(_RETINA, by_image=True),
    'SABLRetinaHead': DenseHead(
        ('reg_convs', 'retina_bbox_reg', 'retina_bbox_cls')
    ),
    # the shapes of its anchors deform the features of its classes
    'GARetinaHead': DenseHead(('retina_reg', 'feature_adaption_reg')),
    'SSDHead': DenseHead(('reg_convs',), by_image=True),
    'PISASSDHead': DenseHead(('reg_convs',), by_image=True),
    'YOLOFHead': DenseHead(('bbox_pred',)),
    'FCOSHead': DenseHead(_FCOS),
    'NASFCOSHead': DenseHead(_FCOS),
    'CondInstBboxHead': DenseHead((*_FCOS, 'controller')),
    'BoxInstBboxHead': DenseHead((*_FCOS, 'controller')),
    'FoveaHead': DenseHead(('reg_convs', 'conv_reg')),
    # Its boxes decide at which places the classes are read.
    'RepPointsHead': DenseHead(
        ('reppoints_pts_refine_conv', 'reppoints_pts_refine_out')
    ),
    'ATSSHead': DenseHead(_ATSS),
    'PAAHead': DenseHead(_ATSS, by_image=True),
    'LADHead': DenseHead(_ATSS, by_image=True),
    'DDODHead': DenseHead(('reg_convs', 'atss_reg', 'atss_iou')),
    'GFLHead': DenseHead(_GFL),
    'LDHead': DenseHead(_GFL),
    'RTMDetHead': DenseHead(('reg_convs', 'rtm_reg')),
    'RTMDetSepBNHead': DenseHead(('reg_convs', 'rtm_reg')),
    'RTMDetInsHead': DenseHead(_RTMDET_INS),
    'RTMDetInsSepBNHead': DenseHead(_RTMDET_INS),
    # here the classes are read at the predicted boxes, or share their layers
    'TOODHead': DenseHead(),
    'VFNetHead': DenseHead(('vfnet_reg_refine_dconv', 'vfnet_reg_refine')),
    'CenterNetHead': DenseHead(('wh_head', 'offset_head')),
    'CenterNetUpdateHead': DenseHead(('reg_convs', 'conv_reg')),
    'YOLACTHead': DenseHead(('conv_reg', 'conv_coeff'), by_image=True),
    'SOLOV2Head': DenseHead(
        ('mask_feature_head', 'kernel_convs', 'conv_kernel'),
        output=1,
        attribute='mask_head',
    ),
}
#: Heads that cannot be read, and why.
REFUSED: Dict[str, str] = {
    'AutoAssignHead': 'assigns every location to every object in part, so '
    'its rows have no class of their own',
    'FreeAnchorRetinaHead': 'scores bags of anchors, so its rows have no '
    'class of their own',
    'CornerHead': 'predicts corners of boxes, not classes of locations',
    'CentripetalHead': 'predicts corners of boxes, not classes of locations',
    'SOLOHead': 'suppresses neighbours inside its class map when it '
    'predicts; take SOLOv2',
    'DecoupledSOLOHead': 'suppresses neighbours inside its class map when it '
    'predicts; take SOLOv2',
    'DecoupledSOLOLightHead': 'suppresses neighbours inside its class map '
    'when it predicts; take SOLOv2',
}


def dense_head(model: nn.Module) -> nn.Module:
    """The head of a dense detector, if its logits can be read.

    Raises:
        ValueError: If it is not one of the supported heads.
    """
    head = find_dense_head(model)
    name = upstream_class(head)
    if name not in DENSE_HEADS:
        found = (
            'no `bbox_head`' if head is None else f'a {type(head).__name__}'
        )
        because = f', which {REFUSED[name]}' if name in REFUSED else ''
        raise WrongValue(
            f'{type(model).__name__} has {found}{because}; class logits of a '
            f'dense head can be read from {", ".join(DENSE_HEADS)}, and both '
            'student and teacher need one'
        )
    return head


def find_dense_head(model: nn.Module) -> Optional[nn.Module]:
    """The head of a one-stage detector, whether it can be read or not.

    Detectors with boxes keep it in ``bbox_head``, even where a ``mask_head``
    works on its boxes; SOLO's kind have a ``mask_head`` alone.
    """
    for name in ('bbox_head', 'mask_head'):
        head = getattr(model, name, None)
        if head is not None:
            return head
    return None


def knowledge_of(head: nn.Module) -> DenseHead:
    """The entry of a head in :data:`DENSE_HEADS`."""
    return DENSE_HEADS[upstream_class(head)]


def sees_images(head: nn.Module) -> bool:
    """Whether a head's class loss receives image after image."""
    return knowledge_of(head).by_image and getattr(head, 'use_ohem', True)


def class_channels(head: nn.Module) -> int:
    """C, the length of a row; a CenterNet does not say it."""
    return getattr(head, 'cls_out_channels', head.num_classes)


def classes_are_independent(head: nn.Module) -> bool:
    """Whether each class is a sigmoid of its own."""
    return getattr(head, 'use_sigmoid_cls', True)


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


def largest_prob(
    logits: Tensor, use_sigmoid: bool, num_classes: int
) -> Tensor:
    """Probability of each row's best class that is not background, (M,).

    In float32 for half precision, whose sums over many rows would be off.
    """
    dtype = torch.promote_types(logits.dtype, torch.float32)
    best = logits[:, :num_classes].amax(dim=1).to(dtype)
    if use_sigmoid:
        return best.sigmoid()
    return (best - logits.to(dtype).logsumexp(dim=1)).exp()


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
