"""RoI heads of MMDetection: their stages, and a teacher's shortest path."""

from typing import Dict, List, Sequence, Tuple

from torch import Tensor, nn

from ...messages import WrongValue
from .dense_maps import UnreadLayer
from .observe import is_a

#: RoI heads by how they pool and classify RoIs; their subclasses that add
#: masks, grids or weights of samples follow them.
PLAIN_POOLING = ('StandardRoIHead', 'CascadeRoIHead')
_POOLING = (
    *PLAIN_POOLING,
    'DoubleHeadRoIHead',
    'HybridTaskCascadeRoIHead',
    'SCNetRoIHead',
)


def box_heads(model: nn.Module) -> List[nn.Module]:
    """The box head of each stage of a two-stage detector.

    Raises:
        ValueError: If their class logits cannot be read.
    """
    roi_head = getattr(model, 'roi_head', None)
    if not is_a(roi_head, 'mmdet', 'StandardRoIHead', 'CascadeRoIHead'):
        raise WrongValue(
            f'{type(model).__name__} has no StandardRoIHead or '
            'CascadeRoIHead; RoI logits need a two-stage detector as '
            'student and as teacher'
        )
    if not getattr(roi_head, 'bbox_head', None):
        raise WrongValue(
            f'the RoI head of {type(model).__name__} has no `bbox_head`, '
            'so it gives no class logits'
        )
    pools = owner_of_pooling(roi_head)
    if pools not in _POOLING:
        raise WrongValue(
            f'{type(roi_head).__name__} pools its RoIs in a way of its '
            f'own; class logits can be read from {", ".join(_POOLING)} '
            'and their kind (Faster, Mask, Cascade R-CNN, HTC, ...), and '
            'from SparseRoIHead by mmkd_logit.SparseRoILogits, without cells'
        )
    heads = roi_head.bbox_head
    heads = list(heads) if isinstance(heads, nn.ModuleList) else [heads]
    for head in heads:
        if not is_a(head, 'mmdet', 'BBoxHead'):
            raise WrongValue(
                f'{type(head).__name__} is not one of the box heads whose '
                'class logits can be read; choose a detector with, for '
                'example, Shared2FCBBoxHead'
            )
    return heads


def stage_weights(roi_head: nn.Module) -> Sequence[float]:
    """Factors of a cascade for the losses of its stages."""
    return getattr(roi_head, 'stage_loss_weights', (1.0,))


def owner_of_pooling(roi_head: nn.Module) -> str:
    """The class that defines how ``roi_head`` pools and classifies RoIs."""
    return next(
        cls.__name__
        for cls in type(roi_head).__mro__
        if '_bbox_forward' in vars(cls)
    )


def roi_context(
    roi_head: nn.Module, feats: Tuple[Tensor, ...]
) -> Dict[str, Tensor]:
    """Maps of the whole image that HTC and SCNet add to their RoIs."""
    context = {}
    if getattr(roi_head, 'with_semantic', False):
        context['semantic_feat'] = roi_head.semantic_head(feats)[1]
    if getattr(roi_head, 'with_glbctx', False):
        context['glbctx_feat'] = roi_head.glbctx_head(feats)[1]
    return context


def roi_logits(
    roi_head: nn.Module,
    stage: int,
    feats: Tuple[Tensor, ...],
    rois: Tensor,
    context: Dict[str, Tensor],
) -> Tensor:
    """Class logits (R, C) of given RoIs (R, 5).

    The box branch of a teacher is removed by :meth:`RoILogits.prune`.
    """
    where = (feats, rois)
    if isinstance(roi_head.bbox_head, nn.ModuleList):
        where = (stage, *where)
    return roi_head._bbox_forward(*where, **context)['cls_score']


def without_box_branch(head: nn.Module) -> None:
    """Make a frozen box head skip what only its box deltas need."""
    if is_a(head, 'mmdet', 'DoubleConvFCBBoxHead'):
        head.conv_branch = nn.ModuleList()
        head.res_block, head.fc_reg = UnreadLayer(), UnreadLayer()
    elif is_a(head, 'mmdet', 'ConvFCBBoxHead'):
        head.reg_convs = nn.ModuleList()
        head.reg_fcs = nn.ModuleList()
    if hasattr(head, 'with_reg'):
        head.with_reg = False
