"""Evaluate a student; neither teacher config nor weights are needed."""

import argparse

from mmengine.config import DictAction
from mmengine.runner import Runner

from mmkd_logit.launch import (
    check_data,
    job_config,
    run_and_explain,
    start_processes,
)


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
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = job_config(args)
    cfg.load_from = args.checkpoint
    if args.show_dir:
        hook = cfg.default_hooks.get('visualization')
        if hook is None:
            raise SystemExit(
                '--show-dir: this config has no default_hooks.visualization'
            )
        hook.draw = True
        hook.test_out_dir = args.show_dir
        hook.interval = 1
    check_data(cfg, ('test_dataloader',))
    start_processes(cfg)
    Runner.from_cfg(cfg).test()


if __name__ == '__main__':
    run_and_explain(main)
