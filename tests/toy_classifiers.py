"""Tiny classifiers of MMPretrain and batches for them."""

from contextlib import ExitStack

import torch
from mmengine.model import BaseModule
from mmengine.registry import DefaultScope
from torch import nn

from mmkd_logit.registry import MODELS
from mmkd_logit.structures.teacher_pass import TeacherPass

HEADS = dict(
    linear=dict(type='LinearClsHead'),
    stacked=dict(
        type='StackedLinearClsHead', mid_channels=[7], dropout_rate=0.5
    ),
    vig=dict(type='VigClsHead', hidden_dim=6),
    multi_label=dict(type='MultiLabelLinearClsHead'),
)


@MODELS.register_module(force=True)
class ToyBackbone(BaseModule):
    """One convolution with a stride and a ReLU; ``stride=0`` is identity."""

    def __init__(self, channels=5, stride=2, init_cfg=None):
        super().__init__(init_cfg)
        self.conv = None
        if stride:
            self.conv = nn.Conv2d(3, channels, 3, stride, 1)

    def forward(self, x):
        return (x if self.conv is None else self.conv(x).relu(),)


def classifier_cfg(head='linear', channels=5, stride=2, num_classes=4, **kw):
    return dict(
        type='mmpretrain.ImageClassifier',
        backbone=dict(
            type='mmkd_logit.ToyBackbone', channels=channels, stride=stride
        ),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(HEADS[head], in_channels=channels, num_classes=num_classes),
        **kw,
    )


def vit_cfg(
    head='VisionTransformerClsHead', num_classes=4, neck=None, **backbone
):
    distilled = head == 'DeiTClsHead'
    arch = dict(
        embed_dims=16, num_layers=1, num_heads=2, feedforward_channels=16
    )
    return dict(
        type='mmpretrain.ImageClassifier',
        backbone={
            'type': 'DistilledVisionTransformer'
            if distilled
            else 'VisionTransformer',
            'arch': arch,
            'img_size': 16,
            'patch_size': 8,
            **backbone,
        },
        neck=neck,
        head=dict(
            type=head,
            num_classes=num_classes,
            in_channels=16,
            init_cfg=dict(type='TruncNormal', layer='Linear', std=1.0),
        ),
    )


def build(cfg, seed=0):
    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg)
    model.init_weights()
    # classifiers start with tiny weights, which leaves nothing to compare
    for parameter in model.head.parameters():
        nn.init.normal_(parameter, std=0.7)
    return model.train()


def samples(labels, scores=None):
    from mmpretrain.structures import DataSample

    out = [DataSample().set_gt_label(label) for label in labels]
    for sample, score in zip(out, scores if scores is not None else []):
        sample.set_gt_score(torch.as_tensor(score))
    return out


def images(count=3, side=16, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, side, side, generator=generator)


def read(reader, student, teacher, inputs, data_samples):
    """The pair of one step, and the student's own losses."""
    notes = {}
    reader.facts(student), reader.facts(teacher)
    with ExitStack() as stack:
        reader.watch(student, notes, stack)
        losses = student(inputs, data_samples, mode='loss')
    look = TeacherPass(teacher.eval(), lambda: inputs, data_samples)
    return reader.pairs(notes, look)[''], losses
