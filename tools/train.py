"""Train a student: alone, or with its teacher's logits."""

import argparse

from mmengine.config import DictAction

from mmkd_logit.launch import run_and_explain
from mmkd_logit.launch.jobs import train


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file, or package::path')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument(
        '--data-root', help="folder with the layout of the config's own"
    )
    parser.add_argument(
        '--teacher',
        action='append',
        help="the teacher's config file, or package::path; makes a "
        'distillation of a config that trains a student alone; again for '
        "each of several teachers; 'ema' for the student's own average",
    )
    parser.add_argument(
        '--method', help='of the distillation with --teacher; default: dkd'
    )
    parser.add_argument(
        '--probe',
        type=int,
        metavar='N',
        help='look at the terms on N batches instead of training, and '
        'propose weights',
    )
    parser.add_argument(
        '--teacher-ckpt',
        action='append',
        help="path or URL of the teacher's weights; again for each of several",
    )
    parser.add_argument(
        '--alone',
        metavar='WORK_DIR',
        help="run of the student alone, which each evaluation's line names; "
        'looked for beside the work dir if not given',
    )
    parser.add_argument(
        '--teacher-cache',
        metavar='FOLDER',
        help="read the teacher's logits that tools/cache_teacher.py wrote",
    )
    parser.add_argument(
        '--amp',
        action='store_true',
        help='automatic mixed precision; bfloat16 on a CPU',
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate to the actual batch',
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='a checkpoint to resume from; the newest of --work-dir that '
        'reads if no path is given',
    )
    parser.add_argument(
        '--trust',
        action='store_true',
        help="read any pickle of the student's side, which can run code; "
        'only for your own files',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='settings to override, such as train_cfg.max_epochs=1',
    )
    parser.add_argument(
        '--no-progress',
        action='store_true',
        help='on a terminal too, the lines of the log instead of bars with '
        'the time left',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how processes were started; on CPUs pytorch only, over gloo',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    return parser.parse_args()


if __name__ == '__main__':
    run_and_explain(lambda: train(parse_args()))
