"""Bytes per second of KD and of its neighbours, against a copy.

    python tools/analysis_tools/benchmark_kernels.py --device cuda
    python tools/analysis_tools/benchmark_kernels.py --threads 2

Each form of a loss gets raw logits and goes forward and backward. It must
read both logits once and write one gradient; these bytes divided by its time
are shown, beside those that a copy reads and writes in its time. Forms take
turns in each round, times are medians.

- textbook: PyTorch's own operations, one after another
- compiled: ``torch.compile`` of that; the CPU needs a C++ compiler
- ours: the loss of this package, of which "compiled" traces the plain form
- liger: ``liger-kernel`` (pip install liger-kernel), whose KL and JSD take
  log-probabilities, so that it is given those of both models; "alone" leaves
  the time for them out. It needs a GPU.

This package has no JSD; its rows show what the others take for it.
"""

import argparse
from functools import partial
from typing import Any, Callable, Dict, Optional, Tuple

import torch
import torch.nn.functional as F
from benchmark_losses import Inputs, add_cpu_time, medians
from textbook_losses import kd
from torch import Tensor

from mmkd_logit.launch import keep_freed_memory
from mmkd_logit.losses import KDLoss

SHAPES = ('512x1000', '1024x81', '131072x19')
#: Vocabularies and large label sets, for a GPU.
LARGE_SHAPES = ('4096x32000', '1024x150000')
Form = Callable[[Tensor, Tensor, Tensor], Tensor]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--dtype', default='float32')
    parser.add_argument('--threads', type=int, default=2, help='on the CPU')
    parser.add_argument('--rounds', type=int, default=60)
    parser.add_argument('--tau', type=float, default=4.0)
    parser.add_argument('--shapes', nargs='+', help='rows x classes')
    parser.add_argument('--no-compile', action='store_true')
    add_cpu_time(parser)
    return parser.parse_args()


def jsd(student: Tensor, teacher: Tensor, _: Tensor, tau: float) -> Tensor:
    """Jensen-Shannon divergence of each row, the mean over rows."""
    log_p = F.log_softmax(student / tau, dim=1)
    log_q = F.log_softmax(teacher / tau, dim=1)
    mean = torch.logaddexp(log_p, log_q) - torch.log(log_p.new_tensor(2.0))
    kl = partial(F.kl_div, reduction='batchmean', log_target=True)
    return tau**2 * (kl(mean, log_p) + kl(mean, log_q)) / 2


def find_liger(device: str) -> Tuple[Optional[Any], str]:
    """Its losses, or None and why there are none."""
    if not device.startswith('cuda'):
        return None, 'liger-kernel is left out: it needs a GPU'
    try:
        from liger_kernel import transformers
    except ImportError as error:
        return None, f'liger-kernel is left out: {error}'
    return transformers, ''


def liger_forms(liger: Any, tau: float) -> Dict[str, Form]:
    """KL and JSD of raw logits, in their units of the mean over rows."""
    kl = liger.LigerKLDIVLoss(reduction='batchmean', log_target=True)
    symmetric = liger.LigerJSD(beta=0.5)

    def of_logits(loss: Callable) -> Form:
        def form(student: Tensor, teacher: Tensor, _: Tensor) -> Tensor:
            rows = (F.log_softmax(x / tau, dim=1) for x in (student, teacher))
            return tau**2 * loss(*rows)

        return form

    return {
        'KD liger': of_logits(kl),
        'JSD liger': of_logits(symmetric),
        'KD liger alone': lambda student, teacher, _: kl(student, teacher),
        'JSD liger alone': lambda *rows: symmetric(*rows[:2]),
    }


def forms(tau: float, liger: Optional[Any], compiled: bool) -> Dict[str, Form]:
    """What is timed, by the names of the rows."""
    ours = KDLoss(tau)
    found: Dict[str, Form] = {
        'KD ours': ours,
        'KD textbook': partial(kd, tau=tau),
        'JSD textbook': partial(jsd, tau=tau),
    }
    if compiled:
        for name in ('KD ours', 'KD textbook', 'JSD textbook'):
            found[f'{name}, compiled'] = torch.compile(found[name])
    if liger is not None:
        found.update(liger_forms(liger, tau))
    return found


def log_probs(inputs: Inputs, tau: float) -> Inputs:
    """The same, with log-probabilities as logits."""
    for name in ('student', 'teacher'):
        rows = F.log_softmax(getattr(inputs, name).detach() / tau, dim=1)
        setattr(inputs, name, rows.requires_grad_(name == 'student'))
    return inputs


def measure(
    shape: str, kinds: Dict[str, Form], args: argparse.Namespace
) -> Dict[str, float]:
    """GB/s of each form, and of a copy."""
    cuda = args.device.startswith('cuda')
    inputs = Inputs(shape, args)
    given = log_probs(Inputs(shape, args), args.tau)
    jobs: Dict[str, Callable] = {'copy': inputs.copy}
    for name, form in kinds.items():
        whose = given if name.endswith('alone') else inputs
        jobs[name] = partial(whose.step, form)
    ms = medians(jobs, args.rounds, cuda, args.now)
    return {
        name: (2 if name == 'copy' else 3) * inputs.bytes / 1e6 / time
        for name, time in ms.items()
    }


def main() -> None:
    args = parse_args()
    cuda = args.device.startswith('cuda')
    torch.set_num_threads(args.threads)
    keep_freed_memory()
    torch.manual_seed(0)
    liger, why_not = find_liger(args.device)
    kinds = forms(args.tau, liger, not args.no_compile)
    where = f'CPU, {args.threads} threads'
    if cuda:
        where = torch.cuda.get_device_name(args.device)
    print(f'torch {torch.__version__}, {where}, {args.dtype}; GB/s')
    if why_not:
        print(why_not)
    shapes = args.shapes or SHAPES + (LARGE_SHAPES if cuda else ())
    print(f'\n| rows | copy | {" | ".join(kinds)} |')
    print('|' + ' --- |' * (len(kinds) + 2))
    for shape in shapes:
        found = measure(shape, kinds, args)
        numbers = ' | '.join(f'{found[n]:.2f}' for n in ('copy', *kinds))
        print(f'| {shape} | {numbers} |', flush=True)


if __name__ == '__main__':
    main()
