"""Read a config and apply the options of the command line."""

import os
from argparse import Namespace
from pathlib import Path
from typing import Any, List, Optional, Union
from urllib.parse import urlparse

from mmengine.config import Config
from mmengine.logging import print_log

from ..arguments import check_arguments
from ..checkpoints.files import check_folder
from ..distillers.config_file import read_config
from ..distillers.self_teacher import is_self_teacher
from ..doctor import check_stack
from ..messages import (
    MissingFile,
    WrongType,
    WrongValue,
    did_you_mean,
    near_path,
)
from ..registry import HOOKS, is_distiller, type_name
from .batch import count_accumulation
from .data import move_data_root


def load_config(path: str, options: Optional[dict] = None) -> Config:
    """Read a config file and merge ``--cfg-options``.

    Raises:
        FileNotFoundError: If it, or a file that it inherits, is not there.
        ImportError: If a toolbox that it inherits from is missing.
    """
    check_stack()
    config = read_config(
        path, where='; the configs of this project are under configs/'
    )
    for option, value in (options or {}).items():
        override(config, option, value)
    # MMPretrain keeps the preprocessor beside the model
    preprocessor = config.get('data_preprocessor')
    model = config.get('model', {})
    for part in (model.get('student'), model):
        if preprocessor and isinstance(part, dict) and not is_distiller(part):
            part.setdefault('data_preprocessor', preprocessor)
    return config


def override(config: Config, option: str, value: Any) -> None:
    """Apply one of ``--cfg-options``.

    Args:
        config (Config): Changed in place.
        option (str): Dotted name; a number is an index of a list.
        value (object): As :class:`mmengine.DictAction` parsed it.

    Raises:
        ValueError: If the config has no place for it.
    """
    node, names = config._cfg_dict, option.split('.')
    for depth, name in enumerate(names):
        if not name.isdigit():
            node = node.get(name) if isinstance(node, dict) else None
            continue
        where = '.'.join(names[:depth])
        if not isinstance(node, list) or int(name) >= len(node):
            length = len(node) if isinstance(node, list) else 'no'
            raise WrongValue(
                f'--cfg-options {option}: {where} has {length} entries; '
                'write a new one into a config file'
            )
        node = node[int(name)]
    try:
        config.merge_from_dict({option: value})
    except (KeyError, TypeError) as error:
        raise WrongValue(
            f'--cfg-options {option}={value!r} does not fit the config: '
            f'{error.args[0]}'
        ) from error


def job_config(args: Namespace) -> Config:
    """The config of a command line, with the options that all tools have.

    Args:
        args (Namespace): ``config``, ``cfg_options``, ``launcher``,
            ``local_rank``, ``work_dir`` and ``data_root``.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    config = load_config(args.config, args.cfg_options)
    config.launcher = args.launcher
    config.work_dir = (
        args.work_dir
        or config.get('work_dir')
        or default_work_dir(args.config, config)
    )
    check_folder(config.work_dir)
    if args.data_root:
        move_data_root(config, args.data_root)
    return config


def default_work_dir(path: str, config: Config) -> str:
    """Folder of a run whose config and command line name none.

    A student alone gets ``work_dirs/<file>``, as in the toolboxes. A
    distillation gets the method too: ``work_dirs/dkd/<file>`` for a config
    below ``configs/dkd/``, else by the names of its losses.

    Args:
        path (str): Path of the config, or ``package::path``.
        config (Config): The config itself.
    """
    file = Path(path.rpartition('::')[2])
    model = config.get('model')
    if not is_distiller(model):
        return str(Path('work_dirs', file.stem))
    folders = file.parent.parts
    if '::' not in path and 'configs' in folders:
        last = len(folders) - folders[::-1].index('configs')
        folders = folders[last:]
    elif '::' not in path:
        folders = ()
    return str(Path('work_dirs', *(folders or [_method(model)]), file.stem))


def _method(model: dict) -> str:
    """``'dkd'`` for a distiller with one ``DKDLoss``."""
    names = []
    for term in (model.get('distill') or {}).values():
        loss = term.get('loss') if isinstance(term, dict) else None
        kind = loss.get('type') if isinstance(loss, dict) else None
        names.append(type_name(kind).removesuffix('Loss').lower())
    return '_'.join(dict.fromkeys(filter(None, names))) or 'distilled'


def set_training_options(config: Config, args: Namespace) -> None:
    """Apply ``--teacher-ckpt``, ``--amp``, ``--auto-scale-lr``, ``--resume``.

    Raises:
        FileNotFoundError: If the checkpoint to resume from is not there.
        ValueError: If the config has no place for one of them.
    """
    if args.teacher_ckpt:
        if not is_distiller(config.model):
            raise WrongValue('--teacher-ckpt: this config has no teacher')
        config.model.teacher_ckpt = check_number_of_checkpoints(
            config.model.get('teacher'), alone_or_all(args.teacher_ckpt)
        )
    if args.amp:
        if not config.get('optim_wrapper'):
            raise WrongValue('--amp: this config has no `optim_wrapper`')
        config.optim_wrapper.type = 'AmpOptimWrapper'
        config.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.auto_scale_lr:
        if 'base_batch_size' not in (config.get('auto_scale_lr') or {}):
            raise WrongValue(
                '--auto-scale-lr: this config has no '
                'auto_scale_lr.base_batch_size'
            )
        config.auto_scale_lr.enable = True
    if args.resume:
        if args.resume != 'auto' and not (
            urlparse(args.resume).scheme or os.path.isfile(args.resume)
        ):
            raise MissingFile(
                f'--resume: checkpoint {args.resume!r} is not a file; without '
                'a path, the latest one of --work-dir is taken'
                f'{near_path(args.resume)}'
            )
        config.resume = True
        config.load_from = None if args.resume == 'auto' else args.resume


def alone_or_all(values: Any) -> Any:
    """The only entry of a list, or the whole list; other values as given."""
    if isinstance(values, (list, tuple)) and len(values) == 1:
        return values[0]
    return values


def check_number_of_checkpoints(teacher: Any, ckpt: Any) -> Any:
    """``--teacher-ckpt`` as a config has it.

    Args:
        teacher (str | dict | list): Of the config, or of ``--teacher``.
        ckpt (str | list, optional): Once, or as often as it was given;
            ``'auto'`` alone counts for all.

    Raises:
        ValueError: If there is not one for each teacher.
    """
    several = isinstance(teacher, (list, tuple))
    given = len(ckpt) if isinstance(ckpt, (list, tuple)) else 1
    count = len(teacher) if several else 1
    if given != count and ckpt not in (None, 'auto'):
        raise WrongValue(
            f'--teacher-ckpt was given {given} time(s) for {count} '
            'teacher(s); give it once for each, in their order'
        )
    return [ckpt] if several and count == 1 and ckpt != 'auto' else ckpt


def guard(config: Config) -> None:
    """Add ``KDGuardHook`` to a distillation run and check the hooks.

    A teacher that is the student's average gets ``KDSelfTeacherHook``.
    ``exact_resume=True`` in a config adds ``SeedEachIterHook``.

    Raises:
        TypeError: If a hook is no dict, or a setting of it is unknown or of
            another kind.
        ValueError: If a hook of this package has an unknown name, or a known
            one without its scope.
    """
    count_accumulation(config)
    HOOKS.import_from_location()
    hooks = _hooks_of(config)
    for number, hook in enumerate(hooks):
        _check_hook(f'custom_hooks.{number}', hook)
    if hooks:
        config.custom_hooks = hooks
    if is_distiller(config.get('model', {})):
        add_hook(config, 'KDGuardHook')
    if _has_self_teacher(config):
        add_hook(config, 'KDSelfTeacherHook')
    if config.get('exact_resume'):
        add_hook(config, 'SeedEachIterHook')
    elif config.get('resume') and not hooks_of_type(
        config, 'SeedEachIterHook'
    ):
        print_log(
            'resumed without SeedEachIterHook: random numbers differ from '
            'those of a run that was not interrupted; start runs with '
            '--cfg-options exact_resume=True randomness.seed=0 if they '
            'must not',
            'current',
        )


def add_hook(config: Config, name: str) -> None:
    """Add a hook of this package, unless the config has one of its type."""
    if not hooks_of_type(config, name):
        hook = dict(type=f'{HOOKS.scope}.{name}')
        config.custom_hooks = [*_hooks_of(config), hook]


def hooks_of_type(config: Config, name: str) -> List[dict]:
    """A config's own hooks of a type, with or without its package."""
    return [
        hook
        for hook in _hooks_of(config)
        if isinstance(hook, dict) and type_name(hook.get('type')) == name
    ]


def _hooks_of(config: Config) -> list:
    hooks = config.get('custom_hooks') or []
    return list(hooks) if isinstance(hooks, (list, tuple)) else [hooks]


def _has_self_teacher(config: Config) -> bool:
    model = config.get('model', {})
    teacher = model.get('teacher') if is_distiller(model) else None
    several = teacher if isinstance(teacher, (list, tuple)) else [teacher]
    return any(is_self_teacher(one) for one in several)


def _check_hook(where: str, hook: Union[dict, str]) -> None:
    known = sorted(HOOKS.module_dict)
    if not isinstance(hook, dict):
        raise WrongType(
            f'custom_hooks has the entry {hook!r}, expected '
            'dict(type=...); write hooks into a config file, '
            '--cfg-options cannot build them'
        )
    kind = hook.get('type')
    if kind is None:
        raise WrongType(f'{where} has no `type`: {dict(hook)}')
    if isinstance(kind, str):
        scope, _, name = kind.rpartition('.')
        hint = did_you_mean(name, known, HOOKS.scope, cutoff=0)
        if scope == HOOKS.scope and name not in known:
            raise WrongValue(
                f'custom_hooks has the unknown hook {name!r}; {hint}'
            )
        if not scope and name in known:
            raise WrongValue(
                f'{where}: the hook {name!r} needs the scope of this '
                f"package, type='{HOOKS.scope}.{name}'"
            )
        kind = HOOKS.module_dict.get(name)
    if isinstance(kind, type):
        check_arguments(kind, hook, where)
