"""Tiny detection transformers of MMDetection."""

from functools import lru_cache

import torch

from tests.toy_detectors import build_detector, detector_cfg

#: name -> (detector type, head type, how it is built)
DETRS = dict(
    detr=('DETR', 'DETRHead', 'single'),
    conditional=('ConditionalDETR', 'ConditionalDETRHead', 'single'),
    dab=('DABDETR', 'DABDETRHead', 'single'),
    deformable=('DeformableDETR', 'DeformableDETRHead', 'levels'),
    deformable_two=('DeformableDETR', 'DeformableDETRHead', 'levels'),
    dino=('DINO', 'DINOHead', 'levels'),
    ddq=('DDQDETR', 'DDQDETRHead', 'levels'),
)
_FOCAL = dict(
    type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0
)
_DENOISING = dict(
    label_noise_scale=0.5,
    box_noise_scale=1.0,
    group_cfg=dict(dynamic=True, num_groups=None, num_dn_queries=10),
)


def detr_cfg(
    name, num_classes=3, num_queries=12, layers=2, base_channels=8, levels=2
):
    """Model config, without dropout."""
    kind, head, shape = DETRS[name]
    # some encode positions in 256 channels, whatever the width
    wide = name in ('conditional', 'deformable_two', 'dino')
    width = 256 if wide else 32
    attention = dict(embed_dims=width, num_heads=2, dropout=0.0)
    ffn = dict(embed_dims=width, feedforward_channels=32, ffn_drop=0.0)
    cfg = detector_cfg('fcos', num_classes, width, base_channels)
    cfg.update(
        type=kind,
        num_queries=num_queries,
        neck=dict(
            type='ChannelMapper',
            in_channels=[base_channels * 8],
            kernel_size=1,
            out_channels=width,
            act_cfg=None,
            norm_cfg=None,
            num_outs=1,
        ),
        positional_encoding=dict(num_feats=width // 2, normalize=True),
        bbox_head=dict(
            type=head,
            num_classes=num_classes,
            embed_dims=width,
            loss_cls=_FOCAL,
            loss_bbox=dict(type='L1Loss', loss_weight=5.0),
            loss_iou=dict(type='GIoULoss', loss_weight=2.0),
        ),
        train_cfg=dict(
            assigner=dict(
                type='HungarianAssigner',
                match_costs=[
                    dict(type='FocalLossCost', weight=2.0),
                    dict(type='BBoxL1Cost', weight=5.0, box_format='xywh'),
                    dict(type='IoUCost', iou_mode='giou', weight=2.0),
                ],
            )
        ),
        test_cfg=dict(max_per_img=10),
    )
    if shape == 'single':
        cfg['backbone'].update(out_indices=(3,))
        _single_level(cfg, name, attention, ffn, layers)
    else:
        cfg['backbone'].update(out_indices=(2, 3))
        cfg['neck'].update(
            in_channels=[base_channels * 4, base_channels * 8],
            norm_cfg=dict(type='GN', num_groups=4),
            num_outs=levels,
        )
        _several_levels(cfg, name, attention, ffn, layers, levels)
    return cfg


def _single_level(cfg, name, attention, ffn, layers):
    attention['batch_first'] = True
    of_decoder = attention
    if name != 'detr':
        of_decoder = dict(embed_dims=attention['embed_dims'], num_heads=2)
    else:
        cfg['bbox_head']['loss_cls'] = dict(
            type='CrossEntropyLoss',
            bg_cls_weight=0.1,
            use_sigmoid=False,
            loss_weight=1.0,
            class_weight=1.0,
        )
        costs = cfg['train_cfg']['assigner']['match_costs']
        costs[0] = dict(type='ClassificationCost', weight=1.0)
    self_attention, cross_attention = dict(of_decoder), dict(of_decoder)
    if name != 'detr':
        self_attention['cross_attn'] = False
        cross_attention['cross_attn'] = True
    ffn = dict(ffn, num_fcs=2)
    if name == 'dab':
        ffn['act_cfg'] = dict(type='PReLU')
        cfg.update(with_random_refpoints=False, num_patterns=0)
    cfg.update(
        encoder=dict(
            num_layers=1, layer_cfg=dict(self_attn_cfg=attention, ffn_cfg=ffn)
        ),
        decoder=dict(
            num_layers=layers,
            return_intermediate=True,
            layer_cfg=dict(
                self_attn_cfg=self_attention,
                cross_attn_cfg=cross_attention,
                ffn_cfg=ffn,
            ),
        ),
    )
    if name == 'dab':
        cfg['decoder'].update(
            query_dim=4,
            query_scale_type='cond_elewise',
            with_modulated_hw_attn=True,
        )


def _several_levels(cfg, name, attention, ffn, layers, levels):
    deformable = dict(
        embed_dims=attention['embed_dims'],
        num_heads=2,
        num_levels=levels,
        num_points=2,
        dropout=0.0,
    )
    two_stage = name != 'deformable'
    cfg.update(
        num_feature_levels=levels,
        as_two_stage=two_stage,
        with_box_refine=two_stage,
        encoder=dict(
            num_layers=1, layer_cfg=dict(self_attn_cfg=deformable, ffn_cfg=ffn)
        ),
        decoder=dict(
            num_layers=layers,
            return_intermediate=True,
            layer_cfg=dict(
                self_attn_cfg=dict(attention, batch_first=True),
                cross_attn_cfg=deformable,
                ffn_cfg=ffn,
            ),
            post_norm_cfg=None,
        ),
    )
    if name in ('dino', 'ddq'):
        cfg['dn_cfg'] = _DENOISING
    if name == 'ddq':
        cfg.update(
            dense_topk_ratio=1.5, dqs_cfg=dict(type='nms', iou_threshold=0.02)
        )


def build_detr(cfg, seed=0):
    """Build one whose classes and boxes are not all alike."""
    model = build_detector(cfg, seed)
    torch.manual_seed(seed + 100)
    for weight in model.bbox_head.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return model


@lru_cache(maxsize=None)
def detr(name, seed=0, **kwargs):
    return build_detr(detr_cfg(name, **kwargs), seed)
