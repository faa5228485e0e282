"""Convert published CIFAR checkpoints to MMPretrain's names, and back.

    python tools/model_converters/mdistiller.py resnet32x4 \
        resnet32x4_vanilla/ckpt_epoch_240.pth \
        checkpoints/cifar_resnet32x4_cifar100.pth

Reads files of mdistiller (DKD) and its forks (SDD, GDKD, LSKD) and of CRD.
"""

import argparse

from mmkd_logit.checkpoints.export import save_checkpoint
from mmkd_logit.checkpoints.mdistiller import from_mdistiller, to_mdistiller
from mmkd_logit.checkpoints.safe_load import load_checkpoint_safely
from mmkd_logit.checkpoints.state_dict import plain_state_dict
from mmkd_logit.launch import run_and_explain


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('name', help='network, such as resnet32x4')
    parser.add_argument('source', help='checkpoint to read')
    parser.add_argument('target', help='checkpoint to write')
    parser.add_argument(
        '--part',
        default='student',
        choices=['student', 'teacher'],
        help='which one, in files of a trainer that hold both',
    )
    parser.add_argument(
        '--large-input',
        action='store_true',
        help='the network with a 7 x 7 stem (CUB-200-2011)',
    )
    parser.add_argument(
        '--back', action='store_true', help='from MMPretrain to mdistiller'
    )
    parser.add_argument(
        '--force', action='store_true', help='replace a file that is there'
    )
    parser.add_argument(
        '--trust',
        '--trusted',
        dest='trust',
        action='store_true',
        help='read a pickle that can run code; only for files of your own',
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    checkpoint = load_checkpoint_safely(
        args.source, args.trust, way='pass --trust'
    )
    options = dict(large_input=True) if args.large_input else {}
    if args.back:
        state = plain_state_dict(checkpoint, args.source)
        out = dict(model=to_mdistiller(args.name, state, **options))
    else:
        state, left_out = from_mdistiller(
            args.name, checkpoint, args.part, **options
        )
        out = dict(state_dict=state, meta=dict())
        if left_out:
            print(
                f'left out {len(left_out)} keys of other networks or of '
                f'the method: {", ".join(left_out[:8])}'
            )
    save_checkpoint(out, args.target, args.force)
    print(f'wrote {args.target}')


if __name__ == '__main__':
    run_and_explain(main)
