"""One toy per head family: the rows of the matrix in ``docs/matrix.md``.

A family registers how its toy is built and how a batch of it is made; the
matrix then tries every registered loss on it. A new reader needs one here.
"""

from typing import Any, Callable, Dict, NamedTuple, Tuple, Union

from torch import nn

#: Enough classes for the default k and depth of every loss.
CLASSES = 10


class Family(NamedTuple):
    """How the matrix tries one family of heads.

    Attributes:
        title (str): Its name in the table.
        toolbox (str): Import name of what it needs.
        cfg (dict): Model config of student and teacher.
        build (callable): ``build(cfg, seed)`` gives a model.
        batch (callable): ``batch(model)`` gives inputs and data samples.
        decoupled (dict | str): Options of the reader for scale decoupling,
            or why it has none.
        reader (str): Registered name; '' for the reader that is found.
        options (dict): Of the reader, beside those of scale decoupling.
    """

    title: str
    toolbox: str
    cfg: Callable[[], dict]
    build: Callable[[dict, int], nn.Module]
    batch: Callable[[nn.Module], Tuple[Any, list]]
    decoupled: Union[Dict[str, Any], str]
    reader: str = ''
    options: Dict[str, Any] = {}


FAMILIES: Dict[str, Family] = {}


def register(name: str, *args: Any, **kwargs: Any) -> None:
    """Add a family; its config is made when it is tried."""
    assert name not in FAMILIES
    FAMILIES[name] = Family(*args, **kwargs)


# ------------------------------------------------------------ classifiers


def _classifier_batch(model: nn.Module) -> Tuple[Any, list]:
    from tests.toy_classifiers import images, samples

    several = type(model.head).__name__.startswith('Multi')
    labels = [[0, 3], [], [1]] if several else [0, 3, 1]
    return images(), samples(labels)


def _classifier(head: str) -> dict:
    from tests.toy_classifiers import classifier_cfg

    return classifier_cfg(head, num_classes=CLASSES)


def _build_classifier(cfg: dict, seed: int) -> nn.Module:
    from tests.toy_classifiers import build

    return build(cfg, seed)


for _head, _title in (
    ('linear', 'ImageClassifier, ClsHead'),
    ('multi_label', 'ImageClassifier, MultiLabelClsHead'),
):
    register(
        _head,
        _title,
        'mmpretrain',
        lambda head=_head: _classifier(head),
        _build_classifier,
        _classifier_batch,
        dict(scales=(1, 2)),
    )


# -------------------------------------------------------------- detectors


def _build_detector(cfg: dict, seed: int) -> nn.Module:
    from tests.toy_detectors import build_detector

    return build_detector(cfg, seed).train()


def _detection_batch(model: nn.Module) -> Tuple[Any, list]:
    from mmengine.logging import MessageHub

    from tests.toy_detectors import detection_batch

    # TOOD has another loss in its first epochs
    MessageHub.get_current_instance().update_info('epoch', 4)
    return detection_batch(
        model,
        [2, 1],
        CLASSES,
        sizes=[(64, 64)] * 2,
        with_mask=getattr(model, 'with_mask', False),
    )


def _rcnn(kind: str, **kwargs: Any) -> dict:
    from tests.toy_rcnn import rcnn_cfg

    return dict(rcnn_cfg(kind, CLASSES, **kwargs), _scope_='mmdet')


def _dense(name: str) -> dict:
    from tests.toy_detectors import detector_cfg

    return dict(detector_cfg(name, CLASSES), _scope_='mmdet')


def _detector(name: str, title: str, cfg: Callable[[], dict], **kwargs):
    kwargs.setdefault('decoupled', dict(windows=(1, 2)))
    register(
        name, title, 'mmdet', cfg, _build_detector, _detection_batch, **kwargs
    )


_CELLS = dict(scales=(1, 2))
_detector('roi', 'StandardRoIHead', lambda: _rcnn('faster'), decoupled=_CELLS)
_detector(
    'roi_sigmoid',
    'StandardRoIHead, sigmoid classes',
    lambda: _rcnn('faster', use_sigmoid=True),
    decoupled=_CELLS,
)
_detector(
    'cascade', 'CascadeRoIHead', lambda: _rcnn('cascade'), decoupled=_CELLS
)
_detector(
    'mask',
    'FCNMaskHead (masks)',
    lambda: _rcnn('mask'),
    reader='MaskLogits',
    decoupled='the pixels of a RoI are not grouped into windows',
)
for _name, _title in dict(
    retina='RetinaHead',
    fcos='FCOSHead',
    atss='ATSSHead',
    gfl='GFLHead',
    rtmdet='RTMDetHead',
    tood='TOODHead',
    vfnet='VFNetHead',
).items():
    _detector(_name, _title, lambda name=_name: _dense(name))
_detector(
    'gfl_boxes',
    'GFLHead (box distributions)',
    lambda: _dense('gfl'),
    reader='GFLBoxLogits',
    decoupled='a side of a box is no map that could be cut into windows',
)


def _crossing() -> dict:
    cfg = _dense('gfl')
    cfg['bbox_head']['stacked_convs'] = 3
    return cfg


_detector(
    'crossed', 'GFLHead, crossed heads', _crossing, reader='CrossedClsLogits'
)
_detector(
    'crossed_boxes',
    'GFLHead, crossed heads (box distributions)',
    _crossing,
    reader='CrossedGFLBoxLogits',
    decoupled='a side of a box is no map that could be cut into windows',
)


def _yolo(name: str) -> dict:
    from tests.toy_yolo import yolo_cfg

    return dict(yolo_cfg(name, CLASSES), _scope_='mmdet')


for _name, _title in dict(yolox='YOLOXHead', yolov3='YOLOV3Head').items():
    _detector(_name, _title, lambda name=_name: _yolo(name))


def _detr(name: str) -> dict:
    from tests.toy_detrs import detr_cfg

    return dict(detr_cfg(name, CLASSES), _scope_='mmdet')


def _build_detr(cfg: dict, seed: int) -> nn.Module:
    from tests.toy_detrs import build_detr

    return build_detr(cfg, seed).train()


for _name, _title, _rows in (
    ('detr', 'DETRHead (queries)', 'queries'),
    ('conditional', 'ConditionalDETRHead (queries)', 'queries'),
    ('dab', 'DABDETRHead (queries)', 'queries'),
    ('deformable', 'DeformableDETRHead (queries)', 'queries'),
    ('dino', 'DINOHead (queries)', 'queries'),
    ('dino_encoder', 'DINOHead (encoder tokens)', 'encoder'),
    ('dino_denoising', 'DINOHead (denoising queries)', 'denoising'),
    ('ddq', 'DDQDETRHead (queries)', 'queries'),
):
    register(
        _name,
        _title,
        'mmdet',
        lambda name=_name: _detr(name.partition('_')[0]),
        _build_detr,
        _detection_batch,
        'queries and tokens of a transformer are not cut into windows',
        options=dict(rows=_rows),
    )


def _proposals(softmax: bool) -> dict:
    from tests.toy_sparse import sparse_cfg

    cfg = sparse_cfg(num_classes=CLASSES, softmax=softmax)
    return dict(cfg, _scope_='mmdet')


def _build_proposals(cfg: dict, seed: int) -> nn.Module:
    from tests.toy_sparse import build_sparse

    return build_sparse(cfg, seed).train()


for _name, _title, _softmax in (
    ('sparse', 'SparseRoIHead', False),
    ('sparse_softmax', 'SparseRoIHead, softmax classes', True),
):
    register(
        _name,
        _title,
        'mmdet',
        lambda softmax=_softmax: _proposals(softmax),
        _build_proposals,
        _detection_batch,
        'proposals of an object are no map that could be cut into windows',
    )


# -------------------------------------------------------------- segmentors


def _segmentor(**head: Any) -> dict:
    from tests.toy_segmentors import segmentor_cfg

    return segmentor_cfg(dropout_ratio=0, **head)


def _build_segmentor(cfg: dict, seed: int) -> nn.Module:
    from tests.toy_segmentors import build

    return build(cfg, seed)


def _segmentation_batch(model: nn.Module) -> Tuple[Any, list]:
    import torch

    from tests.toy_segmentors import label_samples
    from tests.toys import seeded

    rng = seeded(3)
    classes = model.decode_head.num_classes
    labels = torch.randint(classes, (2, 16, 16), generator=rng)
    return torch.randn(2, 3, 16, 16, generator=rng), label_samples(labels)


def _segmentation(name: str, title: str, **head: Any) -> None:
    register(
        name,
        title,
        'mmseg',
        lambda: _segmentor(**head),
        _build_segmentor,
        _segmentation_batch,
        dict(windows=(1, 2)),
    )


_BCE = dict(type='CrossEntropyLoss', use_sigmoid=True)
_segmentation('seg', 'EncoderDecoder', num_classes=CLASSES)
_segmentation(
    'seg_sigmoid',
    'EncoderDecoder, sigmoid classes',
    num_classes=CLASSES,
    loss_decode=_BCE,
)
_segmentation(
    'seg_binary',
    'EncoderDecoder, one logit',
    num_classes=2,
    out_channels=1,
    threshold=0.5,
    loss_decode=_BCE,
)


# ----------------------------------------------------- mask classification


def _build_masks(cfg: dict, seed: int) -> nn.Module:
    from tests.toy_mask_heads import build_masks

    return build_masks(cfg, seed)


def _mask_batch(model: nn.Module) -> Tuple[Any, list]:
    import torch

    from tests.toy_mask_heads import panoptic_samples
    from tests.toy_segmentors import label_samples
    from tests.toys import seeded

    rng = seeded(3)
    inputs = torch.randn(2, 3, 32, 32, generator=rng)
    labels = torch.randint(CLASSES, (2, 4, 4), generator=rng)
    labels = labels.repeat_interleave(8, 1).repeat_interleave(8, 2)
    if hasattr(model, 'decode_head'):
        return inputs, label_samples(labels)
    return inputs, panoptic_samples(labels, 4, CLASSES - 4, (32, 32))


def _mask_segmentor() -> dict:
    from tests.toy_mask_heads import mask_segmentor_cfg

    return mask_segmentor_cfg(classes=CLASSES)


def _mask_detector() -> dict:
    from tests.toy_mask_heads import mask_detector_cfg

    return mask_detector_cfg(things=4, stuff=CLASSES - 4)


for _name, _title, _toolbox, _cfg in (
    ('mask2former', 'Mask2FormerHead (mmseg)', 'mmseg', _mask_segmentor),
    ('panoptic', 'Mask2Former (mmdet)', 'mmdet', _mask_detector),
):
    register(
        _name,
        _title,
        _toolbox,
        _cfg,
        _build_masks,
        _mask_batch,
        dict(windows=(1, 2)),
    )
