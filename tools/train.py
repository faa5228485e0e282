"""Train a student: alone, or with its teacher's logits."""

import argparse
import os
from pathlib import Path

from mmengine.config import DictAction
from mmengine.runner import Runner

from mmkd_logit.launch import (
    check_data,
    guard,
    is_distiller,
    load_config,
    move_data_root,
    run_and_explain,
    start_processes,
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file, or package::path')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument(
        '--data-root', help="folder with the layout of the config's own"
    )
    parser.add_argument(
        '--teacher-ckpt', help="path or URL of the teacher's weights"
    )
    parser.add_argument(
        '--amp', action='store_true', help='automatic mixed precision'
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
        help='a checkpoint to resume from; the latest of --work-dir if no '
        'path is given',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='settings to override, such as train_cfg.max_epochs=1',
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
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = load_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    cfg.work_dir = (
        args.work_dir
        or cfg.get('work_dir')
        or str(Path('work_dirs') / Path(args.config).stem)
    )
    if args.data_root:
        move_data_root(cfg, args.data_root)
    if args.teacher_ckpt:
        if not is_distiller(cfg.model):
            raise SystemExit('--teacher-ckpt: this config has no teacher')
        cfg.model.teacher_ckpt = args.teacher_ckpt
    if args.amp:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise SystemExit(
                '--auto-scale-lr: this config has no '
                'auto_scale_lr.base_batch_size'
            )
        cfg.auto_scale_lr.enable = True
    if args.resume:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
    check_data(cfg)
    guard(cfg)
    start_processes(cfg)
    Runner.from_cfg(cfg).train()


if __name__ == '__main__':
    run_and_explain(main)
