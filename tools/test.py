"""Evaluate a student; neither teacher config nor weights are needed."""

import argparse

from mmengine.config import DictAction

from mmkd_logit.launch import run_and_explain
from mmkd_logit.launch.jobs import test


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file, or package::path')
    parser.add_argument('checkpoint', help='plain checkpoint of the student')
    parser.add_argument('--work-dir', help='folder for logs and metrics')
    parser.add_argument(
        '--data-root', help="folder with the layout of the config's own"
    )
    parser.add_argument('--show-dir', help='folder for painted predictions')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='settings to override, such as test_dataloader.batch_size=4',
    )
    parser.add_argument(
        '--trust',
        action='store_true',
        help='read any pickle, which can run code; only for your own files',
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
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    return parser.parse_args()


if __name__ == '__main__':
    run_and_explain(lambda: test(parse_args()))
