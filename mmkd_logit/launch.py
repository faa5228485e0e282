"""What ``tools/train.py`` and ``tools/test.py`` do with a config."""

import ctypes
import os
import sys
import traceback
from argparse import Namespace
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional, Tuple
from urllib.error import URLError
from urllib.parse import urlparse

from mmengine.config import Config
from mmengine.config.utils import ConfigParsingError
from torch import distributed as dist
from torch.hub import get_dir

from .doctor import check_stack, missing_toolbox_message
from .hints import did_you_mean
from .label_maps import check_label_maps
from .registry import HOOKS

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_DATA_KEYS = _LOADERS + ('val_evaluator', 'test_evaluator')
_PACKAGE = str(Path(__file__).parent)
# numbers of mallopt's settings in glibc's malloc.h
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


def run_and_explain(main: Callable[[], None]) -> None:
    """Run ``main``; show mistakes that this package noticed as a sentence.

    Everything else keeps its traceback. ``MMKD_LOGIT_TRACEBACK=1`` shows it
    always.
    """
    try:
        main()
        if dist.is_available() and dist.is_initialized():
            gloo = dist.get_backend() == 'gloo'
            dist.destroy_process_group()
            if gloo:
                # Threads of gloo can outlive the interpreter and abort a
                # run that has ended well; everything is written by now.
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(0)
    except Exception as error:
        message = _our_message(error)
        if message is None or os.environ.get('MMKD_LOGIT_TRACEBACK'):
            raise
        sys.exit(f'{type(error).__name__}: {message}')


def _our_message(error: Optional[BaseException]) -> Optional[str]:
    """Message of the first exception in the chain raised by this package."""
    while error is not None:
        if isinstance(error, URLError):
            return _download_message(error)
        frames = traceback.extract_tb(error.__traceback__)
        if frames and frames[-1].filename.startswith(_PACKAGE):
            return str(error.args[0] if error.args else error)
        error = error.__cause__ or error.__context__
    return None


def _download_message(error: URLError) -> str:
    """Weights that a config names, on a machine without a connection."""
    urls = [
        frame.f_locals['url']
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if isinstance(frame.f_locals.get('url'), str)
    ]
    return (
        f'{urls[0] if urls else "a file"} could not be downloaded '
        f'({error.reason}); put it into {get_dir()}/checkpoints on this '
        'machine, name a local file in the config (`pretrained`, `init_cfg` '
        'or `load_from`), or start from random weights, for a distilled '
        'student with --cfg-options model.student.pretrained=None or '
        'model.student.backbone.init_cfg=None'
    )


def load_config(path: str, options: Optional[dict] = None) -> Config:
    """Read a config file and merge ``--cfg-options``.

    Raises:
        FileNotFoundError: If it, or a file that it inherits, is not there.
        ImportError: If a toolbox that it inherits from is missing.
    """
    check_stack()
    if '::' not in path and not os.path.isfile(path):
        raise FileNotFoundError(
            f'config {path!r} is not a file; the configs '
            'of this project are under configs/'
        )
    try:
        if '::' in path:
            from mmengine.hub import get_config

            config = get_config(path)
        else:
            config = Config.fromfile(path)
    except ModuleNotFoundError as error:
        for toolbox in ('mmdet', 'mmpretrain', 'mmseg'):
            if toolbox in str(error) or (
                toolbox == 'mmseg' and 'mmsegmentation' in str(error)
            ):
                raise ImportError(missing_toolbox_message(toolbox)) from error
        raise
    except (FileNotFoundError, ConfigParsingError) as error:
        raise FileNotFoundError(
            f'config {path!r} inherits a file that is not there: {error}'
        ) from error
    if options:
        config.merge_from_dict(options)
    # MMPretrain keeps the preprocessor beside the model
    preprocessor = config.get('data_preprocessor')
    model = config.get('model', {})
    for part in (model.get('student'), model):
        if preprocessor and isinstance(part, dict) and not is_distiller(part):
            part.setdefault('data_preprocessor', preprocessor)
    return config


def job_config(args: Namespace) -> Config:
    """The config of a command line, with what all tools understand.

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
        or str(Path('work_dirs') / Path(args.config).stem)
    )
    if args.data_root:
        move_data_root(config, args.data_root)
    return config


def set_training_options(config: Config, args: Namespace) -> None:
    """Apply ``--teacher-ckpt``, ``--amp``, ``--auto-scale-lr``, ``--resume``.

    Raises:
        FileNotFoundError: If the checkpoint to resume from is not there.
        ValueError: If the config has no place for one of them.
    """
    if args.teacher_ckpt:
        if not is_distiller(config.model):
            raise ValueError('--teacher-ckpt: this config has no teacher')
        config.model.teacher_ckpt = args.teacher_ckpt
    if args.amp:
        config.optim_wrapper.type = 'AmpOptimWrapper'
        config.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.auto_scale_lr:
        if 'base_batch_size' not in config.get('auto_scale_lr', {}):
            raise ValueError(
                '--auto-scale-lr: this config has no '
                'auto_scale_lr.base_batch_size'
            )
        config.auto_scale_lr.enable = True
    if args.resume:
        if args.resume != 'auto' and not (
            urlparse(args.resume).scheme or os.path.isfile(args.resume)
        ):
            raise FileNotFoundError(
                f'--resume: checkpoint {args.resume!r} is not a file; without '
                'a path, the latest one of --work-dir is taken'
            )
        config.resume = True
        config.load_from = None if args.resume == 'auto' else args.resume


def is_distiller(model: dict) -> bool:
    """Whether a model's config is that of a distiller."""
    return str(model.get('type', '')).endswith('LogitDistiller')


def guard(config: Config) -> None:
    """Add ``KDGuardHook`` to a distillation run and check hook names.

    Raises:
        TypeError: If a hook is a string.
        ValueError: If a hook of this package has an unknown name.
    """
    HOOKS.import_from_location()
    known = sorted(HOOKS.module_dict)
    hooks = config.get('custom_hooks') or []
    hooks = list(hooks) if isinstance(hooks, (list, tuple)) else [hooks]
    for hook in hooks:
        if isinstance(hook, str):
            raise TypeError(
                f'custom_hooks has the entry {hook!r}, expected '
                'dict(type=...); write hooks into a config file, '
                '--cfg-options cannot build them'
            )
        scope, _, name = str(hook.get('type', '')).rpartition('.')
        if scope == HOOKS.scope and name not in known:
            raise ValueError(
                f'custom_hooks has the unknown hook {name!r}; '
                + did_you_mean(name, known, HOOKS.scope, cutoff=0)
            )
    if is_distiller(config.get('model', {})) and not any(
        str(hook.get('type')).endswith('KDGuardHook') for hook in hooks
    ):
        hooks.append(dict(type='mmkd_logit.KDGuardHook'))
        config.custom_hooks = hooks


def keep_freed_memory() -> None:
    """Let training on a CPU reuse memory instead of fetching it anew.

    glibc gives the memory of one step back to the system, and the next step
    pays for fresh pages. Elsewhere, and with a GPU, this does nothing.
    """
    import torch

    if torch.cuda.is_available() or not sys.platform.startswith('linux'):
        return
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is not None:  # other C libraries have none
        mallopt(_MMAP_THRESHOLD, 1 << 25)  # the most that glibc accepts
        mallopt(_TRIM_THRESHOLD, (1 << 31) - 1)


def start_processes(config: Config) -> None:
    """Let ``--launcher pytorch`` work on machines without a GPU, over gloo.

    MMEngine itself starts process groups on GPUs only.
    """
    import torch

    if config.get('launcher') != 'pytorch' or torch.cuda.is_available():
        return
    torch.distributed.init_process_group('gloo')
    if config.get('model_wrapper_cfg') is None:
        config.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            device_ids=None,
            broadcast_buffers=False,
            find_unused_parameters=config.get('find_unused_parameters', False),
        )


def move_data_root(config: Config, root: str) -> None:
    """Point every loader and evaluator to another folder, same layout.

    Args:
        config (Config): Changed in place.
        root (str): Folder with what the config's own ``data_root`` has.

    Raises:
        ValueError: If the config names no ``data_root``.
    """
    parts = [config[key] for key in _DATA_KEYS if config.get(key)]
    old = {
        value
        for part in parts
        for _, key, value in _strings(part)
        if key == 'data_root' and value
    }
    if not old:
        raise ValueError(
            '--data-root was given, but no dataset of this '
            'config has a `data_root`; use --cfg-options'
        )
    new = os.path.join(root, '')
    by_length = sorted(
        (os.path.join(o, '') for o in old), key=len, reverse=True
    )
    for part in parts:
        for owner, key, value in list(_strings(part)):
            if key == 'data_root':
                owner[key] = new
                continue
            prefix = next((o for o in by_length if value.startswith(o)), None)
            if prefix is not None:
                owner[key] = new + value[len(prefix) :]
    if 'data_root' in config:
        config.data_root = new


def _strings(node: Any) -> Iterator[Tuple[Any, Any, str]]:
    """(owner, key, value) of every string in nested dicts and lists."""
    items = (
        node.items()
        if isinstance(node, dict)
        else (enumerate(node) if isinstance(node, (list, tuple)) else ())
    )
    for key, value in list(items):
        if isinstance(value, str):
            if not isinstance(node, tuple):
                yield node, key, value
        else:
            yield from _strings(value)


def check_data(config: Config, loaders: Tuple[str, ...] = _LOADERS) -> None:
    """See that each dataset's files are there before anything is built.

    Raises:
        FileNotFoundError: Naming what is missing and the expected layout.
        ValueError: If label maps or a palette cannot be used.
    """
    for loader in loaders:
        dataset = (config.get(loader) or {}).get('dataset')
        while isinstance(dataset, dict) and isinstance(
            dataset.get('dataset'), dict
        ):
            dataset = dataset['dataset']
        if not isinstance(dataset, dict) or dataset.get('backend_args'):
            continue
        wanted = _wanted_paths(dataset)
        missing = [path for path in wanted if not os.path.exists(path)]
        if missing:
            root = dataset.get('data_root') or '.'
            layout = ', '.join(os.path.relpath(path, root) for path in wanted)
            raise FileNotFoundError(
                f'{loader} finds no {missing[0]!r}; expected below '
                f'{root!r}: {layout}. Pass --data-root FOLDER if the same '
                'layout lies elsewhere'
            )
        check_label_maps(loader, dataset)


def _wanted_paths(dataset: dict) -> List[str]:
    """Files and folders that a dataset's config names."""
    kind = str(dataset.get('type', '')).rpartition('.')[2]
    if kind.startswith('CIFAR'):
        return []  # downloads itself
    root = dataset.get('data_root') or ''
    if kind == 'CUB':  # knows its own files
        return [
            os.path.join(root, name)
            for name in ('images', 'images.txt', 'train_test_split.txt')
        ]
    prefix = dataset.get('data_prefix') or {}
    if kind == 'ImageNet' and not prefix:  # the split is the folder's name
        prefix = dataset.get('split')
    names = [dataset.get('ann_file')] + (
        list(prefix.values()) if isinstance(prefix, dict) else [prefix]
    )
    return [
        os.path.join(root, name)
        for name in names
        if isinstance(name, str) and name
    ] or ([root] if root else [])
