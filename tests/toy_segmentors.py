"""Tiny segmentors of MMSegmentation and batches for them."""

from contextlib import ExitStack

import torch
from mmengine.model import BaseModule
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from torch import nn

from mmkd_logit.registry import MODELS
from mmkd_logit.structures.teacher_pass import TeacherPass

CE = dict(type='CrossEntropyLoss', avg_non_ignore=True)
BCE = dict(type='CrossEntropyLoss', use_sigmoid=True)


@MODELS.register_module(force=True)
class ToyMaps(BaseModule):
    """One convolution; ``stride=0`` hands the image on as it is."""

    def __init__(self, channels=6, stride=4, init_cfg=None):
        super().__init__(init_cfg)
        self.conv = None
        if stride:
            self.conv = nn.Conv2d(3, channels, 3, stride, 1)

    def forward(self, x):
        maps = x if self.conv is None else self.conv(x).relu()
        return maps, maps


class NoLoss(nn.Module):
    """Takes the place of a loss that does not know a case's labels."""

    loss_name = 'loss_ce'

    def forward(self, logits, labels, **kwargs):
        return 0 * logits.sum()


def head_cfg(num_classes=4, channels=6, type='FCNHead', **kwargs):
    cfg = dict(
        type=type,
        in_channels=channels,
        in_index=1,
        channels=channels,
        num_classes=num_classes,
        loss_decode=CE,
    )
    if type == 'FCNHead':
        cfg.update(num_convs=0, concat_input=False)
    cfg.update(kwargs)
    return cfg


def segmentor_cfg(
    stride=4, channels=6, auxiliary=0, kind='EncoderDecoder', **head
):
    others = [head_cfg(channels=channels, **head) for _ in range(auxiliary)]
    return dict(
        type=f'mmseg.{kind}',
        backbone=dict(
            type='mmkd_logit.ToyMaps', channels=channels, stride=stride
        ),
        decode_head=head_cfg(channels=channels, **head),
        auxiliary_head=others[0] if auxiliary == 1 else (others or None),
        test_cfg=dict(mode='whole'),
    )


def build(cfg, seed=0):
    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(cfg)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.5)
    return model


def segmentor(seed=0, **kwargs):
    return build(segmentor_cfg(**kwargs), seed)


def given_logits(num_classes, ignore_index=255, align_corners=False):
    """A segmentor in float64 whose logits are its input."""
    model = segmentor(
        stride=0,
        channels=num_classes,
        num_classes=num_classes,
        dropout_ratio=0,
        ignore_index=ignore_index,
        align_corners=align_corners,
    ).double()
    model.decode_head.loss_decode = NoLoss()
    conv = model.decode_head.conv_seg
    nn.init.zeros_(conv.bias)
    conv.weight.data = torch.eye(num_classes).double()[..., None, None]
    return model


def label_samples(labels):
    """(B, H, W) label maps -> data samples."""
    from mmseg.structures import SegDataSample

    samples = []
    for label in labels:
        sample = SegDataSample(metainfo=dict(img_shape=label.shape))
        sample.gt_sem_seg = PixelData(data=label[None])
        samples.append(sample)
    return samples


def read(reader, student, teacher, inputs, labels, teacher_inputs=None):
    """Student's losses and the rows of one batch."""
    if teacher_inputs is None:
        teacher_inputs = inputs
    teacher.eval()
    samples = label_samples(labels)
    reader.check(student, teacher)
    notes = {}
    with ExitStack() as stack:
        reader.watch(student, notes, stack)
        losses = student(inputs, samples, mode='loss')
    seen = TeacherPass(teacher, lambda: teacher_inputs, samples)
    return losses, reader.pairs(notes, seen)
