"""What a distilled step costs, next to the least and to the usual way.

    python tools/analysis_tools/benchmark_step.py
    python tools/analysis_tools/benchmark_step.py \
        configs/dkd/cifar_resnet56_resnet20_cifar100.py \
        configs/sd_dkd/cifar_resnet56_resnet20_cifar100.py --image-size 32

Without a config it makes one table of a config per task and family of heads,
on small random images. Four kinds of steps are timed: the student alone
("plain"); the student and the layers of the teacher that are read ("limit");
our step ("ours"); the student and the teacher's whole loss, which is computed
where recorders take the logits out of a model ("recorders"; their term is
left out). In each round every kind has a turn, in another order. Times are
medians, ratios are medians of the ratios of each round, so that a machine
that slows down for a while does not change them; half of the rounds are
within the range in parentheses. Weights are random, which costs the same. The
first 50 steps of a run, in which the terms are watched more closely, are
passed over.

Peak memory is that of a process of its own for each kind, above what Python
and the toolboxes take: resident memory on a CPU, allocated memory on a GPU.
Where ours is above 1.05 times the limit, a last line says which part of a
step takes how much of the limit. Several configs that are named take turns,
and the last column compares their steps with those of the first. Their batch
comes from the config's own training set, whatever its task is, or is random
if that is not there or --image-size is given.
"""

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Dict, List, Tuple

import torch
from mmengine.config import DictAction
from mmengine.logging import MessageHub, MMLogger
from step_memory import import_toolboxes, in_child, peak_memory
from step_models import CASES, KINDS, Case, Steps, read_case, write_teacher
from step_shares import shares

from mmkd_logit.launch import keep_freed_memory
from mmkd_logit.plan.steps import TeacherCalls

#: Ours, in units of the limit, from which on it is said where the time goes.
AIM = 1.05
ROOT = Path(__file__).resolve().parents[2]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('config', nargs='*', help='distillation configs')
    parser.add_argument('--cases', nargs='+', help='lines of the whole table')
    parser.add_argument('--rounds', type=int, default=30)
    parser.add_argument('--warmup', type=int, default=3)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--threads', type=int, help='of torch, on the CPU')
    parser.add_argument('--batch-size', type=int)
    parser.add_argument('--image-size', type=int, help='of random images')
    parser.add_argument('--no-memory', action='store_true')
    parser.add_argument(
        '--cpu-time',
        action='store_true',
        help="count the processor's time, which other programs disturb less; "
        'for one thread',
    )
    parser.add_argument('--data-root')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    args = parser.parse_args()
    if args.warmup < 1:
        parser.error(
            f'--warmup must be at least 1, got {args.warmup}; the limit '
            'repeats what the step before it asked the teacher for'
        )
    known = [case.name for case in CASES]
    for name in args.cases or ():
        if name not in known:
            parser.error(f'no case {name!r}; there are {", ".join(known)}')
    return args


def groups(args: argparse.Namespace) -> List[List[Case]]:
    """Cases that take turns with each other."""
    if args.config:
        return [
            [
                Case('/'.join(Path(path).parts[-2:]), path)
                for path in args.config
            ]
        ]
    by_name = {case.name: case for case in CASES}
    return [
        [by_name[name]._replace(config=_path(by_name[name].config))]
        for name in args.cases or by_name
    ]


def _path(config: str) -> str:
    return config if '::' in config else str(ROOT / f'configs/{config}.py')


class Contender:
    """One config: its steps and how long they took."""

    def __init__(self, case: Case, args: argparse.Namespace) -> None:
        self.name, self.device = case.name, args.device
        self.now = time.process_time if args.cpu_time else time.perf_counter
        self.size = args.image_size or case.size
        self.config = read_case(case, self.size, args)
        self.times: Dict[str, List[float]] = {kind: [] for kind in KINDS}
        self.memory: Dict[str, float] = {}

    def write_teacher(self, folder: str) -> None:
        """Random weights, in a folder of its own."""
        own = Path(folder) / str(id(self))
        own.mkdir()
        self.config.model.teacher_ckpt = in_child(
            write_teacher, self.config.model, str(own)
        )

    def measure_memory(self) -> None:
        """MiB at the peak of each kind of step."""
        for kind in KINDS:
            self.memory[kind] = peak_memory(
                self.config, self.size, self.device, kind
            )

    def build(self, teacher_calls: TeacherCalls) -> None:
        self.steps = Steps(self.config, self.size, self.device)
        self.steps.teacher_calls = teacher_calls
        self.steps.step('ours')

    def begin(self) -> None:
        """Forget the warm-up, and pass over the closely watched steps."""
        self.times = {kind: [] for kind in KINDS}
        self.steps.end_close_watch()

    def wait(self) -> None:
        if self.device.startswith('cuda'):
            torch.cuda.synchronize()

    def round(self, kinds: List[str]) -> None:
        """One step of each kind."""
        for kind in kinds:
            step = self.steps.prepare(kind)
            self.wait()
            begin = self.now()
            step()
            self.wait()
            self.times[kind].append(self.now() - begin)
            self.steps.finish(kind)

    def ratio(self, kind: str) -> Tuple[float, float, float]:
        """Median and quartiles of a kind's time to the limit's."""
        return spread(self.times[kind], self.times['limit'])

    def cells(self) -> List[str]:
        """Of the table."""
        cells = [self.name]
        for kind in KINDS:
            cells.append(f'{1e3 * statistics.median(self.times[kind]):.1f}')
        for kind in ('ours', 'recorders'):
            cells.append('{:.3f} ({:.3f} to {:.3f})'.format(*self.ratio(kind)))
        cells += [f'{self.memory[kind]:.0f}' for kind in self.memory]
        return cells

    def ratio_to(self, other: 'Contender') -> float:
        """Our step to that of another config, round by round."""
        return spread(self.times['ours'], other.times['ours'])[0]

    def where(self, rounds: int) -> str:
        """Parts of a step in % of the limit."""
        parts = shares(
            self.steps.distiller,
            lambda: self.steps.step('ours'),
            rounds,
            self.wait,
        )
        limit = 1e3 * statistics.median(self.times['limit'])
        found = ', '.join(
            f'{name} {100 * ms / limit:.1f}' for name, ms in parts.items()
        )
        return f'{self.name}: in % of the limit {found}'


def spread(
    ours: List[float], theirs: List[float]
) -> Tuple[float, float, float]:
    """Median and quartiles of the ratios of pairs."""
    ratios = sorted(one / other for one, other in zip(ours, theirs))
    if len(ratios) < 2:
        return ratios[0], ratios[0], ratios[0]
    low, middle, high = statistics.quantiles(ratios, method='inclusive')
    return middle, low, high


def compare(
    contenders: List[Contender],
    args: argparse.Namespace,
    teacher_calls: TeacherCalls,
) -> None:
    """Take the steps of some configs in turn."""
    for contender in contenders:
        contender.build(teacher_calls)
    order = random.Random(0)
    for index in range(args.warmup + args.rounds):
        if index == args.warmup:
            for contender in contenders:
                contender.begin()
        kinds = order.sample(KINDS, len(KINDS))
        for contender in order.sample(contenders, len(contenders)):
            contender.round(kinds)


def show(contenders: List[Contender], rounds: int) -> None:
    """Rows of the table, and where the time goes."""
    for contender in contenders:
        cells = contender.cells()
        if len(contenders) > 1:
            cells.append(f'{contender.ratio_to(contenders[0]):.3f}')
        print('| ' + ' | '.join(cells) + ' |', flush=True)
        if contender.ratio('ours')[0] > AIM:
            print(contender.where(max(rounds // 3, 1)), flush=True)


def main() -> None:
    args = parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    keep_freed_memory()  # as tools/train.py does
    MMLogger.get_current_instance().setLevel('ERROR')
    # some preprocessors and heads ask how far the training is
    MessageHub.get_current_instance().update_info('iter', 0)
    MessageHub.get_current_instance().update_info('epoch', 0)
    heads = ['config', *(f'{kind} ms' for kind in KINDS)]
    heads += ['ours / limit', 'recorders / limit']
    if not args.no_memory:
        heads += [f'{kind} MiB' for kind in KINDS]
        import_toolboxes()
    together = len(args.config) > 1
    if together:
        heads.append('ours to first')
    print(
        f'torch {torch.__version__}, {args.device}, '
        f'{torch.get_num_threads()} threads, {args.rounds} rounds\n'
    )
    print('| ' + ' | '.join(heads) + ' |')
    print('| ' + ' | '.join(['---'] * len(heads)) + ' |', flush=True)
    contenders = [
        [Contender(case, args) for case in group] for group in groups(args)
    ]
    with tempfile.TemporaryDirectory() as folder:
        # A process that has used a GPU cannot be forked: children come first.
        if args.device != 'cpu':
            use_children(sum(contenders, []), folder, not args.no_memory)
        for group in contenders:
            if args.device == 'cpu':
                use_children(group, folder, not args.no_memory)
            with TeacherCalls() as teacher_calls:
                compare(group, args, teacher_calls)
            show(group, args.rounds)
            for one in group:
                del one.steps


def use_children(
    contenders: List[Contender], folder: str, memory: bool
) -> None:
    """What processes of their own do: weights of teachers, and memory."""
    for one in contenders:
        one.write_teacher(folder)
        if memory:
            one.measure_memory()


if __name__ == '__main__':
    main()
