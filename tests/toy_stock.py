"""Stock detectors of MMDetection made small: real settings, tiny layers."""

from functools import lru_cache

from tests.toy_detectors import build_detector

#: Name -> stock config whose head a test reads.
STOCK = dict(
    boxinst='boxinst/boxinst_r50_fpn_ms-90k_coco.py',
    centernet='centernet/centernet_r18_8xb16-crop512-140e_coco.py',
    centernet_update='centernet/centernet-update_r50-caffe_fpn_ms-1x_coco.py',
    condinst='condinst/condinst_r50_fpn_ms-poly-90k_coco_instance.py',
    ddod='ddod/ddod_r50_fpn_1x_coco.py',
    fovea='foveabox/fovea_r50_fpn_4xb4-1x_coco.py',
    fovea_align='foveabox/fovea_r50_fpn_gn-head-align_4xb4-2x_coco.py',
    fsaf='fsaf/fsaf_r50_fpn_1x_coco.py',
    ga_retina='guided_anchoring/ga-retinanet_r50_fpn_1x_coco.py',
    lad='lad/lad_r50-paa-r101_fpn_2xb8_coco_1x.py',
    ld='ld/ld_r18-gflv1-r101_fpn_1x_coco.py',
    nas_fcos='nas_fcos/nas-fcos_r50-caffe_fpn_nashead-gn-head_4xb4-1x_coco.py',
    paa='paa/paa_r50_fpn_1x_coco.py',
    pisa_retina='pisa/retinanet-r50_fpn_pisa_1x_coco.py',
    pisa_ssd='pisa/ssd300_pisa_coco.py',
    reppoints='reppoints/reppoints-moment_r50_fpn_1x_coco.py',
    rtmdet_ins='rtmdet/rtmdet-ins_tiny_8xb32-300e_coco.py',
    sabl='sabl/sabl-retinanet_r50_fpn_1x_coco.py',
    solov2='solov2/solov2_r50_fpn_1x_coco.py',
    ssd='ssd/ssd300_coco.py',
    yolact='yolact/yolact_r50_1xb8-55e_coco.py',
    yolof='yolof/yolof_r50-c5_8xb8-1x_coco.py',
)
#: Name -> stock two-stage detector.
RCNN = dict(
    double='double_heads/dh-faster-rcnn_r50_fpn_1x_coco.py',
    dynamic='dynamic_rcnn/dynamic-rcnn_r50_fpn_1x_coco.py',
    grid='grid_rcnn/grid-rcnn_r50_fpn_gn-head_2x_coco.py',
    htc='htc/htc-without-semantic_r50_fpn_1x_coco.py',
    libra='libra_rcnn/libra-faster-rcnn_r50_fpn_1x_coco.py',
    mask_scoring='ms_rcnn/ms-rcnn_r50_fpn_1x_coco.py',
    pisa='pisa/faster-rcnn_r50_fpn_pisa_1x_coco.py',
    point_rend='point_rend/point-rend_r50-caffe_fpn_ms-1x_coco.py',
)
#: Those that need masks of the objects.
WITH_MASKS = (
    'htc',
    'mask_scoring',
    'point_rend',
    'boxinst',
    'condinst',
    'rtmdet_ins',
    'solov2',
    'yolact',
)
CHANNELS = 32
_BACKBONE = dict(
    type='ResNet',
    depth=18,
    base_channels=8,
    norm_cfg=dict(type='BN', requires_grad=True),
    norm_eval=True,
)
_FPN_INPUT = [8, 16, 32, 64]
_HEADS = ('bbox_head', 'teacher_bbox_head', 'mask_head')


def stock_cfg(name, num_classes=3):
    """Model config of a small version of a stock detector."""
    from mmengine.hub import get_config

    cfg = get_config(f'mmdet::{ {**STOCK, **RCNN}[name] }').model
    cfg = shrink(cfg, num_classes, name in WITH_MASKS)
    _SPECIAL.get(name, lambda cfg: None)(cfg)
    return cfg


def shrink(cfg, num_classes, pad_mask=False):
    """A stock detector's config with few channels, layers and classes."""
    for part in ('backbone', 'teacher_backbone'):
        if part in cfg:
            cfg[part] = dict(_BACKBONE)
    for part in ('neck', 'teacher_neck'):
        if getattr(cfg.get(part), 'type', None) in ('FPN', 'NASFCOS_FPN'):
            cfg[part].update(
                in_channels=_FPN_INPUT, out_channels=CHANNELS, init_cfg=None
            )
    for part in _HEADS:
        if part in cfg:
            _shrink_head(cfg[part], num_classes)
    for part in ('rpn_head', 'roi_head'):
        if part in cfg:
            _shrink_roi_head(cfg[part], num_classes)
    cfg.data_preprocessor = dict(
        type='DetDataPreprocessor',
        mean=[120.0] * 3,
        std=[60.0] * 3,
        pad_size_divisor=32,
        pad_mask=pad_mask,
    )
    return cfg


def _shrink_head(head, num_classes):
    if 'num_classes' in head or head.type == 'LADHead':
        head.num_classes = num_classes
    for key in ('in_channels', 'feat_channels', 'point_feat_channels'):
        if isinstance(head.get(key), int) and head.get(key) > CHANNELS:
            head[key] = CHANNELS
    if head.get('stacked_convs', 1) > 1:
        head.stacked_convs = 1
    for part in (head, head.get('mask_feature_head') or {}):
        norm = part.get('norm_cfg') or {}
        if norm.get('type') == 'SyncBN':
            norm.type = 'BN'
    if 'mask_feature_head' in head:
        feature = head.mask_feature_head
        feature.feat_channels = CHANNELS
        if 'in_channels' in feature:
            feature.in_channels = CHANNELS
        if head.type == 'SOLOV2Head':
            feature.out_channels = CHANNELS


def _shrink_roi_head(node, num_classes):
    """Fewer channels and classes in a nested config."""
    for key, value in node.items():
        if key == 'num_classes':
            node[key] = num_classes
        elif key.endswith('channels') and isinstance(value, int):
            node[key] = min(value, CHANNELS)
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict):
                _shrink_roi_head(part, num_classes)


def _grid(cfg):
    cfg.roi_head.grid_head.point_feat_channels = 4


def _libra(cfg):
    cfg.neck[0].update(in_channels=_FPN_INPUT, out_channels=CHANNELS)
    cfg.neck[1].in_channels = CHANNELS


def _centernet(cfg):
    cfg.neck.update(
        in_channels=64, num_deconv_filters=(32, CHANNELS, CHANNELS)
    )


def _ld(cfg):
    from tests.toy_detectors import detector_cfg

    cfg.teacher_config = dict(model=detector_cfg('gfl'))
    cfg.teacher_ckpt = None


def _lad(cfg):
    cfg.teacher_ckpt = None


def _ddod(cfg):
    cfg.bbox_head.use_dcn = False  # the coarsest map is smaller than a kernel


def _rtmdet_ins(cfg):
    from tests.toy_detectors import detector_cfg

    small = detector_cfg('rtmdet')
    cfg.neck = dict(small['neck'], num_outs=3, out_channels=CHANNELS)


def _ssd(cfg):
    del cfg['neck']
    cfg.backbone.out_indices = (1, 2, 3)
    cfg.bbox_head.in_channels = (16, 32, 64)
    cfg.bbox_head.anchor_generator.update(
        strides=[8, 16, 32], ratios=[[2], [2, 3], [2]]
    )


def _yolof(cfg):
    cfg.backbone.out_indices = (3,)
    cfg.neck.update(
        in_channels=64,
        out_channels=CHANNELS,
        block_mid_channels=8,
        num_residual_blocks=1,
        block_dilations=[2],
    )


def _nas_fcos(cfg):
    cfg.neck.conv_cfg = None


def _yolact(cfg):
    cfg.mask_head.num_protos = cfg.bbox_head.num_protos


_SPECIAL = dict(
    centernet=_centernet,
    ddod=_ddod,
    grid=_grid,
    lad=_lad,
    ld=_ld,
    libra=_libra,
    nas_fcos=_nas_fcos,
    pisa_ssd=_ssd,
    rtmdet_ins=_rtmdet_ins,
    ssd=_ssd,
    yolact=_yolact,
    yolof=_yolof,
)


@lru_cache(maxsize=None)
def stock_detector(name, num_classes=3, seed=0):
    """A small stock detector, shared by the tests of a module."""
    return build_detector(stock_cfg(name, num_classes), seed)
