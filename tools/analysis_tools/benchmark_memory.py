"""What distillation terms add to the peak memory of a segmentation step.

    python tools/analysis_tools/benchmark_memory.py --map 2 19 64 128

Student and teacher are one layer each, so that nothing but maps of logits
counts. The labels have the size of the logits, or --stride times that, as in
a real step, where the student's own loss works at their size. Three steps are
compared on the CPU, each forward and backward: the student alone, the student
and the teacher's forward, the student and a distillation term. Sizes are in
units of one map of student logits in float32.

"peak" is the highest point of a step, "added" what the term adds to that of
the student and the teacher, and "alone" the highest point of the term itself
above what was there before it, the teacher's map included.
"""

import argparse
from contextlib import ExitStack
from typing import Any, Callable, Dict, List

import torch
from mmengine.registry import DefaultScope
from torch import Tensor

from mmkd_logit.heads import SegLogits
from mmkd_logit.losses import DKDLoss, GDKDLoss, KDLoss
from mmkd_logit.registry import MODELS
from mmkd_logit.structures.teacher_pass import TeacherPass

TERMS = {
    'KD': (SegLogits(), KDLoss(tau=1.0)),
    'DKD': (SegLogits(), DKDLoss(tau=1.0, beta=2.0)),
    'GDKD': (SegLogits(), GDKDLoss(tau=1.0, k=3)),
    'SD-DKD (1, 2)': (SegLogits(windows=(1, 2)), DKDLoss(tau=1.0, beta=2.0)),
}


def allocated(function: Callable[[], Any]) -> List[int]:
    """Bytes in use, relative to the start, after each allocation."""
    kind = torch.profiler.ProfilerActivity.CPU
    with torch.profiler.profile(
        activities=[kind], profile_memory=True
    ) as profiler:
        function()
    todo = list(profiler.profiler.kineto_results.experimental_event_tree())
    events = []
    while todo:
        event = todo.pop()
        todo += event.children
        fields = event.extra_fields
        if hasattr(fields, 'alloc_size'):
            events.append((event.start_time_ns, fields.alloc_size))
    total, totals = 0, [0]
    for _, size in sorted(events, key=lambda event: event[0]):
        total += size
        totals.append(total)
    return totals


def segmentor(classes: int) -> Any:
    """Channels of the image are features; one 1 x 1 convolution."""
    from mmengine.model import BaseModule

    class Image(BaseModule):
        def forward(self, x: Tensor) -> List[Tensor]:
            return [x]

    if 'BenchmarkImage' not in MODELS:
        MODELS.register_module('BenchmarkImage', module=Image)
    cfg = dict(
        type='mmseg.EncoderDecoder',
        backbone=dict(type='mmkd_logit.BenchmarkImage'),
        decode_head=dict(
            type='FCNHead',
            in_channels=3,
            channels=3,
            num_convs=0,
            concat_input=False,
            num_classes=classes,
            dropout_ratio=0,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
        ),
    )
    with DefaultScope.overwrite_default_scope('mmseg'):
        return MODELS.build(cfg)


class Steps:
    """The three kinds of steps, on one batch."""

    def __init__(self, shape: List[int], stride: int = 1) -> None:
        from mmengine.structures import PixelData
        from mmseg.structures import SegDataSample

        batch, classes, *size = shape
        self.student, self.teacher = segmentor(classes), segmentor(classes)
        self.teacher.eval().requires_grad_(False)
        self.inputs = torch.randn(batch, 3, *size)
        size = [side * stride for side in size]
        labels = torch.randint(classes, (batch, 1, *size))
        labels[torch.rand(labels.shape) < 0.1] = 255
        self.samples = []
        for label in labels:
            sample = SegDataSample(metainfo=dict(img_shape=label.shape[1:]))
            sample.gt_sem_seg = PixelData(data=label)
            self.samples.append(sample)

    def alone(self) -> None:
        losses = self.student(self.inputs, self.samples, mode='loss')
        losses['decode.loss_ce'].backward()

    def with_teacher(self) -> None:
        losses = self.student(self.inputs, self.samples, mode='loss')
        self.look().once('logits', lambda: self.teacher(self.inputs))
        losses['decode.loss_ce'].backward()

    def look(self) -> TeacherPass:
        return TeacherPass(self.teacher, lambda: self.inputs, self.samples)

    def distilled(self, reader: SegLogits, loss: torch.nn.Module) -> None:
        notes: Dict[str, Any] = {}
        with ExitStack() as stack:
            reader.watch(self.student, notes, stack)
            losses = self.student(self.inputs, self.samples, mode='loss')
        pairs = reader.pairs(notes, self.look())
        total = losses['decode.loss_ce']
        for pair in pairs.values():
            total = total + loss(*pair)
        del notes, pairs, pair
        total.backward()

    def term(self, reader: SegLogits, loss: torch.nn.Module) -> Callable:
        """The term and its gradient at the logits, everything else ready."""
        notes: Dict[str, Any] = {}
        with ExitStack() as stack:
            reader.watch(self.student, notes, stack)
            self.student(self.inputs, self.samples, mode='loss')
        notes['logits'] = notes['logits'].detach().requires_grad_()

        def run() -> None:
            pairs = reader.pairs(dict(notes), self.look())
            value = sum(loss(*pair) for pair in pairs.values())
            del pairs
            value.backward()

        return run


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        '--map', type=int, nargs=4, default=[2, 19, 64, 128], metavar='N'
    )
    parser.add_argument('--stride', type=int, default=1)
    args = parser.parse_args()
    shape = args.map
    unit = 4 * shape[0] * shape[1] * shape[2] * shape[3]
    steps = Steps(shape, args.stride)

    def peak(function: Callable[[], Any]) -> float:
        function()  # gradients of the weights exist from here on
        return max(allocated(function)) / unit

    base = peak(steps.with_teacher)
    print(f'one map of logits {tuple(shape)}: {unit / 2**20:.2f} MiB')
    print(f'{"step":14} {"peak":>6} {"added":>6} {"alone":>6}')
    print(f'{"student":14} {peak(steps.alone):6.2f}')
    print(f'{"+ teacher":14} {base:6.2f}')
    for name, (reader, loss) in TERMS.items():
        whole = peak(lambda r=reader, f=loss: steps.distilled(r, f))
        term = peak(steps.term(reader, loss))
        print(f'{"+ " + name:14} {whole:6.2f} {whole - base:6.2f} {term:6.2f}')


if __name__ == '__main__':
    main()
