# Student: GFL, ResNet-18 of half width, FPN of 64 channels, three levels.
_base_ = './_base_/digits_coco.py'
norm = dict(type='GN', num_groups=16, requires_grad=True)
anchors = dict(
    type='AnchorGenerator', ratios=[1.0], scales=[4], strides=[8, 16, 32])
model = dict(
    type='GFL',
    data_preprocessor=dict(
        type='DetDataPreprocessor', mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375], bgr_to_rgb=True, pad_size_divisor=32),
    backbone=dict(type='ResNet', depth=18, base_channels=32, norm_eval=False),
    neck=dict(
        type='FPN', in_channels=[32, 64, 128, 256], out_channels=64,
        start_level=1, num_outs=3),
    bbox_head=dict(
        type='GFLHead', num_classes=10, in_channels=64, feat_channels=64,
        stacked_convs=2, norm_cfg=norm, anchor_generator=anchors,
        loss_cls=dict(type='QualityFocalLoss', use_sigmoid=True),
        loss_bbox=dict(type='GIoULoss', loss_weight=2.0)),
    train_cfg=dict(
        assigner=dict(type='ATSSAssigner', topk=9), pos_weight=-1,
        allowed_border=-1),
    test_cfg=dict(
        nms_pre=300, score_thr=0.05, max_per_img=100,
        nms=dict(type='nms', iou_threshold=0.6)))
