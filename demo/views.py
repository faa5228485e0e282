"""Losses on a sigmoid head in both views, on the demo's digits.

Trains GFL with and without a teacher, classes only, once per seed; safe to
interrupt and to run again. Written to compare the views, not to show a best
result: every loss has tau 1 and the weight 1.
"""

import argparse
import os
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

from tqdm import tqdm

from mmkd_logit.launch.logs import last_values, read_log

from .jobs import ROOT, Job, run
from .layouts import write_coco
from .table import Row, format_table

METRICS = {'coco/bbox_mAP': 'mAP', 'coco/bbox_mAP_50': 'AP50'}
DATA = Path('data/demo_coco')


class Method(NamedTuple):
    """One row of the table: how rows are read and compared."""

    logits: Dict[str, Any]
    loss: Dict[str, Any]


def _categorical(**options: Any) -> Dict[str, Any]:
    return dict(
        type='mmkd_logit.DenseClsLogits', view='categorical', **options
    )


_BERNOULLI = dict(type='mmkd_logit.DenseClsLogits', view='bernoulli')
_KD = dict(type='mmkd_logit.KDLoss', tau=1.0)
_DKD = dict(type='mmkd_logit.DKDLoss', tau=1.0, alpha=1.0, beta=1.0)
METHODS = {
    'kd_bernoulli': Method(_BERNOULLI, _KD),
    'dkd_bernoulli': Method(_BERNOULLI, _DKD),
    'dkd_categorical': Method(_categorical(), _DKD),
    'gdkd_categorical': Method(
        _categorical(),
        dict(type='mmkd_logit.GDKDLoss', k=3, tau=1.0, w0=1.0, w1=1.0, w2=1.0),
    ),
    'nkd_categorical': Method(
        _categorical(), dict(type='mmkd_logit.NKDLoss', tau=1.0, gamma=1.0)
    ),
    'dkd_categorical_positive': Method(_categorical(rows='positive'), _DKD),
    'dkd_categorical_unweighted': Method(
        _categorical(weighting='label'), _DKD
    ),
}
#: Shown if nothing else is asked for.
DEFAULT = [name for name in METHODS if name.count('_') == 1]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m demo.views', description=__doc__
    )
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument(
        '--methods', nargs='*', choices=sorted(METHODS), default=DEFAULT
    )
    parser.add_argument('--work-dir', default='work_dirs/demo_views')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    os.chdir(ROOT)
    work = Path(args.work_dir)
    work.mkdir(parents=True, exist_ok=True)
    write_coco(
        DATA,
        counts=(1600, 200),
        progress=lambda todo: tqdm(todo, desc='digits', unit='img'),
    )
    teacher = Job(
        'teacher', Path('configs/demo/gfl_teacher.py'), work / 'teacher', DATA
    )
    jobs = {'teacher': [teacher], 'student alone': []}
    jobs.update({name: [] for name in args.methods})
    for seed in args.seeds:
        for name in list(jobs)[1:]:
            jobs[name].append(_job(name, seed, work, teacher))
    for models in jobs.values():
        for job in models:
            run(job, next(iter(METRICS)))
    print(format_table([_row(name, models) for name, models in jobs.items()]))


def _job(name: str, seed: int, work: Path, teacher: Job) -> Job:
    """Training of a student, alone or with the method of that name."""
    options = {'randomness.seed': seed}
    config, needs = Path('configs/demo/gfl_student.py'), None
    if name in METHODS:
        config, needs = work / f'{name}.py', teacher
        config.write_text(_config(METHODS[name], teacher))
    folder = work / f'{name.replace(" ", "_")}_seed{seed}'
    return Job(f'{name}, seed {seed}', config, folder, DATA, options, needs)


def _config(method: Method, teacher: Job) -> str:
    """A config file that adds one term to the student's own."""
    term = dict(logits=method.logits, loss=method.loss)
    return (
        f'_base_ = {str(ROOT / "configs/demo/gfl_student.py")!r}\n'
        'model = dict(\n'
        '    _delete_=True,\n'
        "    type='mmkd_logit.LogitDistiller',\n"
        '    student=_base_.model,\n'
        f'    teacher={str(ROOT / "configs/demo/gfl_teacher.py")!r},\n'
        f'    teacher_ckpt={str(teacher.checkpoint)!r},\n'
        f'    distill=dict(loss_kd={term!r}))\n'
    )


def _row(name: str, jobs: List[Job]) -> Row:
    last = [last_values(read_log(job.folder)) for job in jobs]
    columns: List[Tuple[str, str]] = list(METRICS.items())
    return Row(
        name.replace('_', ' '),
        {column: [one[key] for one in last] for key, column in columns},
        [job.state['seconds'] / 60 for job in jobs],
    )


if __name__ == '__main__':
    main()
