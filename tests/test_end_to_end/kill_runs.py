"""Kill runs at random moments, resume them, and compare their ends.

    python -m tests.test_end_to_end.kill_runs segmentation --kills 10

A run of ``configs/demo`` with two persistent workers and random augmentation
is trained once without interruption. Then it is started, killed with SIGKILL
at a random moment, and resumed, as often as asked; every one must end with
the weights of the first. Processes are forked from one that has loaded the
toolboxes, so most of a run's time is training. (``.ci/run`` runs the two
resumes of ``test_runner_features.py``; this takes minutes.)
"""

import argparse
import os
import random
import runpy
import signal
import sys
import tempfile
import time
from pathlib import Path

import torch

from tests.test_end_to_end.commands import OPTIONS, ROOT, random_teacher

ITERS = 8
EXACT = [
    *OPTIONS,
    f'train_cfg.max_iters={ITERS}',
    f'train_cfg.val_interval={ITERS}',
    'train_dataloader.num_workers=2',
    'train_dataloader.persistent_workers=True',
    'val_dataloader.num_workers=0',
    'val_dataloader.persistent_workers=False',
    'exact_resume=True',
]


def prepare(task: str, folder: Path) -> list:
    """Data, a teacher, and the command line of the task."""
    from mmengine.registry import init_default_scope

    from demo.layouts import write_cityscapes, write_coco

    if task == 'detection':
        init_default_scope('mmdet')
        data, name = write_coco(folder / 'data', counts=(12, 2)), 'faster_rcnn'
    else:
        init_default_scope('mmseg')
        data, name = write_cityscapes(folder / 'data', counts=(12, 2)), 'fcn'
    teacher = random_teacher(
        ROOT / f'configs/demo/{name}_teacher.py',
        folder / 'teacher.pth',
        '0123456789' if task == 'detection' else None,
    )
    options = ['--data-root', data, '--teacher-ckpt', teacher]
    return [f'configs/demo/{name}_dkd.py', *options]


def start(command: list, work_dir: Path, resume: bool = False) -> int:
    """Fork a process that trains; its id."""
    process = os.fork()
    if process:
        return process
    os.setsid()
    code = 1
    try:
        os.chdir(ROOT)
        with open(f'{work_dir}.log', 'a') as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        sys.argv = [
            'tools/train.py',
            *map(str, command),
            '--work-dir',
            str(work_dir),
            *(['--resume'] if resume else []),
            '--cfg-options',
            *EXACT,
        ]
        runpy.run_path('tools/train.py', run_name='__main__')
        code = 0
    except SystemExit as end:
        print(end)
        code = 0 if end.code in (None, 0) else 1
    finally:
        os._exit(code)


def wait(process: int) -> None:
    """Let a run end by itself.

    Raises:
        RuntimeError: If it fails.
    """
    status = os.waitpid(process, 0)[1]
    if status:
        raise RuntimeError(f'a run ended with status {status}, see its log')


def weights(work_dir: Path) -> dict:
    path = work_dir / f'iter_{ITERS}.pth'
    return torch.load(path, weights_only=False)['state_dict']


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('task', choices=['detection', 'segmentation'])
    parser.add_argument('--kills', type=int, default=10)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    moments = random.Random(args.seed)
    folder = Path(tempfile.mkdtemp(prefix='kill_runs_'))
    command = prepare(args.task, folder)

    begin = time.time()
    wait(start(command, folder / 'whole'))
    length = time.time() - begin
    whole, equal = weights(folder / 'whole'), 0
    print(f'a whole run takes {length:.1f} s', flush=True)
    for number in range(args.kills):
        work_dir = folder / f'killed_{number}'
        process = start(command, work_dir)
        moment = moments.uniform(0.1, 0.95) * length
        time.sleep(moment)
        os.killpg(process, signal.SIGKILL)
        os.waitpid(process, 0)
        saved = sorted(path.name for path in work_dir.glob('*.pth'))
        wait(start(command, work_dir, resume=True))
        ours = weights(work_dir)
        same = all(torch.equal(ours[key], whole[key]) for key in whole)
        equal += same
        print(
            f'killed after {moment:.1f} s with {saved}: '
            f'{"equal" if same else "DIFFERENT"}',
            flush=True,
        )
    print(f'{args.task}: {equal} of {args.kills} ends are equal')
    sys.exit(equal != args.kills)


if __name__ == '__main__':
    main()
