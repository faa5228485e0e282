"""Tiny detectors of MMDetection with learned proposals: stock settings."""

from functools import lru_cache

import torch

from tests.toy_detectors import build_detector
from tests.toy_stock import CHANNELS, shrink

#: Name -> stock config.
SPARSE = dict(
    sparse='sparse_rcnn/sparse-rcnn_r50_fpn_1x_coco.py',
    queryinst='queryinst/queryinst_r50_fpn_1x_coco.py',
)
#: Of the stages, first stage first.
STAGE_WEIGHTS = (1.0, 0.5, 0.25)


def sparse_cfg(
    name='sparse', num_classes=3, proposals=12, stages=2, softmax=False
):
    """Model config of a small version."""
    from mmengine.hub import get_config

    cfg = shrink(
        get_config(f'mmdet::{SPARSE[name]}').model,
        num_classes,
        pad_mask=name == 'queryinst',
    )
    roi_head = cfg.roi_head
    cfg.rpn_head.num_proposals = proposals
    for part in (cfg.rpn_head, roi_head):
        part.proposal_feature_channel = CHANNELS
    roi_head.num_stages = stages
    roi_head.stage_loss_weights = list(STAGE_WEIGHTS[:stages])
    for part in ('bbox_head', 'mask_head'):
        if part in roi_head:
            roi_head[part] = roi_head[part][:stages]
    cfg.train_cfg.rcnn = cfg.train_cfg.rcnn[:stages]
    if softmax:
        for head in roi_head.bbox_head:
            head.loss_cls = dict(type='CrossEntropyLoss', use_sigmoid=False)
        for rcnn in cfg.train_cfg.rcnn:
            rcnn.assigner.match_costs[0] = dict(
                type='ClassificationCost', weight=1.0
            )
    return cfg


def build_sparse(cfg, seed=0):
    """Build one whose proposals and classes are not all alike."""
    model = build_detector(cfg, seed)
    torch.manual_seed(seed + 100)
    boxes = model.rpn_head.init_proposal_bboxes.weight
    with torch.no_grad():
        boxes[:, :2].uniform_(0.2, 0.8)
        boxes[:, 2:].uniform_(0.2, 0.5)
    for head in model.roi_head.bbox_head:
        torch.nn.init.normal_(head.fc_cls.weight, std=0.3)
    return model


@lru_cache(maxsize=None)
def sparse(name='sparse', seed=0, **kwargs):
    return build_sparse(sparse_cfg(name, **kwargs), seed)
