"""Strip a checkpoint down to the student's weights.

Drops optimizer, schedulers and logs, and takes teacher and distillation out
of the config that it keeps. Checkpoints of old MMRazor distillation runs
become plain student checkpoints.
"""

import argparse
import os

import torch

from mmkd_logit.checkpoints.export import export_checkpoint
from mmkd_logit.checkpoints.safe_load import load_checkpoint_safely
from mmkd_logit.launch import run_and_explain


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', help='file that a training wrote')
    parser.add_argument('out', help='file to write')
    parser.add_argument(
        '--without-ema',
        action='store_true',
        help='take the weights as the optimizer left them; EMAHook saves '
        'their moving average as the weights of the model',
    )
    parser.add_argument(
        '--trust',
        action='store_true',
        help='read any pickle, which can run code; only for your own files',
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    checkpoint = load_checkpoint_safely(
        args.checkpoint, args.trust, way='pass --trust'
    )
    student = export_checkpoint(checkpoint, not args.without_ema)
    os.makedirs(os.path.dirname(os.path.abspath(args.out)), exist_ok=True)
    torch.save(student, args.out)
    before, after = map(os.path.getsize, (args.checkpoint, args.out))
    print(
        f'{args.out}: {len(student["state_dict"])} tensors, '
        f'{after / 2**20:.1f} MiB instead of {before / 2**20:.1f}'
    )


if __name__ == '__main__':
    run_and_explain(main)
