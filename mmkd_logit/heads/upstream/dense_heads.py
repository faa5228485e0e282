"""Dense heads of MMDetection whose class logits can be read."""

from typing import Dict, NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn

from ...messages import WrongValue
from .observe import upstream_class


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
