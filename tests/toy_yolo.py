"""Tiny YOLO detectors of MMDetection."""

from functools import lru_cache

from tests.toy_detectors import build_detector, detector_cfg

_SUM = dict(type='CrossEntropyLoss', use_sigmoid=True, reduction='sum')

#: name -> (detector type, head, train_cfg); three levels, strides 8 to 32
YOLO = dict(
    yolox=(
        'YOLOX',
        lambda classes, channels: dict(
            type='YOLOXHead',
            num_classes=classes,
            in_channels=channels,
            feat_channels=channels,
            stacked_convs=1,
            strides=(8, 16, 32),
            norm_cfg=dict(type='GN', num_groups=4),
        ),
        dict(assigner=dict(type='SimOTAAssigner', center_radius=2.5)),
    ),
    yolov3=(
        'YOLOV3',
        lambda classes, channels: dict(
            type='YOLOV3Head',
            num_classes=classes,
            in_channels=[channels] * 3,
            out_channels=[channels] * 3,
            anchor_generator=dict(
                type='YOLOAnchorGenerator',
                base_sizes=[
                    [(10, 13), (16, 30), (33, 23)],
                    [(30, 61), (62, 45), (59, 119)],
                    [(116, 90), (56, 98), (73, 126)],
                ],
                strides=[8, 16, 32],
            ),
            bbox_coder=dict(type='YOLOBBoxCoder'),
            featmap_strides=[8, 16, 32],
            norm_cfg=dict(type='GN', num_groups=4),
            loss_cls=_SUM,
            loss_conf=_SUM,
            loss_xy=_SUM,
            loss_wh=dict(type='MSELoss', reduction='sum'),
        ),
        dict(
            assigner=dict(
                type='GridAssigner',
                pos_iou_thr=0.5,
                neg_iou_thr=0.3,
                min_pos_iou=0,
            )
        ),
    ),
)


def yolo_cfg(name, num_classes=3, channels=16, base_channels=8, **head):
    """Model config; ``head`` overrides its head."""
    kind, default_head, train_cfg = YOLO[name]
    cfg = detector_cfg('fcos', num_classes, channels, base_channels)
    cfg.update(
        type=kind,
        bbox_head=dict(default_head(num_classes, channels), **head),
        train_cfg=train_cfg,
        test_cfg=dict(
            nms_pre=100,
            score_thr=0.01,
            nms=dict(type='nms', iou_threshold=0.5),
            max_per_img=100,
        ),
    )
    cfg['neck'].update(num_outs=3, add_extra_convs=False)
    return cfg


@lru_cache(maxsize=None)
def yolo(name, num_classes=3, seed=0, **kwargs):
    return build_detector(yolo_cfg(name, num_classes, **kwargs), seed)
