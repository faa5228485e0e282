"""Run the demo; safe to interrupt and to run again."""

import argparse
import contextlib
import fcntl
import io
import math
import os
import signal
import sys
import warnings
from pathlib import Path
from typing import Callable, Dict, NamedTuple

from tqdm import tqdm

from mmkd_logit.launch.logs import draw_curves, last_values, read_log

from .jobs import ROOT, Job, run
from .layouts import write_cityscapes, write_coco
from .pictures import draw_detections, draw_segmentations
from .table import Row, format_table


class Task(NamedTuple):
    """What differs between the demo's tasks."""

    configs: str  # configs/demo/{configs}_{student,teacher,dkd}.py
    data: str
    write: Callable
    metrics: Dict[str, str]  # logged name -> column of the table
    draw: Callable
    picture: str
    curves: Dict[str, str]  # logged name -> title of its panel


TASKS = dict(
    detection=Task(
        'faster_rcnn',
        'data/demo_coco',
        write_coco,
        {'coco/bbox_mAP': 'mAP', 'coco/bbox_mAP_50': 'AP50'},
        draw_detections,
        'detections.png',
        {
            'coco/bbox_mAP': 'COCO mAP, validation',
            'loss_cls': 'classification loss, training',
            'loss_kd': 'distillation loss, training',
        },
    ),
    segmentation=Task(
        'fcn',
        'data/demo_cityscapes',
        write_cityscapes,
        {'mIoU': 'mIoU', 'aAcc': 'aAcc'},
        draw_segmentations,
        'segmentations.png',
        {
            'mIoU': 'mIoU, validation',
            'decode.loss_ce': 'cross entropy, training',
            'loss_kd': 'distillation loss, training',
        },
    ),
)
QUICK = {
    'train_cfg.max_iters': 10,
    'train_cfg.val_interval': 10,
    'default_hooks.checkpoint.interval': 5,
    'default_hooks.logger.interval': 2,
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m demo', description=__doc__
    )
    parser.add_argument(
        '--seeds',
        type=int,
        nargs='+',
        default=[0],
        help='train both students once per seed; the teacher once',
    )
    parser.add_argument('--task', choices=sorted(TASKS), default='detection')
    parser.add_argument(
        '--work-dir',
        help='folder for everything but the data; work_dirs/demo_TASK',
    )
    parser.add_argument(
        '--quick',
        action='store_true',
        help='10 iterations on 24 images, which show that everything runs; '
        'the models learn nothing',
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    task = TASKS[args.task]
    os.chdir(ROOT)
    suffix = '_quick' if args.quick else ''
    work = Path(args.work_dir or f'work_dirs/demo_{args.task}{suffix}')
    data = work / 'data' if args.quick else Path(task.data)
    work.mkdir(parents=True, exist_ok=True)
    lock = _lock(work)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    parts = 1 + 1 + 2 * len(args.seeds) + 1
    titles = (f'[{number}/{parts}] {{}}' for number in range(1, parts + 1))
    title = next(titles).format('digits')
    task.write(
        data,
        counts=(16, 8) if args.quick else (1600, 200),
        progress=lambda todo: tqdm(todo, desc=title, unit='img'),
    )
    options = dict(QUICK) if args.quick else {}

    def job(role, title, folder, seed, teacher=None):
        return Job(
            next(titles).format(title),
            Path('configs/demo') / f'{task.configs}_{role}.py',
            work / folder,
            data,
            dict(options, **{'randomness.seed': seed}),
            teacher,
        )

    teacher = job('teacher', 'teacher', 'teacher', 0)
    models = {'teacher': [teacher], 'student alone': [], 'with DKD': []}
    for seed in args.seeds:
        models['student alone'].append(
            job(
                'student',
                f'student alone, seed {seed}',
                f'student_seed{seed}',
                seed,
            )
        )
        models['with DKD'].append(
            job(
                'dkd',
                f'student with DKD, seed {seed}',
                f'dkd_seed{seed}',
                seed,
                teacher,
            )
        )
    metric = next(iter(task.metrics))
    run(teacher, metric, lock)
    for pair in zip(models['student alone'], models['with DKD']):
        for one in pair:
            run(one, metric, lock)

    with tqdm(total=3, desc=next(titles).format('pictures')) as bar:
        logs = {
            name: [read_log(one.folder) for one in jobs]
            for name, jobs in models.items()
        }
        draw_curves(logs, task.curves, work / 'curves.png')
        bar.update()
        _draw(task, models, data, work / task.picture)
        bar.update()
        table = format_table(
            [
                _row(task, name, jobs, logs[name])
                for name, jobs in models.items()
            ]
        )
        (work / 'table.md').write_text(table + '\n')
        bar.update()
    minutes = (
        sum(one.state['seconds'] for jobs in models.values() for one in jobs)
        / 60
    )
    print(
        f'\n{table}\n\n{minutes:.1f} minutes of training in all. Pictures: '
        f'{work / "curves.png"}, {work / task.picture}; this table: '
        f'{work / "table.md"}'
    )


def _row(task, name, jobs, logs) -> Row:
    """The last validation of each seed; nan where nothing was detected."""
    last = [last_values(log) for log in logs]
    return Row(
        name,
        {
            column: [values.get(key, math.nan) for values in last]
            for key, column in task.metrics.items()
        },
        [job.state['seconds'] / 60 for job in jobs],
    )


def _draw(task, models, data, path) -> None:
    """The first seed's models; the distilled one as a plain student."""
    student = models['student alone'][0].config
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter('ignore')
        task.draw(
            {
                name: (
                    jobs[0].config if name == 'teacher' else student,
                    jobs[0].checkpoint,
                )
                for name, jobs in models.items()
            },
            data,
            path,
        )


def _lock(work: Path) -> int:
    """Refuse to work twice in one folder; trainings hold the lock too."""
    lock = os.open(work / '.lock', os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(
            f'demo: another demo is at work in {work}; wait for it, end it, '
            'or name another folder with --work-dir'
        ) from None
    return lock


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        sys.exit('\ndemo: interrupted; the same command goes on from here')
