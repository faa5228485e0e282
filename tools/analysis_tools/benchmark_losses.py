"""What a loss costs, forward and backward, against its textbook form.

    python tools/analysis_tools/benchmark_losses.py --threads 2

Both forms are timed in turn in one process, on the same random logits, and
medians are shown, with the peak of extra memory in student-sized tensors (the
gradient that is handed on is one of them).
``floor`` is the time of reading both logits once and writing one gradient;
on CUDA the package's bandwidth is shown beside that of a copy. Maps in NCHW
layout become rows inside the timed part, for both forms alike.
"""

import argparse
import inspect
import math
import statistics
import time
import weakref
from functools import partial
from typing import Any, Callable, Dict

import torch
from textbook_losses import LARGE, TEXTBOOK
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from mmkd_logit import losses
from mmkd_logit.heads.upstream.maps import map_rows
from mmkd_logit.launch import keep_freed_memory
from mmkd_logit.ops import cpu

#: ImageNet, RoIs of COCO, 131072 pixels of Cityscapes as rows, as one image
#: and as two, whose planes must be copied to become rows.
SHAPES = ('512x1000', '1024x81', '131072x19', '1x19x256x512', '2x19x256x256')

#: The package's losses, by the names of the textbook forms, from tau and the
#: classes.
OURS: Dict[str, Callable[[float, int], losses.LogitLoss]] = dict(
    kd=lambda tau, _: losses.KDLoss(tau),
    dkd=lambda tau, _: losses.DKDLoss(tau),
    nkd=lambda tau, _: losses.NKDLoss(tau),
    gdkd=lambda tau, _: losses.GDKDLoss(tau, k=5),
    gdkd3=lambda tau, _: losses.GDKD3Loss(tau, k=5),
    ldrld=lambda tau, _: losses.LDRLDLoss(tau),
    ls_kd=lambda tau, _: losses.KDLoss(tau, standardize=True),
    dist=lambda tau, _: losses.DISTLoss(tau),
    wttm=lambda tau, _: losses.WTTMLoss(1 / tau),
    rld=lambda tau, _: losses.RLDLoss(tau),
    rld_right=lambda tau, _: RightTeacher(tau),
    wkd=lambda tau, classes: losses.WKDLoss(
        0.5 * (1 - torch.eye(classes)), tau
    ),
    abkd=lambda tau, _: losses.ABKDLoss(tau),
    wsld=lambda tau, _: losses.WSLDLoss(tau),
    gram=lambda tau, _: losses.GramLoss(tau),
    gram_rows=lambda tau, _: losses.GramLoss(tau, over='rows'),
)
#: Bytes beyond which a textbook form is not run.
MOST = 6e9


class RightTeacher(losses.RLDLoss):
    """RLD with a teacher that is right: labels are its first classes.

    Random labels are the worst case, trained teachers are mostly right on
    the images that they were trained on.
    """

    def forward(self, student, teacher, labels):
        return super().forward(student, teacher, teacher.argmax(1))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--rounds', type=int, default=60)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--dtype', default='float32')
    parser.add_argument('--tau', type=float, default=4.0)
    parser.add_argument('--losses', nargs='+', choices=OURS, default=OURS)
    parser.add_argument('--shapes', nargs='+', default=SHAPES)
    parser.add_argument(
        '--keep-memory',
        action='store_true',
        help='freed memory is kept, as in tools/train.py on a CPU; without it '
        'the textbook forms pay for new pages',
    )
    parser.add_argument(
        '--no-kernel',
        action='store_true',
        help='ours in PyTorch alone, as where the C code was not built',
    )
    parser.add_argument(
        '--compile',
        action='store_true',
        help='time torch.compile of ours too; the CPU needs a C++ compiler',
    )
    add_cpu_time(parser)
    return parser.parse_args()


class Inputs:
    """Logits and labels of one shape, and one training step on them."""

    def __init__(self, shape: str, args: argparse.Namespace) -> None:
        sizes = [int(n) for n in shape.split('x')]
        dtype = getattr(torch, args.dtype)
        self.student, self.teacher = (
            (3 * torch.randn(sizes)).to(args.device, dtype) for _ in range(2)
        )
        self.student.requires_grad_()
        self.labels = torch.randint(
            sizes[1], (self.teacher[:, :1].numel(),), device=args.device
        )
        self.rows, self.classes = len(self.labels), sizes[1]
        self.bytes = self.teacher.numel() * self.teacher.element_size()
        self.out = torch.empty_like(self.teacher)

    def floor(self) -> None:
        torch.add(self.student.detach(), self.teacher, out=self.out)

    def copy(self) -> None:
        self.out.copy_(self.teacher)

    def loss(self, form: Callable) -> Tensor:
        rows = (self.student, self.teacher)
        if self.student.dim() == 4:
            rows = (map_rows(x) for x in rows)
        return form(*rows, self.labels)

    def step(self, form: Callable) -> None:
        self.student.grad = None
        self.loss(form).backward()


class PeakMemory(TorchDispatchMode):
    """Bytes of storages that were made here and are alive, at the peak."""

    def __init__(self, *inputs: Tensor) -> None:
        super().__init__()
        self.alive, self.peak = 0, 0
        self.seen = {x.untyped_storage()._cdata for x in inputs}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in tree_flatten(result)[0]:
            if isinstance(tensor, Tensor):
                self._count(tensor.untyped_storage())
        return result

    def _count(self, storage) -> None:
        key = storage._cdata
        if key in self.seen:
            return
        self.seen.add(key)
        size = storage.nbytes()
        self.alive += size
        self.peak = max(self.peak, self.alive)
        weakref.finalize(storage, self._free, key, size)

    def _free(self, key, size) -> None:
        self.seen.discard(key)
        self.alive -= size


def seconds(
    function: Callable[[], None],
    cuda: bool,
    now: Callable[[], float] = time.perf_counter,
) -> float:
    if cuda:
        torch.cuda.synchronize()
    start = now()
    function()
    if cuda:
        torch.cuda.synchronize()
    return now() - start


def add_cpu_time(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--cpu-time',
        action='store_const',
        const=time.process_time,
        default=time.perf_counter,
        dest='now',
        help="count the processor's time, which other programs disturb less; "
        'for one thread',
    )


def extra_memory(form: Callable, inputs: Inputs) -> float:
    """Peak in student-sized tensors, the gradient included."""
    inputs.step(form)
    with PeakMemory(inputs.student, inputs.teacher, inputs.labels) as memory:
        torch.autograd.grad(inputs.loss(form), inputs.student)
    return memory.peak / inputs.bytes


def settings_of(ours: losses.LogitLoss, name: str) -> Dict[str, Any]:
    """What the textbook form takes of a loss's settings."""
    takes = list(inspect.signature(TEXTBOOK[name]).parameters)[3:]
    return {key: getattr(ours, key) for key in takes if hasattr(ours, key)}


def medians(
    jobs: Dict[str, Callable],
    rounds: int,
    cuda: bool,
    now: Callable[[], float] = time.perf_counter,
) -> Dict:
    """Milliseconds of each job; they take turns."""
    times: Dict[str, list] = {name: [] for name in jobs}
    for index in range(rounds + 3):
        for name, job in jobs.items():
            time_ = seconds(job, cuda, now)
            if index >= 3:
                times[name].append(time_)
    return {k: 1e3 * statistics.median(v) for k, v in times.items()}


def main() -> None:
    args = parse_args()
    cuda = args.device != 'cpu'
    torch.set_num_threads(args.threads)
    if args.keep_memory:
        keep_freed_memory()
    if args.no_kernel:
        cpu.library = lambda: None
    torch.manual_seed(0)
    built = 'with' if cpu.library() else 'without'
    where = f'CPU, {args.threads} threads, {built} the C kernel'
    if cuda:
        where = torch.cuda.get_device_name(args.device)
    print(
        f'torch {torch.__version__}, {where}, {args.dtype}, tau '
        f'{args.tau:g}, medians of {args.rounds} rounds\n'
    )
    heads = ['loss', 'rows', 'textbook ms', 'ours ms', 'ratio', 'floor ms']
    heads += ['ours / floor', 'textbook memory', 'our memory']
    heads += ['compiled ms', 'ratio'] * args.compile
    heads += ['GB/s', 'GB/s of a copy'] * cuda
    print('| ' + ' | '.join(heads) + ' |')
    print('| ' + ' | '.join(['---'] * len(heads)) + ' |')
    for shape in args.shapes:
        inputs = Inputs(shape, args)
        for name in args.losses:
            ours = OURS[name](args.tau, inputs.classes)
            plain = partial(TEXTBOOK[name], **settings_of(ours, name))
            jobs = dict(
                floor=inputs.floor,
                copy=inputs.copy,
                ours=partial(inputs.step, ours),
            )
            size = LARGE.get(name, lambda *_: 0)(inputs.rows, inputs.classes)
            if size < MOST:
                jobs['textbook'] = partial(inputs.step, plain)
            if args.compile:
                compiled = torch.compile(ours, fullgraph=True)
                jobs['compiled'] = partial(inputs.step, compiled)
            ms = medians(jobs, args.rounds, cuda, args.now)
            theirs = [f'about {size / 1e9:.0f} GB', '-', '-']
            if 'textbook' in ms:
                theirs = [
                    f'{ms["textbook"]:.3f}',
                    f'{ms["textbook"] / ms["ours"]:.1f}',
                    f'{extra_memory(plain, inputs):.2f}',
                ]
            cells = [
                name,
                shape,
                theirs[0],
                f'{ms["ours"]:.3f}',
                theirs[1],
                f'{ms["floor"]:.3f}',
                f'{ms["ours"] / ms["floor"]:.1f}',
                theirs[2],
                f'{extra_memory(ours, inputs):.2f}',
            ]
            if args.compile:
                cells.append(f'{ms["compiled"]:.3f}')
                ratio = ms.get('textbook', math.nan) / ms['compiled']
                cells.append(f'{ratio:.1f}')
            if cuda:
                cells.append(f'{3 * inputs.bytes / ms["ours"] / 1e6:.0f}')
                cells.append(f'{2 * inputs.bytes / ms["copy"] / 1e6:.0f}')
            print('| ' + ' | '.join(cells) + ' |', flush=True)


if __name__ == '__main__':
    main()
