"""What the options of a teacher's computation gain, and what they change.

    python tools/analysis_tools/benchmark_teacher.py \
        configs/kd/cifar_resnet56_resnet20_cifar100.py \
        --options plain bfloat16 channels_last bfloat16+channels_last

Builds the distiller once for each set of options, with the same weights, and
takes one step of each on the same batch and random numbers. Then the part of
the teacher that its readers need is run again and again, all sets in turn;
times are medians, ratios the medians of each round's own, so that a machine
that slows down for a while does not change them. The rows of the step show
how often the largest class is that of the first set, and the largest
difference of a logit, beside the deviation of the logits of a row.

Weights are random unless --teacher-ckpt names a file, and agreement says
little without trained ones. Images are the config's own if they are there.
"""

import argparse
import copy
import statistics
import tempfile
import time
from typing import Any, Dict, List

import torch
from mmengine.config import Config, DictAction
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import init_default_scope

from mmkd_logit.launch import keep_freed_memory, load_config, move_data_root
from mmkd_logit.launch.explain import run_and_explain
from mmkd_logit.messages import WrongValue
from mmkd_logit.plan.batches import give_random_weights, training_batch
from mmkd_logit.plan.steps import TeacherCalls
from mmkd_logit.registry import MODELS

_SETTINGS: Dict[str, Dict[str, Any]] = dict(
    plain={},
    bfloat16=dict(dtype='bfloat16'),
    float16=dict(dtype='float16'),
    channels_last=dict(channels_last=True),
    compile=dict(compile=True),
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('config', help='of a distillation')
    parser.add_argument(
        '--options',
        nargs='+',
        default=[
            'plain',
            'bfloat16',
            'channels_last',
            'bfloat16+channels_last',
            'compile',
        ],
        metavar='SET',
        help=f'sets of {", ".join(_SETTINGS)}, joined by +; ratios are to '
        'the first',
    )
    parser.add_argument('--teacher-ckpt', help='trained weights')
    parser.add_argument('--data-root')
    parser.add_argument('--image-size', type=int, help='of random images')
    parser.add_argument('--batch-size', type=int)
    parser.add_argument('--rounds', type=int, default=20)
    parser.add_argument('--warmup', type=int, default=2)
    parser.add_argument('--threads', type=int, help='of torch, on the CPU')
    parser.add_argument(
        '--cpu-time',
        action='store_true',
        help='processor time instead of wall time, for a busy machine',
    )
    parser.add_argument(
        '--device', default='cuda' if torch.cuda.is_available() else 'cpu'
    )
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    return parser.parse_args()


def settings_of(names: str) -> Dict[str, Any]:
    """``'bfloat16+channels_last'`` -> ``teacher_options``."""
    settings: Dict[str, Any] = {}
    for name in names.split('+'):
        if name not in _SETTINGS:
            raise WrongValue(
                f'--options: {name!r} is none of {", ".join(_SETTINGS)}'
            )
        settings.update(_SETTINGS[name])
    return settings


class Contender:
    """A distiller with one set of options."""

    def __init__(self, names: str, config: Config, device: str) -> None:
        self.names = names
        model = copy.deepcopy(config.model)
        model.teacher_options = settings_of(names)
        torch.manual_seed(0)
        self.distiller = MODELS.build(model)
        self.distiller.init_weights()
        self.distiller.to(device).train()
        self.times: List[float] = []
        self.rows: List[torch.Tensor] = []

    def step(self, batch: dict, teacher_calls: TeacherCalls) -> None:
        """One step; keeps the teacher's rows and the calls that made them."""
        self.distiller.listener = lambda name, pair: self.rows.append(
            pair.teacher_logits
        )
        data = self.distiller.data_preprocessor(copy.deepcopy(batch), True)
        torch.manual_seed(0)
        with torch.no_grad():
            self.distiller(**data, mode='loss')
        self.calls = teacher_calls.take()

    def time(
        self, teacher_calls: TeacherCalls, args: argparse.Namespace
    ) -> None:
        """The teacher's part of that step once more."""
        on_gpu = args.device != 'cpu'
        wait = torch.cuda.synchronize if on_gpu else lambda: None
        clock = time.process_time if args.cpu_time else time.perf_counter
        wait()
        begin = clock()
        teacher_calls.repeat(self.calls)
        wait()
        self.times.append(clock() - begin)


def agreement(ours: Contender, first: Contender) -> Dict[str, float]:
    """Rows with the same largest class, and how far logits lie apart."""
    same, count, largest, spread = 0, 0, 0.0, []
    for one, other in zip(ours.rows, first.rows):
        if one.shape != other.shape:
            raise WrongValue(
                f'the readers gave {tuple(one.shape)} rows with '
                f'{ours.names}, {tuple(other.shape)} with {first.names}'
            )
        if one.numel():
            same += int((one.argmax(1) == other.argmax(1)).sum())
            count += len(one)
            largest = max(largest, float((one - other).abs().max()))
            spread.append(float(other.std(1, correction=0).mean()))
    return dict(
        top1=same / max(count, 1),
        largest=largest,
        deviation=statistics.mean(spread) if spread else 0.0,
    )


def compare(args: argparse.Namespace, config: Config) -> List[Contender]:
    """All sets of options on one batch, timed in turn."""
    with TeacherCalls() as teacher_calls:
        contenders = [
            Contender(names, config, args.device) for names in args.options
        ]
        batch, origin = training_batch(
            config, contenders[0].distiller.student, args.image_size
        )
        print(f'{origin}; {args.rounds} rounds on {args.device}')
        for one in contenders:
            one.step(batch, teacher_calls)
        for index in range(args.warmup + args.rounds):
            if index == args.warmup:
                for one in contenders:
                    one.times.clear()
            turn = index % len(contenders)
            for one in contenders[turn:] + contenders[:turn]:
                one.time(teacher_calls, args)
    return contenders


def table(contenders: List[Contender]) -> str:
    first = contenders[0]
    width = max(len(one.names) for one in contenders)
    lines = [
        f'{"options":{width}}       ms  speed  same top 1  largest '
        'difference  deviation'
    ]
    for one in contenders:
        speed = statistics.median(
            theirs / ours for theirs, ours in zip(first.times, one.times)
        )
        found = agreement(one, first)
        lines.append(
            f'{one.names:{width}} {statistics.median(one.times) * 1e3:8.1f} '
            f'{speed:6.2f} {found["top1"]:11.2%} {found["largest"]:19.3g} '
            f'{found["deviation"]:10.3g}'
        )
    return '\n'.join(lines)


def main() -> None:
    args = parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    keep_freed_memory()  # as tools/train.py does
    config = load_config(args.config, args.cfg_options)
    init_default_scope(config.get('default_scope', 'mmengine'))
    if args.data_root:
        move_data_root(config, args.data_root)
    if args.batch_size:
        config.train_dataloader.batch_size = args.batch_size
    # some preprocessors and heads ask how far the training is
    MessageHub.get_current_instance().update_info('iter', 0)
    MessageHub.get_current_instance().update_info('epoch', 0)
    MMLogger.get_current_instance().setLevel('WARNING')
    with tempfile.TemporaryDirectory() as folder:
        if args.teacher_ckpt:
            config.model.teacher_ckpt = args.teacher_ckpt
        else:
            give_random_weights(config.model, folder)
        print(table(compare(args, config)))


if __name__ == '__main__':
    run_and_explain(main)
