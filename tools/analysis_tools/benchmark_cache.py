"""What a teacher cache saves and costs: seconds, bytes, and loss.

    python tools/analysis_tools/benchmark_cache.py \
        configs/dkd/cifar_resnet56_resnet20_cifar100-short.py \
        --keep all 10 --cfg-options randomness.seed=0

The first batches of a training are cached in every form that is asked for.
Then steps of the student alone, with its teacher and with each cache are taken
in turn in one process, all with one student, and times are medians. The
difference is that of the distillation terms to those with the teacher itself,
at equal weights, in the mean over the batches. Rows are read from memory
where the system keeps them there, as it does in this short run.
"""

import argparse
import copy
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

import numpy as np
import torch
from mmengine.config import Config, DictAction
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from mmkd_logit.cache.files import row_bytes
from mmkd_logit.cache.form import DTYPES, RowForm
from mmkd_logit.cache.order import Length
from mmkd_logit.cache.write import CacheWriter
from mmkd_logit.launch import (
    keep_freed_memory,
    load_config,
    move_data_root,
    run_and_explain,
)
from mmkd_logit.registry import MODELS


class Row(NamedTuple):
    """One line of the table."""

    name: str
    seconds: float
    row_bytes: int
    difference: float


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('config', help='config of a distillation')
    parser.add_argument('--keep', nargs='+', default=['all'])
    parser.add_argument('--rounds', type=int, default=20)
    parser.add_argument('--warmup', type=int, default=3)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--teacher-ckpt')
    parser.add_argument('--data-root')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    return parser.parse_args()


def measure(args: argparse.Namespace, folder: Path) -> List[Row]:
    """The lines of the table."""
    config = load_config(args.config, args.cfg_options)
    init_default_scope(config.get('default_scope') or 'mmengine')
    if args.data_root:
        move_data_root(config, args.data_root)
    if args.teacher_ckpt:
        config.model.teacher_ckpt = args.teacher_ckpt
    length = Length(iters=args.warmup + args.rounds)
    forms = [RowForm.of(keep, dtype) for keep in args.keep for dtype in DTYPES]
    sizes = {'student alone': 0, 'with its teacher': 0}
    for form in forms:
        writer = CacheWriter(
            config,
            str(folder / form.describe()),
            form,
            length,
            every_epoch=True,
            device=args.device,
            tell=lambda line: None,
        )
        sizes[form.describe()] = row_bytes(writer.write().meta['fields'])
    run = writer.run
    batches = list(run.batches(np.ones(run.order.count, bool)))
    live = run.distiller
    models = {'student alone': live.student, 'with its teacher': live}
    for form in forms:
        models[form.describe()] = _cached(config, live.student, folder, form)
    times, terms = _steps(config, models, batches, args)
    exact = np.array(terms['with its teacher'])
    return [
        Row(
            name,
            statistics.median(times[name]),
            size,
            float(np.mean(np.abs(np.array(terms[name]) / exact - 1)))
            if terms[name]
            else 0.0,
        )
        for name, size in sizes.items()
    ]


def _cached(
    config: Config, student: torch.nn.Module, folder: Path, form: RowForm
) -> Any:
    model = {key: value for key, value in config.model.items()}
    model.update(student=student, teacher_cache=str(folder / form.describe()))
    distiller = MODELS.build(model)
    distiller.prepare()
    return distiller


def _steps(
    config: Config,
    models: Dict[str, Any],
    batches: List[dict],
    args: argparse.Namespace,
) -> Any:
    """Seconds of each step, and the sum of the terms, by model."""
    student = models['student alone'].train()
    optimizer = build_optim_wrapper(
        student, copy.deepcopy(config.optim_wrapper)
    )
    times: Dict[str, List[float]] = {name: [] for name in models}
    terms: Dict[str, List[float]] = {name: [] for name in models}
    on_gpu = next(student.parameters()).is_cuda
    wait = torch.cuda.synchronize if on_gpu else lambda: None
    names = list(models)
    for number, batch in enumerate(batches):
        for name in names[number % 2 :] + names[: number % 2]:
            copied = copy.deepcopy(batch)
            wait()
            begin = time.perf_counter()
            models[name].train_step(copied, optimizer)
            wait()
            if number >= args.warmup:
                times[name].append(time.perf_counter() - begin)
        for name, model in models.items():
            if name == 'student alone':
                continue
            with torch.no_grad():
                data = model.data_preprocessor(copy.deepcopy(batch), True)
                losses = model(**data, mode='loss')
            found = sum(
                float(value)
                for key, value in losses.items()
                if key.rpartition('.')[2] in model.terms
            )
            terms[name].append(found)
    return times, terms


def main() -> None:
    args = parse_args()
    keep_freed_memory()
    MMLogger.get_current_instance().setLevel('WARNING')
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(args, Path(folder))
    print(f'{"":38}{"ms a step":>10}{"bytes a row":>13}{"difference":>12}')
    for row in rows:
        size = str(row.row_bytes or '')
        print(
            f'{row.name:38}{row.seconds * 1e3:10.1f}{size:>13}'
            + (f'{row.difference:12.2e}' if size else '')
        )


if __name__ == '__main__':
    run_and_explain(main)
