"""What a distilled step costs: against the plain student plus the teacher.

    python tools/analysis_tools/benchmark_step.py \
        configs/dkd/cifar_resnet56_resnet20_cifar100.py \
        configs/sd_dkd/cifar_resnet56_resnet20_cifar100.py --image-size 32

All steps are taken in turn in one process. Times are medians, ratios are
medians of the ratios of each round, so that a machine that slows down for a
while does not change them. Weights are random, which costs the same. The
first 50 steps of a run, in which the terms are watched more closely, are
passed over. Without --image-size one batch comes from the config's own
training set, whatever its task is.
"""

import argparse
import copy
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

import torch
from mmengine.config import DictAction
from mmengine.logging import MessageHub
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmkd_logit.launch import keep_freed_memory, load_config, move_data_root
from mmkd_logit.plan.batches import give_random_weights
from mmkd_logit.plan.steps import TeacherCalls
from mmkd_logit.registry import MODELS


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('config', nargs='+', help='distillation configs')
    parser.add_argument('--rounds', type=int, default=30)
    parser.add_argument('--warmup', type=int, default=3)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--threads', type=int, help='of torch, on the CPU')
    parser.add_argument('--batch-size', type=int)
    parser.add_argument(
        '--image-size', type=int, help='random images for a classifier'
    )
    parser.add_argument('--data-root')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    args = parser.parse_args()
    if args.warmup < 1:
        parser.error(
            f'--warmup must be at least 1, got {args.warmup}; the terms are '
            'watched until a step has passed'
        )
    return args


class Contender:
    """One config: its distiller, a plain student, a batch."""

    def __init__(self, path: str, args: argparse.Namespace) -> None:
        self.name = '/'.join(Path(path).parts[-2:])
        cfg = load_config(path, args.cfg_options)
        init_default_scope(cfg.get('default_scope', 'mmengine'))
        if args.data_root:
            move_data_root(cfg, args.data_root)
        if args.batch_size:
            cfg.train_dataloader.batch_size = args.batch_size
        with tempfile.TemporaryDirectory() as folder:
            give_random_weights(cfg.model, folder)
            self.distiller = MODELS.build(cfg.model)
            self.distiller.to(args.device).prepare()
        self.student = MODELS.build(cfg.model.student).to(args.device)
        self.models = dict(plain=self.student, distilled=self.distiller)
        self.optimizers = {
            kind: self.optimizer(model.train(), cfg)
            for kind, model in self.models.items()
        }
        self.batch = self.make_batch(cfg, args)
        self.times: Dict[str, List[float]] = {}

    @staticmethod
    def optimizer(model: torch.nn.Module, cfg: Any) -> Any:
        from mmengine.optim import build_optim_wrapper

        return build_optim_wrapper(model, copy.deepcopy(cfg.optim_wrapper))

    def make_batch(self, cfg: Any, args: argparse.Namespace) -> dict:
        if not args.image_size:
            return next(iter(Runner.build_dataloader(cfg.train_dataloader)))
        from mmpretrain.structures import DataSample

        size, count = args.image_size, cfg.train_dataloader.batch_size
        classes = self.student.head.num_classes
        inputs = torch.randint(256, (count, 3, size, size)).byte()
        return dict(
            inputs=list(inputs),
            data_samples=[
                DataSample().set_gt_label(i % classes) for i in range(count)
            ],
        )

    def begin(self) -> None:
        """Forget the warm-up, and pass over the closely watched steps."""
        self.times.clear()
        for watch in self.distiller.watches.values():
            watch.steps = max(watch.steps, watch.every + 1)

    def round(self, teacher_calls: TeacherCalls, order: List[str]) -> None:
        """One plain step, one distilled step, one teacher, in any order."""
        for kind in order:
            if kind == 'teacher':
                calls = getattr(self, 'calls', [])
                self.time(
                    'teacher', lambda calls=calls: teacher_calls.repeat(calls)
                )
                continue
            batch = copy.deepcopy(self.batch)
            model, optimizer = self.models[kind], self.optimizers[kind]
            teacher_calls.take()
            self.time(
                kind,
                lambda batch=batch, m=model, o=optimizer: m.train_step(
                    batch, o
                ),
            )
            if kind == 'distilled':
                self.calls = teacher_calls.take()

    def time(self, kind: str, function: Callable) -> None:
        wait = torch.cuda.synchronize if self.on_gpu else lambda: None
        wait()
        begin = time.perf_counter()
        function()
        wait()
        self.times.setdefault(kind, []).append(time.perf_counter() - begin)

    @property
    def on_gpu(self) -> bool:
        return next(self.student.parameters()).is_cuda

    def median(self, kind: str) -> float:
        return statistics.median(self.times[kind]) * 1e3

    def ratio(self) -> float:
        """Distilled step to plain step plus teacher, round by round."""
        return statistics.median(
            distilled / (plain + teacher)
            for distilled, plain, teacher in zip(
                self.times['distilled'],
                self.times['plain'],
                self.times['teacher'],
            )
        )

    def ratio_to(self, other: 'Contender') -> float:
        """This distilled step to another's, round by round."""
        return statistics.median(
            ours / theirs
            for ours, theirs in zip(
                self.times['distilled'], other.times['distilled']
            )
        )


def main() -> None:
    args = parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    keep_freed_memory()  # as tools/train.py does
    with TeacherCalls() as teacher_calls:
        compare(args, teacher_calls)


def compare(args: argparse.Namespace, teacher_calls: TeacherCalls) -> None:
    # some preprocessors and heads ask how far the training is
    MessageHub.get_current_instance().update_info('iter', 0)
    MessageHub.get_current_instance().update_info('epoch', 0)
    contenders = [Contender(path, args) for path in args.config]
    kinds = ['distilled', 'teacher', 'plain']
    for index in range(args.warmup + args.rounds):
        if index == args.warmup:
            for contender in contenders:
                contender.begin()
        for contender in contenders[index % 2 :] + contenders[: index % 2]:
            shift = index % 3
            contender.round(teacher_calls, kinds[shift:] + kinds[:shift])
    width = max(len(contender.name) for contender in contenders)
    print(
        f'median ms of {args.rounds} rounds, '
        f'batch {len(contenders[0].batch["inputs"])}'
    )
    print(f'{"config":{width}} plain teacher distilled   ratio  to first')
    for contender in contenders:
        plain, teacher, distilled = (
            contender.median(kind)
            for kind in ('plain', 'teacher', 'distilled')
        )
        print(
            f'{contender.name:{width}} {plain:5.1f} {teacher:7.1f} '
            f'{distilled:9.1f} {contender.ratio():7.3f} '
            f'{contender.ratio_to(contenders[0]):9.3f}'
        )


if __name__ == '__main__':
    main()
