"""Tiny MaskFormer and Mask2Former of MMSegmentation and MMDetection."""

from contextlib import ExitStack

import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseModule
from mmengine.registry import DefaultScope
from torch import nn

from mmkd_logit.registry import MODELS
from mmkd_logit.structures.teacher_pass import TeacherPass

DIM = 16


@MODELS.register_module(force=True)
class ToyPyramid(BaseModule):
    """Four maps, at strides 4 to 32."""

    def __init__(self, channels=8, init_cfg=None):
        super().__init__(init_cfg)
        self.stem = nn.Conv2d(3, channels, 3, 4, 1)
        self.layers = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, 2, 1) for _ in range(3)
        )

    def forward(self, x):
        maps = [self.stem(x).tanh()]
        for layer in self.layers:
            maps.append(layer(maps[-1]).tanh())
        return tuple(maps)


def _losses(scope, classes):
    return dict(
        loss_cls=dict(
            type=f'{scope}CrossEntropyLoss',
            use_sigmoid=False,
            loss_weight=2.0,
            class_weight=[1.0] * classes + [0.1],
        ),
        loss_mask=dict(
            type=f'{scope}CrossEntropyLoss', use_sigmoid=True, loss_weight=5.0
        ),
        loss_dice=dict(
            type=f'{scope}DiceLoss',
            use_sigmoid=True,
            activate=True,
            naive_dice=True,
            eps=1.0,
            loss_weight=5.0,
        ),
    )


def _train_cfg(scope, points):
    mask = dict(weight=5.0, use_sigmoid=True)
    if not points:
        mask = dict(weight=20.0, binary_input=True)
    kind = 'CrossEntropyLossCost' if points else 'FocalLossCost'
    return dict(
        num_points=32,
        oversample_ratio=3.0,
        importance_sample_ratio=0.75,
        assigner=dict(
            type=f'{scope}HungarianAssigner',
            match_costs=[
                dict(type=f'{scope}ClassificationCost', weight=2.0),
                dict(type=f'{scope}{kind}', **mask),
                dict(
                    type=f'{scope}DiceCost', weight=5.0, pred_act=True, eps=1.0
                ),
            ],
        ),
        sampler=dict(type=f'{scope}MaskPseudoSampler'),
    )


def _attention():
    return dict(embed_dims=DIM, num_heads=2, batch_first=True)


def _ffn():
    return dict(
        embed_dims=DIM,
        feedforward_channels=DIM,
        num_fcs=2,
        act_cfg=dict(type='ReLU', inplace=True),
    )


def _decoder(layers):
    return dict(
        return_intermediate=True,
        num_layers=layers,
        layer_cfg=dict(
            self_attn_cfg=_attention(),
            cross_attn_cfg=_attention(),
            ffn_cfg=_ffn(),
        ),
        init_cfg=None,
    )


def _mask2former_head(scope, channels, queries):
    return dict(
        type='Mask2FormerHead',
        in_channels=[channels] * 4,
        strides=[4, 8, 16, 32],
        feat_channels=DIM,
        out_channels=DIM,
        num_queries=queries,
        num_transformer_feat_level=3,
        pixel_decoder=dict(
            type=f'{scope}MSDeformAttnPixelDecoder',
            num_outs=3,
            norm_cfg=dict(type='GN', num_groups=4),
            act_cfg=dict(type='ReLU'),
            encoder=dict(
                num_layers=1,
                layer_cfg=dict(
                    self_attn_cfg=dict(
                        embed_dims=DIM,
                        num_heads=2,
                        num_levels=3,
                        num_points=2,
                        batch_first=True,
                    ),
                    ffn_cfg=_ffn(),
                ),
            ),
            positional_encoding=dict(num_feats=DIM // 2, normalize=True),
        ),
        positional_encoding=dict(num_feats=DIM // 2, normalize=True),
        transformer_decoder=_decoder(2),
    )


def _maskformer_head(scope, channels, queries):
    return dict(
        type='MaskFormerHead',
        in_channels=[channels] * 4,
        in_index=[0, 1, 2, 3],
        feat_channels=DIM,
        out_channels=DIM,
        num_queries=queries,
        pixel_decoder=dict(
            type=f'{scope}PixelDecoder',
            norm_cfg=dict(type='GN', num_groups=4),
            act_cfg=dict(type='ReLU'),
        ),
        enforce_decoder_input_project=True,
        positional_encoding=dict(num_feats=DIM // 2, normalize=True),
        transformer_decoder=_decoder(2),
    )


def _head(kind, scope, classes, channels, queries):
    make = _mask2former_head if kind == 'Mask2Former' else _maskformer_head
    return dict(make(scope, channels, queries), **_losses(scope, classes))


def mask_segmentor_cfg(kind='Mask2Former', classes=4, channels=8, queries=6):
    """A segmentor of MMSegmentation."""
    head = _head(kind, 'mmdet.', classes, channels, queries)
    head['num_classes'] = classes
    head['train_cfg'] = _train_cfg('mmdet.', kind == 'Mask2Former')
    return dict(
        type='mmseg.EncoderDecoder',
        backbone=dict(type='mmkd_logit.ToyPyramid', channels=channels),
        decode_head=head,
        train_cfg=dict(),
        test_cfg=dict(mode='whole'),
    )


def mask_detector_cfg(
    kind='Mask2Former', things=2, stuff=2, channels=8, queries=6
):
    """A panoptic model of MMDetection; ``stuff=0`` for an instance model."""
    head = _head(kind, '', things + stuff, channels, queries)
    head.pop('in_index', None)
    counts = dict(num_things_classes=things, num_stuff_classes=stuff)
    return dict(
        type=f'mmdet.{kind}',
        backbone=dict(type='mmkd_logit.ToyPyramid', channels=channels),
        panoptic_head=dict(head, **counts),
        panoptic_fusion_head=dict(type='MaskFormerFusionHead', **counts),
        train_cfg=_train_cfg('', kind == 'Mask2Former'),
        test_cfg=dict(),
    )


def san_cfg(classes=4, queries=6):
    """A SAN of MMSegmentation with a text encoder, all of it tiny."""
    losses = [
        dict(
            type='CrossEntropyLoss',
            loss_name='loss_cls_ce',
            class_weight=[1.0] * classes + [0.1],
        ),
        dict(
            type='CrossEntropyLoss', use_sigmoid=True, loss_name='loss_mask_ce'
        ),
        dict(
            type='DiceLoss',
            ignore_index=None,
            naive_dice=True,
            eps=1,
            loss_name='loss_mask_dice',
        ),
    ]
    train_cfg = _train_cfg('', True)
    train_cfg.pop('sampler')
    for part in (train_cfg['assigner'], *train_cfg['assigner']['match_costs']):
        part['type'] = f'mmseg.{part["type"]}'
    return dict(
        type='mmseg.MultimodalEncoderDecoder',
        asymetric_input=True,
        encoder_resolution=0.5,
        image_encoder=dict(
            type='VisionTransformer',
            img_size=(32, 32),
            patch_size=8,
            patch_pad=0,
            embed_dims=DIM,
            num_layers=2,
            num_heads=2,
            mlp_ratio=1,
            out_origin=True,
            out_indices=(0, 1),
            output_cls_token=True,
            with_cls_token=True,
            patch_bias=False,
            pre_norm=True,
            interpolate_mode='bicubic',
            frozen_exclude=['all'],
        ),
        text_encoder=dict(
            type='CLIPTextEncoder',
            vocabulary=['road', 'car', 'tree', 'sky'][:classes],
            templates=['a photo of a {}.'],
            embed_dims=8,
            num_layers=1,
            num_heads=2,
            output_dims=8,
        ),
        decode_head=dict(
            type='SideAdapterCLIPHead',
            num_classes=classes,
            deep_supervision_idxs=[1],
            san_cfg=dict(
                in_channels=3,
                clip_channels=DIM,
                embed_dims=DIM,
                patch_size=8,
                patch_bias=True,
                num_queries=queries,
                cfg_encoder=dict(num_encode_layer=2, num_heads=2, mlp_ratio=1),
                fusion_index=[0, 1, 2],
                cfg_decoder=dict(
                    num_heads=2,
                    num_layers=1,
                    embed_channels=DIM,
                    mlp_channels=DIM,
                    num_mlp=2,
                    rescale=True,
                ),
                norm_cfg=dict(type='LN', eps=1e-6),
            ),
            maskgen_cfg=dict(
                sos_token_format='cls_token',
                sos_token_num=queries,
                cross_attn=False,
                num_layers=1,
                embed_dims=DIM,
                num_heads=2,
                mlp_ratio=1,
                qkv_bias=True,
                out_dims=8,
                final_norm=True,
                act_cfg=dict(type='QuickGELU'),
                frozen_exclude=['all'],
            ),
            train_cfg=train_cfg,
            loss_decode=losses,
        ),
        train_cfg=dict(),
        test_cfg=dict(mode='whole'),
    )


def build_san(seed=0, **kwargs):
    """Build a SAN whose parameters are all drawn."""
    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(ConfigDict(san_cfg(**kwargs)))
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.3)
        elif not name.endswith('weight') and 'logit_scale' not in name:
            nn.init.zeros_(parameter)
    model.text_encoder.logit_scale.data.fill_(1.0)
    return model


def build_masks(cfg, seed=0):
    """Build with weights large enough that queries differ."""
    torch.manual_seed(seed)
    scope = cfg['type'].split('.')[0]
    with DefaultScope.overwrite_default_scope(scope):
        model = MODELS.build(ConfigDict(cfg))
    model.init_weights()
    head = model.panoptic_head if scope == 'mmdet' else model.decode_head
    nn.init.normal_(head.cls_embed.weight, std=0.7)
    nn.init.normal_(head.mask_embed[-1].weight, std=0.7)
    # dropout of attention would make two runs differ
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


def panoptic_samples(labels, things, stuff, size, semantic=True):
    """Data samples of MMDetection, one instance per thing class present.

    Args:
        labels (Tensor): Class of each pixel, (B, H, W); 255 has none.
        things (int): The first classes are things.
        stuff (int): The others are stuff.
        size (tuple): Of the batch.
        semantic (bool): Whether to give ``gt_sem_seg``. Defaults to True.
    """
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import BitmapMasks
    from mmengine.structures import InstanceData, PixelData

    samples = []
    for label in labels:
        present = [c for c in label.unique().tolist() if c < things]
        masks = [(label == c).numpy().astype('uint8') for c in present]
        sample = DetDataSample(
            metainfo=dict(img_shape=size, batch_input_shape=size)
        )
        sample.gt_instances = InstanceData(
            labels=torch.tensor(present, dtype=torch.long),
            masks=BitmapMasks(masks, *label.shape),
        )
        if semantic:
            sample.gt_sem_seg = PixelData(sem_seg=label[None])
        samples.append(sample)
    return samples


def read_samples(reader, student, teacher, inputs, samples):
    """Student's losses and the rows of one batch with given samples."""
    teacher.eval()
    reader.check(student, teacher)
    reader.facts(student), reader.facts(teacher)
    notes = {}
    with ExitStack() as stack:
        reader.watch(student, notes, stack)
        losses = student(inputs, samples, mode='loss')
    seen = TeacherPass(teacher, lambda: inputs, samples)
    return losses, reader.pairs(notes, seen)
