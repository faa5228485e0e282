"""Cached logits of a teacher: write them, and train with them."""

from argparse import Namespace
from pathlib import Path
from typing import Optional

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from ..cache.files import read_meta
from ..doctor import check_toolbox
from ..messages import WrongValue
from ..registry import is_distiller
from .config import add_hook, load_config, move_data_root
from .data import check_data
from .model_block import check_model_block
from .pickled_data import refuse_pickled_data
from .start import use_teacher
from .weights import check_names


def use_cache(config: Config, folder: Optional[str] = None) -> None:
    """Prepare a training that reads its teacher's logits.

    The hook that marks samples is added. For a cache of random augmentation
    the run gets ``exact_resume=True``, and the seed of the cache if it has
    none.

    Args:
        config (Config): Changed in place.
        folder (str, optional): ``--teacher-cache``, which takes the place of
            ``model.teacher_cache``.

    Raises:
        FileNotFoundError: If there is no cache.
        ValueError: If the config has no teacher, or another seed.
    """
    if folder:
        if not is_distiller(config.model):
            raise WrongValue('--teacher-cache: this config has no teacher')
        config.model.teacher_cache = folder
    if not is_distiller(config.model) or not config.model.get('teacher_cache'):
        return
    folder = config.model.teacher_cache
    meta = read_meta(folder)
    add_hook(config, 'TeacherCacheHook')
    if meta['order']['by'] == 'place':
        config.exact_resume = True
        randomness = dict(config.get('randomness') or {})
        if randomness.get('seed') is None:
            randomness['seed'] = meta['seed']
            config.randomness = randomness
        if randomness['seed'] != meta['seed']:
            raise WrongValue(
                f'the teacher cache {folder!r} was written for '
                f'randomness.seed={meta["seed"]}, this run has '
                f'{randomness["seed"]}; take the same, or write another cache'
            )


def cache_teacher(args: Namespace) -> None:
    """Write a cache as ``tools/cache_teacher.py`` was asked to."""
    from ..cache.form import RowForm
    from ..cache.order import Length
    from ..cache.write import CacheWriter

    form = RowForm.of(args.keep, args.dtype)
    if args.epochs and args.iters:
        raise WrongValue('--epochs and --iters exclude each other')
    for name in ('epochs', 'iters'):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise WrongValue(f'--{name} must be >= 1')
    length = None
    if args.epochs or args.iters:
        length = Length(args.epochs, args.iters)
    use_teacher(args)
    config = load_config(args.config, args.cfg_options)
    if args.data_root:
        move_data_root(config, args.data_root)
    check_toolbox(config.get('default_scope'))
    check_model_block(config)
    if not is_distiller(config.model):
        raise WrongValue(
            f'{args.config!r} trains a student alone; add --teacher, or name '
            'the config of a distillation'
        )
    if args.teacher_ckpt:
        config.model.teacher_ckpt = args.teacher_ckpt
    config.model.teacher_cache = None
    check_names(config)
    refuse_pickled_data(config, ('train_dataloader',))
    check_data(config, ('train_dataloader',))
    name = Path(args.config.rpartition('::')[2]).stem
    folder = args.out or str(Path('work_dirs', 'teacher_cache', name))
    init_default_scope(config.get('default_scope') or 'mmengine')
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    CacheWriter(config, folder, form, length, args.every_epoch, device).write()
    print(f'complete: train with --teacher-cache {folder}')
