"""Tiny two-stage detectors of MMDetection."""

from mmengine.config import ConfigDict

from tests.toy_detectors import tiny_resnet

_ANCHORS = dict(
    type='AnchorGenerator',
    scales=[4],
    ratios=[0.5, 1.0, 2.0],
    strides=[4, 8, 16, 32, 64],
)
_CODER = dict(
    type='DeltaXYWHBBoxCoder',
    target_means=[0.0, 0.0, 0.0, 0.0],
    target_stds=[1.0, 1.0, 1.0, 1.0],
)
_RPN_TRAIN = dict(
    assigner=dict(
        type='MaxIoUAssigner',
        pos_iou_thr=0.7,
        neg_iou_thr=0.3,
        min_pos_iou=0.3,
        ignore_iof_thr=-1,
    ),
    sampler=dict(
        type='RandomSampler',
        num=64,
        pos_fraction=0.5,
        neg_pos_ub=-1,
        add_gt_as_proposals=False,
    ),
    allowed_border=-1,
    pos_weight=-1,
)


def rcnn_train(iou: float = 0.5) -> dict:
    """``train_cfg`` of one RoI stage with 32 RoIs per image."""
    return dict(
        assigner=dict(
            type='MaxIoUAssigner',
            pos_iou_thr=iou,
            neg_iou_thr=iou,
            min_pos_iou=iou,
            ignore_iof_thr=-1,
        ),
        sampler=dict(
            type='RandomSampler',
            num=32,
            pos_fraction=0.25,
            neg_pos_ub=-1,
            add_gt_as_proposals=True,
        ),
        mask_size=14,
        pos_weight=-1,
    )


def _box_head(num_classes: int, channels: int, use_sigmoid: bool) -> dict:
    return dict(
        type='Shared2FCBBoxHead',
        in_channels=channels,
        fc_out_channels=32,
        roi_feat_size=7,
        num_classes=num_classes,
        bbox_coder=_CODER,
        reg_class_agnostic=True,
        loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=use_sigmoid),
        loss_bbox=dict(type='L1Loss'),
    )


def _extractor(channels: int, size: int) -> dict:
    return dict(
        type='SingleRoIExtractor',
        roi_layer=dict(type='RoIAlign', output_size=size, sampling_ratio=0),
        out_channels=channels,
        featmap_strides=[4, 8, 16, 32],
    )


def rcnn_cfg(
    kind: str = 'faster',
    num_classes: int = 3,
    channels: int = 16,
    base_channels: int = 8,
    stages: int = 3,
    use_sigmoid: bool = False,
    **preprocessor,
) -> ConfigDict:
    """Model config.

    ``kind`` is 'faster', 'mask', 'cascade' or 'cascade_mask'.
    """
    cascade, mask = 'cascade' in kind, 'mask' in kind
    base = base_channels
    head = _box_head(num_classes, channels, use_sigmoid)
    roi_head = dict(
        type='StandardRoIHead',
        bbox_roi_extractor=_extractor(channels, 7),
        bbox_head=head,
    )
    rcnn = rcnn_train()
    if mask:
        roi_head.update(
            mask_roi_extractor=_extractor(channels, 7),
            mask_head=dict(
                type='FCNMaskHead',
                num_convs=1,
                in_channels=channels,
                conv_out_channels=channels,
                num_classes=num_classes,
                loss_mask=dict(type='CrossEntropyLoss', use_mask=True),
            ),
        )
    if cascade:
        roi_head.update(
            type='CascadeRoIHead',
            num_stages=stages,
            stage_loss_weights=[1, 0.5, 0.25][:stages],
            bbox_head=[dict(head) for _ in range(stages)],
        )
        rcnn = [rcnn_train(0.5 + 0.1 * i) for i in range(stages)]
    return ConfigDict(
        type='CascadeRCNN'
        if cascade
        else ('MaskRCNN' if mask else 'FasterRCNN'),
        data_preprocessor=dict(
            dict(
                type='DetDataPreprocessor',
                mean=[120.0] * 3,
                std=[60.0] * 3,
                pad_mask=mask,
                pad_size_divisor=32,
            ),
            **preprocessor,
        ),
        backbone=tiny_resnet(base),
        neck=dict(
            type='FPN',
            in_channels=[base, base * 2, base * 4, base * 8],
            out_channels=channels,
            num_outs=5,
        ),
        rpn_head=dict(
            type='RPNHead',
            in_channels=channels,
            feat_channels=channels,
            anchor_generator=_ANCHORS,
            bbox_coder=_CODER,
            loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=True),
            loss_bbox=dict(type='L1Loss'),
        ),
        roi_head=roi_head,
        train_cfg=dict(
            rpn=_RPN_TRAIN,
            rpn_proposal=dict(
                nms_pre=100,
                max_per_img=50,
                nms=dict(type='nms', iou_threshold=0.7),
                min_bbox_size=0,
            ),
            rcnn=rcnn,
        ),
        test_cfg=dict(
            rpn=dict(
                nms_pre=100,
                max_per_img=50,
                nms=dict(type='nms', iou_threshold=0.7),
                min_bbox_size=0,
            ),
            rcnn=dict(
                score_thr=0.05,
                nms=dict(type='nms', iou_threshold=0.5),
                max_per_img=20,
                mask_thr_binary=0.5,
            ),
        ),
    )
