"""Read a checkpoint without executing anything in it."""

import os
import pickle
import re
import warnings
import zipfile
from collections import OrderedDict
from types import ModuleType
from typing import Any, Callable, List, Optional

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim import OneCycleParamScheduler
from torch import nn

from ..messages import MissingFile, WrongValue, near_path
from .downloads import looks_like_checkpoint

_ONE_CYCLE = 'mmengine.optim.scheduler.param_scheduler.OneCycleParamScheduler'


class _OneCycle:
    """Stands for the scheduler whose annealing functions a pickle names."""


def _known_method(cls: type, name: str) -> Callable:
    """Replaces ``getattr`` for the methods that MMEngine's pickles name."""
    if cls is HistoryBuffer and name in ('mean', 'max', 'min', 'current'):
        return getattr(cls, name)
    if cls is _OneCycle and name in ('_annealing_cos', '_annealing_linear'):
        return getattr(OneCycleParamScheduler, name)
    raise pickle.UnpicklingError(f'getattr({cls!r}, {name!r})')


def _safe_types() -> List[Any]:
    """Types that MMEngine's own checkpoints hold beside tensors."""
    core = np._core if np.__version__ >= '2' else np.core
    types = [
        HistoryBuffer,
        np.ndarray,
        np.dtype,
        OrderedDict,
        core.multiarray._reconstruct,
        core.multiarray.scalar,
    ]
    types += [type(np.dtype(name)) for name in ('f2', 'f4', 'f8')]
    types += [
        type(np.dtype(name))
        for name in ('bool', 'u1', 'u2', 'u4', 'u8', 'i1', 'i2', 'i4', 'i8')
    ]
    return types


class _RestrictedPickle(ModuleType):
    """Replaces ``pickle`` where torch has no list of safe types.

    torch < 2.5 offers ``weights_only=True``, but no way to add the few types
    of MMEngine's message hub. This module accepts the same closed list and
    refuses everything else.
    """

    def __init__(self) -> None:
        super().__init__('mmkd_logit_restricted_pickle')
        safe = {(t.__module__, t.__qualname__): t for t in _safe_types()}
        for builtins in ('builtins', '__builtin__'):
            safe[builtins, 'getattr'] = _known_method
        safe[tuple(_ONE_CYCLE.rsplit('.', 1))] = _OneCycle
        for old in [key for key in safe if key[0].startswith('numpy')]:
            # numpy 1 and 2 have different names for the same module.
            for pair in (
                ('numpy.core', 'numpy._core'),
                ('numpy._core', 'numpy.core'),
            ):
                safe.setdefault((old[0].replace(*pair), old[1]), safe[old])

        class Unpickler(pickle.Unpickler):
            def find_class(self, module: str, name: str) -> Any:
                if (module, name) in safe:
                    return safe[module, name]
                if module == 'torch._utils' and name.startswith('_rebuild_'):
                    return getattr(torch._utils, name)
                if module == 'torch' and (
                    name.endswith('Storage') or name in ('Size', 'device')
                ):
                    return getattr(torch, name)
                if module == 'torch.storage' and name.endswith('Storage'):
                    return getattr(torch.storage, name)
                if module == 'torch.nn.parameter' and name == 'Parameter':
                    return nn.Parameter
                if module == 'torch' and isinstance(
                    getattr(torch, name, None), torch.dtype
                ):
                    return getattr(torch, name)
                if module == '_codecs' and name == 'encode':
                    return __import__('_codecs').encode
                raise pickle.UnpicklingError(f'{module}.{name}')

        self.Unpickler = Unpickler
        self.load = lambda file, **kw: Unpickler(file, **kw).load()


def load_checkpoint_safely(
    path: str,
    trusted: bool = False,
    way: str = 'set `trust_teacher_ckpt=True`',
) -> Any:
    """Read a checkpoint onto the CPU without running code from it.

    Tensors, plain containers and the few types of MMEngine's own checkpoints
    are read, nothing else.

    Args:
        path (str): A local file.
        trusted (bool): Read any pickle, which can run any code in the file.
            Only for files of your own. Defaults to False.
        way (str): How the caller's user says that a file is trusted; '' if
            there is none.

    Returns:
        object: What the file holds, usually a dict.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a checkpoint, or holds other objects.
    """
    if not os.path.isfile(path):
        raise MissingFile(
            f'checkpoint {path!r} is not a file; check the path'
            f'{near_path(path)}'
        )
    if trusted:
        try:
            checkpoint = torch.load(
                path, map_location='cpu', weights_only=False
            )
        except (EOFError, RuntimeError, pickle.UnpicklingError) as error:
            raise _damaged(path) from error
    else:
        checkpoint = _read_plain(path, way)
    check_contents(checkpoint, path)
    return checkpoint


def _read_plain(path: str, way: str) -> Any:
    """Read tensors, plain containers and nothing that could run code."""
    if not looks_like_checkpoint(path) or not _is_intact(path):
        raise _damaged(path)
    with warnings.catch_warnings():
        # torch would like to hear of pickles that it cannot read
        warnings.filterwarnings('ignore', 'Detected pickle protocol')
        return _read_or_refuse(path, way)


def _read_or_refuse(path: str, way: str) -> Any:
    try:
        if hasattr(torch.serialization, 'safe_globals'):
            named = [(_known_method, 'builtins.getattr')]
            named.append((_OneCycle, _ONE_CYCLE))
            with torch.serialization.safe_globals(_safe_types() + named):
                return torch.load(path, map_location='cpu', weights_only=True)
        return torch.load(
            path, map_location='cpu', pickle_module=_RestrictedPickle()
        )
    except Exception as error:  # of any type, after a flipped byte
        found = _forbidden(str(error))
        if found is None and 'Unsupported operand' in str(error):
            raise WrongValue(
                f'checkpoint {path!r} cannot be read; it is a pickle that '
                'torch.save did not write, and reading it could run code. '
                'Save its state_dict with torch.save'
            ) from error
        if found is None:
            raise _damaged(path) from error
        raise WrongValue(
            f'checkpoint {path!r} is not a plain one: it holds more than '
            'tensors and numbers, and reading it could run code '
            f'(it asks for {found}). Save its state_dict alone'
            + (f', or, if the file is your own, {way}' if way else '')
        ) from error


def _damaged(path: str) -> WrongValue:
    with open(path, 'rb') as file:
        raw = file.read(256)
    start = raw.lstrip().lower()
    if not start:
        why = 'it has 0 bytes; copy or download it again'
    elif start.startswith((b'<!doctype', b'<html', b'<?xml')):
        why = 'it is a web page; download the file itself'
    elif start.startswith(b'\x1f\x8b'):
        why = 'it is compressed by gzip; unpack it first'
    elif path.endswith('.safetensors') or raw[8:9] == b'{':
        why = (
            'it is a safetensors file, not one of PyTorch; read it with '
            'safetensors.torch.load_file, and write that with torch.save'
        )
    else:
        why = (
            'it is damaged, or not a PyTorch checkpoint; copy or download it '
            'again'
        )
    return WrongValue(f'checkpoint {path!r} cannot be read; {why}')


def _is_intact(path: str) -> bool:
    """Whether every part of a zip archive has its checksum.

    torch itself does not check it, and returns weights with flipped bits.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except Exception:
        with open(path, 'rb') as file:
            return not file.read(2).startswith(b'PK')  # torch < 1.6


def _forbidden(message: str) -> Optional[str]:
    """The name in a checkpoint that is not among the safe types."""
    for pattern in (
        r'GLOBAL ([\w.]+)',  # torch
        r'(?:class|type|function) ([\w.]+) was not an allowed',
        r'^([a-zA-Z_]\w*(?:\.\w+)+)$',  # _RestrictedPickle
        r'^(getattr\(.*\))$',
    ):
        found = re.search(pattern, message.strip())
        if found:
            return found[1][:80]
    return None


def check_contents(checkpoint: Any, path: str) -> None:
    """Refuse a checkpoint whose parts have other types than expected.

    Args:
        checkpoint (object): What a file holds. Only a dict is checked here.
        path (str): For messages.

    Raises:
        ValueError: If a weight's name is not a string, ``meta`` or
            ``dataset_meta`` not a dict, or the class names not a list.
    """
    if not isinstance(checkpoint, dict):
        return
    _dict_or_none(checkpoint, 'ema_state_dict', path)
    for part in ('state_dict', 'model', 'ema_state_dict'):
        _check_names(checkpoint.get(part), f'`{part}` of {path!r}')
    if not isinstance(checkpoint.get('state_dict'), dict):
        _check_names(checkpoint, f'checkpoint {path!r}')
    meta = _dict_or_none(checkpoint, 'meta', path)
    dataset_meta = _dict_or_none(meta, 'dataset_meta', path)
    for owner, key in (
        (dataset_meta, 'classes'),
        (dataset_meta, 'CLASSES'),
        (meta, 'CLASSES'),
    ):
        classes = owner.get(key)
        if classes is not None and not isinstance(
            classes, (str, list, tuple, np.ndarray)
        ):
            raise WrongValue(
                f'checkpoint {path!r} has the class names {classes!r} in its '
                '`meta`; expected a list of names'
            )


def _check_names(state: Any, where: str) -> None:
    if not isinstance(state, dict):
        return
    wrong = [key for key in state if not isinstance(key, str)]
    if wrong:
        raise WrongValue(
            f'{where} has the key {wrong[0]!r} '
            f'({type(wrong[0]).__name__}); expected names of weights, as '
            '`model.state_dict()` gives them'
        )


def _dict_or_none(owner: dict, key: str, path: str) -> dict:
    value = owner.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise WrongValue(
            f'checkpoint {path!r} has a {type(value).__name__} as `{key}`; '
            'expected a dict, as MMEngine writes it'
        )
    return value
