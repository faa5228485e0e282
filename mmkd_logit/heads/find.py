"""Find the reader of a student's head."""

from typing import List, Type

from torch import nn

from ..messages import WrongValue
from .base import LogitReader
from .cls_logits import ClsLogits
from .dense_cls_logits import DenseClsLogits
from .detr_logits import DETRLogits
from .roi_logits import RoILogits
from .seg_logits import SegLogits
from .sparse_roi_logits import SparseRoILogits
from .yolo_logits import YOLOV3Logits, YOLOXLogits

#: Readers that are found from the student's head, the most special first.
DEFAULT_READERS: List[Type[LogitReader]] = [
    SparseRoILogits,
    RoILogits,
    DenseClsLogits,
    YOLOXLogits,
    YOLOV3Logits,
    DETRLogits,
    ClsLogits,
    SegLogits,
]

#: Where a model keeps its head.
_HEADS = ('roi_head', 'bbox_head', 'panoptic_head', 'decode_head', 'head')


def find_reader(model: nn.Module) -> LogitReader:
    """The default reader for a student.

    Raises:
        ValueError: If no family fits, listing those that are supported.
    """
    for reader in DEFAULT_READERS:
        if reader.fits(model):
            return reader()
    head = next(
        (
            getattr(model, name)
            for name in _HEADS
            if getattr(model, name, None) is not None
        ),
        None,
    )
    named = type(model).__name__ + (
        '' if head is None else f' with {type(head).__name__}'
    )
    families = [reader.family for reader in DEFAULT_READERS]
    toolbox = type(model).__module__.partition('.')[0]
    own = [family for family in families if family.startswith(toolbox)]
    raise WrongValue(
        f'no logit reader fits {named}; supported: '
        f'{"; ".join(own or families)}. A reader of your own (a subclass of '
        'mmkd_logit.heads.LogitReader) can be named with '
        '`logits=dict(type=...)`'
    )
