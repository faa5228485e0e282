"""Strip a checkpoint down to the student's weights.

Drops optimizer, schedulers and logs, and takes teacher and distillation out
of the config that it keeps. Checkpoints of old MMRazor distillation runs
become plain student checkpoints.
"""

import argparse

from mmkd_logit.checkpoints.export import export_file
from mmkd_logit.launch import run_and_explain


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', help='file that a training wrote')
    parser.add_argument(
        'out', help='file to write; may be the same one with --force'
    )
    parser.add_argument(
        '--force', action='store_true', help='replace a file that is there'
    )
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
    tensors, before, after = export_file(
        args.checkpoint,
        args.out,
        averaged=not args.without_ema,
        force=args.force,
        trusted=args.trust,
    )
    print(
        f'{args.out}: {tensors} tensors, {after / 2**20:.1f} MiB instead of '
        f'{before / 2**20:.1f}'
    )


if __name__ == '__main__':
    run_and_explain(main)
