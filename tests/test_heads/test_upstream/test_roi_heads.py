"""RoI heads: which are known, and the features that they add."""

import pytest
import torch

pytest.importorskip('mmdet')

from mmkd_logit.heads.find import find_reader
from mmkd_logit.heads.upstream.roi_heads import roi_context, roi_logits
from tests.toy_detectors import build_detector, detection_batch
from tests.toy_rcnn import rcnn_cfg
from tests.toy_stock import stock_cfg


def test_semantic_features_of_htc_reach_the_rows():
    cfg = stock_cfg('htc')
    channels = cfg.roi_head.bbox_roi_extractor.out_channels
    cfg.roi_head.update(
        semantic_roi_extractor=dict(
            type='SingleRoIExtractor',
            roi_layer=dict(type='RoIAlign', output_size=14, sampling_ratio=0),
            out_channels=channels,
            featmap_strides=[8],
        ),
        semantic_head=dict(
            type='FusedSemanticHead',
            num_ins=5,
            fusion_level=1,
            num_convs=1,
            in_channels=channels,
            conv_out_channels=channels,
            num_classes=4,
            loss_seg=dict(type='CrossEntropyLoss', ignore_index=255),
        ),
    )
    model = build_detector(cfg, seed=1).eval()
    inputs, _ = detection_batch(model, [1], with_mask=True)
    rois = torch.tensor([[0.0, 8.0, 8.0, 72.0, 72.0]])

    @torch.no_grad()
    def logits():
        feats = model.extract_feat(inputs)
        context = roi_context(model.roi_head, feats)
        return roi_logits(model.roi_head, 0, feats, rois, context)

    before = logits()
    assert torch.equal(before, logits())
    for weight in model.roi_head.semantic_head.parameters():
        weight.data.zero_()
    assert not torch.equal(before, logits())


def test_heads_that_pool_in_another_way_are_refused():
    model = build_detector(rcnn_cfg('faster'))
    own = dict(_bbox_forward=lambda self, x, rois: None)
    parent = type(model.roi_head)
    model.roi_head.__class__ = type('MyRoIHead', (parent,), own)
    with pytest.raises(ValueError, match='MyRoIHead pools.*StandardRoIHead'):
        find_reader(model).facts(model)
