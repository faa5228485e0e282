"""Say what a distillation reads and costs, before anything is trained.

    python -m mmkd_logit.plan STUDENT TEACHER [--method dkd]
    python -m mmkd_logit.plan configs/dkd/faster_rcnn_r101_r18_coco.py

The second form takes the config of a distillation. Both models have random
weights, so nothing is downloaded; images are the config's own if they are
there, otherwise random. It exits with 1 if the pair does not fit, after one
sentence that says why.
"""

import argparse
import copy
import resource
import sys
import tempfile
from typing import Iterator

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from ..distillers import LogitDistiller
from ..distillers.build import build_model
from ..distillers.teachers import labels_of
from ..launch import is_distiller, load_config, move_data_root
from ..launch.explain import run_and_explain
from ..launch.model_block import check_model_block
from ..launch.start import distill
from ..messages import WrongValue
from ..registry import MODELS
from .batches import give_random_weights, training_batch
from .probe import probe
from .steps import measure_steps

_PARTS = (
    'backbone',
    'bbox_head',
    'roi_head',
    'panoptic_head',
    'decode_head',
    'head',
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m mmkd_logit.plan',
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument('student', help='config file, or package::path')
    parser.add_argument(
        'teacher', nargs='?', help='config file, or package::path'
    )
    parser.add_argument('--method', default='dkd', help='default: dkd')
    parser.add_argument('--data-root')
    parser.add_argument('--image-size', type=int, help='side of random images')
    parser.add_argument('--batch-size', type=int)
    parser.add_argument(
        '--rounds', type=int, default=10, help='measured steps, default: 10'
    )
    parser.add_argument(
        '--seconds',
        type=float,
        default=60,
        help='no further step is measured after so many, default: 60',
    )
    parser.add_argument(
        '--device', default='cuda' if torch.cuda.is_available() else 'cpu'
    )
    return parser.parse_args()


def plan(args: argparse.Namespace) -> Iterator[str]:
    """The lines that are printed, each as soon as it is known."""
    _check_numbers(args)
    config = load_config(args.student)
    check_model_block(config)
    for part in ('train_dataloader', 'optim_wrapper'):
        if not config.get(part):
            raise WrongValue(
                f'{args.student!r} has no `{part}`; name the config of a '
                'training'
            )
    if is_distiller(config.get('model') or {}):
        if args.teacher:
            raise WrongValue(
                f'{args.student!r} names its teacher itself; leave the second '
                'config out'
            )
    elif not args.teacher:
        raise WrongValue(
            f'{args.student!r} trains a student alone; name the config of a '
            'teacher after it'
        )
    else:
        config = distill(config, args.teacher, args.method)
    init_default_scope(config.get('default_scope', 'mmengine'))
    if args.data_root:
        move_data_root(config, args.data_root)
    if args.batch_size:
        config.train_dataloader.batch_size = args.batch_size
    MMLogger.get_current_instance().setLevel('WARNING')
    with tempfile.TemporaryDirectory() as folder:
        config.model.teacher_cache = None
        give_random_weights(config.model, folder)
        distiller = MODELS.build(config.model)
        distiller.to(args.device).prepare()
    student = build_model(config.model.student, 'student').to(args.device)
    yield from _models(distiller)
    yield from _measured(config, distiller, student, args)


def _check_numbers(args: argparse.Namespace) -> None:
    for name in ('image_size', 'batch_size', 'rounds'):
        value = getattr(args, name)
        if value is not None and value < 1:
            option = name.replace('_', '-')
            raise WrongValue(f'--{option} must be at least 1, got {value}')
    try:
        torch.empty(0, device=args.device)
    except (RuntimeError, AssertionError) as error:
        raise WrongValue(
            f'--device {args.device} cannot be used: '
            f'{str(error).splitlines()[0]}'
        ) from error


def _models(distiller: LogitDistiller) -> Iterator[str]:
    yield (
        f'student   {_name(distiller.student)}, '
        f'{_millions(distiller.student)} M parameters'
    )
    labels = labels_of(distiller.teachers)
    for label, teacher in zip(labels, distiller.teachers):
        parts = ', '.join(name for name, _ in teacher.model.named_children())
        yield (
            f'{label:9} {_name(teacher.model)}, '
            f'{teacher.num_parameters / 1e6:.1f} M parameters; '
            f'{_millions(teacher.model)} M are kept, in {parts}'
        )


def _measured(
    config: Config,
    distiller: LogitDistiller,
    student: torch.nn.Module,
    args: argparse.Namespace,
) -> Iterator[str]:
    batch, origin = training_batch(config, student, args.image_size)
    distiller.train()
    probes = probe(distiller, [copy.deepcopy(batch)])
    yield f'data      {origin}'
    for one in probes:
        term = distiller.terms[one.name]
        kind = 'sigmoid' if term.facts.use_sigmoid else 'softmax'
        yield (
            f'{one.name:9} {type(term.reader).__name__} -> '
            f'{type(term.loss).__name__}: {one.rows[0]} {kind} rows of '
            f'{one.rows[1]} logits'
        )
    optimizers = {
        kind: build_optim_wrapper(model, config.optim_wrapper.copy())
        for kind, model in (
            ('plain', student.train()),
            ('distilled', distiller),
        )
    }
    yield (
        'strength  not measured: weights are random here; tools/train.py '
        '--probe 10 looks at the terms with trained ones'
    )
    cost = measure_steps(
        distiller,
        student,
        optimizers,
        batch,
        args.rounds,
        seconds=args.seconds,
    )
    yield (
        f'time      student alone {cost.plain:.3f} s, teacher '
        f'{cost.teacher:.3f} s, distilled {cost.distilled:.3f} s a step '
        f'({cost.rounds} rounds on {args.device}; {cost.ratio:.2f} x student '
        'plus teacher)'
    )
    yield (
        f'memory    {_peak_memory(args.device):.2f} GiB at the peak of this '
        'process, which holds the student twice'
    )


def _name(model: torch.nn.Module) -> str:
    parts = [
        type(getattr(model, part)).__name__
        for part in _PARTS
        if getattr(model, part, None) is not None
    ]
    return f'{type(model).__name__} ({", ".join(parts)})'


def _millions(model: torch.nn.Module) -> str:
    return f'{sum(p.numel() for p in model.parameters()) / 1e6:.1f}'


def _peak_memory(device: str) -> float:
    """Peak memory in GiB, of the GPU if one is used."""
    if device.startswith('cuda'):
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    for line in plan(parse_args()):
        print(line, flush=True)


if __name__ == '__main__':
    sys.exit(run_and_explain(main))
