"""Where rows of logits come from: one file per head family.

Importing this package imports no toolbox.
"""

from ..registry import MODELS
from ..structures.head_facts import HeadFacts
from ..structures.logit_pair import LogitPair
from .base import LogitReader
from .cls_logits import ClsLogits
from .crossed import CrossedClsLogits, CrossedGFLBoxLogits
from .dense_cls_logits import DenseClsLogits
from .detr_logits import DETRLogits
from .find import DEFAULT_READERS, find_reader
from .gfl_box_logits import GFLBoxLogits
from .mask_logits import MaskLogits
from .roi_logits import RoILogits
from .seg_logits import SegLogits
from .sparse_roi_logits import SparseRoILogits
from .upstream.observe import is_a, observe
from .yolo_logits import YOLOV3Logits, YOLOXLogits

__all__ = [
    'ClsLogits',
    'CrossedClsLogits',
    'CrossedGFLBoxLogits',
    'DEFAULT_READERS',
    'DETRLogits',
    'DenseClsLogits',
    'GFLBoxLogits',
    'HeadFacts',
    'LogitPair',
    'LogitReader',
    'MODELS',
    'MaskLogits',
    'RoILogits',
    'SegLogits',
    'SparseRoILogits',
    'YOLOV3Logits',
    'YOLOXLogits',
    'find_reader',
    'is_a',
    'observe',
]
