"""Write a teacher's logits of the training set, to train from them."""

import argparse

from mmengine.config import DictAction

from mmkd_logit.launch import run_and_explain
from mmkd_logit.launch.teacher_cache import cache_teacher


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config of the distillation')
    parser.add_argument(
        '--out', help='folder; default: work_dirs/teacher_cache/<config>'
    )
    parser.add_argument(
        '--keep', default='all', help="'all', or how many largest logits"
    )
    parser.add_argument(
        '--dtype', choices=['float32', 'float16'], default='float32'
    )
    parser.add_argument(
        '--epochs',
        type=int,
        help='of random augmentation; default: as many as the config trains',
    )
    parser.add_argument(
        '--iters', type=int, help='the same in a training by iterations'
    )
    parser.add_argument(
        '--every-epoch',
        action='store_true',
        help='cache each epoch though images do not change, for a training '
        'that is equal to the last bit',
    )
    parser.add_argument(
        '--teacher', help="the teacher's config, as in tools/train.py"
    )
    parser.add_argument('--method', help='as in tools/train.py')
    parser.add_argument(
        '--teacher-ckpt', help="path or URL of the teacher's weights"
    )
    parser.add_argument('--work-dir', help='for the config of --teacher')
    parser.add_argument(
        '--data-root', help="folder with the layout of the config's own"
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='settings to override, such as randomness.seed=0',
    )
    return parser.parse_args()


if __name__ == '__main__':
    run_and_explain(lambda: cache_teacher(parse_args()))
