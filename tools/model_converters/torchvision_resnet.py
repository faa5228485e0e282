"""Convert a ResNet of torchvision to MMPretrain's names.

    python tools/model_converters/torchvision_resnet.py \
        resnet34-b627a593.pth checkpoints/resnet34_torchvision.pth

The teachers of most papers on ImageNet are torchvision's ResNet-34 and
ResNet-50 (73.31 and 76.16 % top-1), those of MMPretrain's configs its own
(73.62 and 76.55). --teacher-ckpt names the file that is written.
"""

import argparse

from mmkd_logit.checkpoints.export import save_checkpoint
from mmkd_logit.checkpoints.safe_load import load_checkpoint_safely
from mmkd_logit.checkpoints.torchvision_resnet import from_torchvision
from mmkd_logit.launch import run_and_explain


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('source', help='state dict of torchvision')
    parser.add_argument('target', help='checkpoint to write')
    parser.add_argument(
        '--force', action='store_true', help='replace a file that is there'
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    checkpoint = load_checkpoint_safely(args.source)
    state = from_torchvision(checkpoint, args.source)
    save_checkpoint(dict(state_dict=state, meta={}), args.target, args.force)
    print(f'wrote {args.target}: {len(state)} tensors')


if __name__ == '__main__':
    run_and_explain(main)
