"""Tiny detectors of MMDetection and batches for them, made from numbers."""

from contextlib import ExitStack
from functools import lru_cache

import torch

from mmkd_logit.structures.teacher_pass import TeacherPass

STRIDES = [8, 16, 32, 64, 128]
NORM = dict(type='GN', num_groups=4, requires_grad=True)

_FOCAL = dict(
    type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0
)
_QUALITY = dict(
    type='QualityFocalLoss', use_sigmoid=True, beta=2.0, loss_weight=1.0
)
_GIOU = dict(type='GIoULoss', loss_weight=2.0)
_SQUARES = dict(
    type='AnchorGenerator',
    ratios=[1.0],
    octave_base_scale=8,
    scales_per_octave=1,
    strides=STRIDES,
)
_TBLR = dict(
    type='DeltaXYWHBBoxCoder',
    target_means=[0.0, 0.0, 0.0, 0.0],
    target_stds=[0.1, 0.1, 0.2, 0.2],
)
_MAX_IOU = dict(
    assigner=dict(
        type='MaxIoUAssigner',
        pos_iou_thr=0.5,
        neg_iou_thr=0.4,
        min_pos_iou=0,
        ignore_iof_thr=0.5,
    ),
    sampler=dict(type='PseudoSampler'),
    allowed_border=-1,
    pos_weight=-1,
)
_ATSS = dict(
    assigner=dict(type='ATSSAssigner', topk=9, ignore_iof_thr=0.5),
    allowed_border=-1,
    pos_weight=-1,
)
_SIMOTA = dict(
    assigner=dict(type='DynamicSoftLabelAssigner', topk=13),
    allowed_border=-1,
    pos_weight=-1,
)

#: name -> (detector type, head, train_cfg)
_RTMDET = dict(
    type='RTMDetHead',
    norm_cfg=NORM,
    anchor_generator=dict(
        type='MlvlPointGenerator', offset=0, strides=STRIDES
    ),
    bbox_coder=dict(type='DistancePointBBoxCoder'),
    loss_cls=_QUALITY,
    with_objectness=False,
    loss_bbox=_GIOU,
)
DENSE = dict(
    retina=(
        'RetinaNet',
        dict(
            type='RetinaHead',
            anchor_generator=dict(
                type='AnchorGenerator',
                octave_base_scale=4,
                scales_per_octave=3,
                ratios=[0.5, 1.0, 2.0],
                strides=STRIDES,
            ),
            bbox_coder=_TBLR,
            loss_cls=_FOCAL,
            loss_bbox=dict(type='L1Loss'),
        ),
        _MAX_IOU,
    ),
    retina_sep=(
        'RetinaNet',
        dict(
            type='RetinaSepBNHead',
            num_ins=5,
            norm_cfg=NORM,
            anchor_generator=_SQUARES,
            bbox_coder=_TBLR,
            loss_cls=_FOCAL,
            loss_bbox=dict(type='L1Loss'),
        ),
        _MAX_IOU,
    ),
    fcos=(
        'FCOS',
        dict(
            type='FCOSHead',
            strides=STRIDES,
            norm_cfg=NORM,
            center_sampling=True,
            norm_on_bbox=True,
            centerness_on_reg=True,
            loss_cls=_FOCAL,
            loss_bbox=dict(type='GIoULoss'),
        ),
        None,
    ),
    atss=(
        'ATSS',
        dict(
            type='ATSSHead',
            norm_cfg=NORM,
            anchor_generator=_SQUARES,
            bbox_coder=_TBLR,
            loss_cls=_FOCAL,
            loss_bbox=_GIOU,
        ),
        _ATSS,
    ),
    gfl=(
        'GFL',
        dict(
            type='GFLHead',
            norm_cfg=NORM,
            anchor_generator=_SQUARES,
            loss_cls=_QUALITY,
            loss_dfl=dict(type='DistributionFocalLoss', loss_weight=0.25),
            reg_max=16,
            loss_bbox=_GIOU,
        ),
        _ATSS,
    ),
    rtmdet=('RTMDet', _RTMDET, _SIMOTA),
    rtmdet_sep=(
        'RTMDet',
        dict(_RTMDET, type='RTMDetSepBNHead', exp_on_reg=True),
        _SIMOTA,
    ),
    tood=(
        'TOOD',
        dict(
            type='TOODHead',
            norm_cfg=NORM,
            anchor_type='anchor_free',
            anchor_generator=_SQUARES,
            bbox_coder=_TBLR,
            initial_loss_cls=dict(
                type='FocalLoss',
                use_sigmoid=True,
                activated=True,
                gamma=2.0,
                alpha=0.25,
            ),
            loss_cls=dict(
                type='QualityFocalLoss',
                use_sigmoid=True,
                activated=True,
                beta=2.0,
            ),
            loss_bbox=_GIOU,
        ),
        dict(
            initial_epoch=4,
            initial_assigner=dict(type='ATSSAssigner', topk=9),
            assigner=dict(type='TaskAlignedAssigner', topk=13),
            alpha=1,
            beta=6,
            allowed_border=-1,
            pos_weight=-1,
        ),
    ),
    vfnet=(
        'VFNet',
        dict(
            type='VFNetHead',
            norm_cfg=NORM,
            dcn_on_last_conv=False,
            use_atss=True,
            use_vfl=True,
            loss_cls=dict(
                type='VarifocalLoss',
                use_sigmoid=True,
                alpha=0.75,
                gamma=2.0,
                iou_weighted=True,
            ),
        ),
        _ATSS,
    ),
)


def tiny_resnet(base_channels):
    """ResNet-18 of a detector with few channels."""
    return dict(
        type='ResNet',
        depth=18,
        base_channels=base_channels,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        norm_cfg=dict(type='BN', requires_grad=True),
        norm_eval=True,
        style='pytorch',
    )


def detector_cfg(name, num_classes=3, channels=16, base_channels=8, **head):
    """Model config of a tiny detector; ``head`` overrides its head."""
    kind, default_head, train_cfg = DENSE[name]
    base = base_channels
    return dict(
        type=kind,
        data_preprocessor=dict(
            type='DetDataPreprocessor',
            mean=[120.0] * 3,
            std=[60.0] * 3,
            pad_size_divisor=32,
        ),
        backbone=tiny_resnet(base),
        neck=dict(
            type='FPN',
            in_channels=[base, base * 2, base * 4, base * 8],
            out_channels=channels,
            start_level=1,
            add_extra_convs='on_output',
            num_outs=5,
        ),
        bbox_head=dict(
            default_head,
            num_classes=num_classes,
            in_channels=channels,
            feat_channels=channels,
            stacked_convs=2 if name == 'tood' else 1,
            **head,
        ),
        test_cfg=dict(
            nms_pre=100,
            min_bbox_size=0,
            score_thr=0.05,
            nms=dict(type='nms', iou_threshold=0.5),
            max_per_img=100,
        ),
        train_cfg=train_cfg,
    )


def build_detector(cfg, seed=0):
    """Build a detector whose predictors are not all alike."""
    from mmdet.registry import MODELS
    from mmengine.config import ConfigDict
    from mmengine.registry import DefaultScope

    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(ConfigDict(cfg))
    for name, weight in model.named_parameters():
        if 'head' in name and weight.dim() == 4:
            torch.nn.init.normal_(weight, std=0.1)
        elif name == 'level_embed':  # left as the memory was
            torch.nn.init.normal_(weight)
    return model


def detection_batch(
    model,
    boxes_per_image,
    num_classes=3,
    sizes=None,
    ignored=0.0,
    with_mask=False,
    seed=0,
):
    """Preprocessed images and data samples.

    Args:
        model (nn.Module): Its data preprocessor is used.
        boxes_per_image (list[int]): Objects of each image.
        num_classes (int): Labels are drawn below this.
        sizes (list[tuple]): (H, W) of each image, 128 x 128 if not given.
        ignored (float): Share of each image's width under an ignored box
            (a crowd).
        with_mask (bool): Give the objects rectangular masks.
    """
    from mmdet.structures import DetDataSample
    from mmengine.structures import InstanceData

    rng = torch.Generator().manual_seed(seed)
    sizes = sizes or [(128, 128)] * len(boxes_per_image)
    inputs, samples = [], []
    for count, (height, width) in zip(boxes_per_image, sizes):
        inputs.append(
            torch.randint(0, 255, (3, height, width), generator=rng).to(
                torch.uint8
            )
        )
        sample = DetDataSample(
            metainfo=dict(
                img_shape=(height, width),
                ori_shape=(height, width),
                scale_factor=(1.0, 1.0),
                flip=False,
            )
        )
        sample.gt_instances = InstanceData(
            bboxes=random_boxes(count, height, width, rng),
            labels=torch.randint(num_classes, (count,), generator=rng),
        )
        if with_mask:
            sample.gt_instances.masks = box_masks(
                sample.gt_instances.bboxes, height, width
            )
        sample.ignored_instances = InstanceData(
            bboxes=torch.tensor([[0.0, 0.0, ignored * width, height]])[
                : int(ignored > 0)
            ],
            labels=torch.zeros(int(ignored > 0), dtype=torch.long),
        )
        samples.append(sample)
    data = model.data_preprocessor(
        dict(inputs=inputs, data_samples=samples), training=True
    )
    return data['inputs'], data['data_samples']


def random_boxes(count, height, width, rng):
    """Boxes (count, 4) of at least 16 x 16 pixels."""
    size = torch.tensor([width, height], dtype=torch.float)
    extent = 16 + torch.rand(count, 2, generator=rng) * (size / 2 - 16)
    corner = torch.rand(count, 2, generator=rng) * (size - extent)
    return torch.cat([corner, corner + extent], dim=1)


def box_masks(boxes, height, width):
    """Masks whose left half is empty."""
    import numpy as np
    from mmdet.structures.mask import BitmapMasks

    masks = np.zeros((len(boxes), height, width), dtype=np.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.int().tolist()):
        mask[y1:y2, (x1 + x2) // 2 : x2] = 1
    return BitmapMasks(masks, height, width)


#: name -> arguments of detection_batch
BATCHES = dict(
    boxes=dict(boxes_per_image=[3]),
    four_sizes=dict(
        boxes_per_image=[3, 0, 1, 2],
        sizes=[(96, 128), (128, 64), (64, 64), (128, 128)],
    ),
    no_boxes=dict(boxes_per_image=[0, 0]),
    all_ignored=dict(boxes_per_image=[0, 0], ignored=1.0),
    crowd=dict(boxes_per_image=[2, 1], ignored=0.4),
)


class Pass(TeacherPass):
    """A teacher's pass over preprocessed images."""

    def __init__(self, model, inputs, class_map=None, data_samples=None):
        model.eval()  # returns nothing in some detectors
        super().__init__(model, lambda: inputs, data_samples, class_map)


@lru_cache(maxsize=None)
def detector(name, num_classes=3, seed=0, **kwargs):
    return build_detector(detector_cfg(name, num_classes, **kwargs), seed)


def read_all(
    reader, student, teacher, inputs, samples, epoch=0, class_map=None
):
    """Losses of the student and the reader's pairs."""
    from mmengine.logging import MessageHub

    MessageHub.get_current_instance().update_info('epoch', epoch)
    MessageHub.get_current_instance().update_info('iter', 0)  # for BoxInst
    notes = {}
    student.train()
    with ExitStack() as stack:
        reader.watch(student, notes, stack)
        losses = student(inputs, samples, mode='loss')
    look = Pass(teacher, inputs, class_map, samples)
    return losses, reader.pairs(notes, look)


def read(*args, **kwargs):
    """:func:`read_all` for heads with one classifier."""
    losses, pairs = read_all(*args, **kwargs)
    assert list(pairs) == ['']
    return losses, pairs['']


def total(loss):
    return sum(loss) if isinstance(loss, (list, tuple)) else loss
