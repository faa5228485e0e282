"""Read a checkpoint without executing anything in it."""

import os
import pickle
import re
from collections import OrderedDict
from types import ModuleType
from typing import Any, Callable, List

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

from ..messages import MissingFile, WrongValue


def _history_method(cls: type, name: str) -> Callable:
    """Stands in for ``getattr``, which a history buffer is pickled with."""
    if cls is HistoryBuffer and name in ('mean', 'max', 'min', 'current'):
        return getattr(cls, name)
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
    """Stands in for ``pickle`` where torch has no list of safe types.

    torch < 2.5 offers ``weights_only=True``, but no way to add the few types
    of MMEngine's message hub. This reader knows the same closed list and
    refuses everything else.
    """

    def __init__(self) -> None:
        super().__init__('mmkd_logit_restricted_pickle')
        safe = {(t.__module__, t.__qualname__): t for t in _safe_types()}
        for builtins in ('builtins', '__builtin__'):
            safe[builtins, 'getattr'] = _history_method
        for old in [key for key in safe if key[0].startswith('numpy')]:
            # numpy 1 and 2 call the same module differently
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
        way (str): How the caller's user says that a file is trusted.

    Returns:
        object: What the file holds, usually a dict.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a checkpoint, or holds other objects.
    """
    if not os.path.isfile(path):
        raise MissingFile(f'checkpoint {path!r} is not a file; check the path')
    if trusted:
        return torch.load(path, map_location='cpu', weights_only=False)
    with open(path, 'rb') as file:
        # a zip archive, or the pickle that torch < 1.6 wrote
        plausible = file.read(2).startswith((b'PK', b'\x80'))
    try:
        if not plausible:
            raise EOFError(path)
        if hasattr(torch.serialization, 'safe_globals'):
            with torch.serialization.safe_globals(
                _safe_types() + [(_history_method, 'builtins.getattr')]
            ):
                return torch.load(path, map_location='cpu', weights_only=True)
        return torch.load(
            path, map_location='cpu', pickle_module=_RestrictedPickle()
        )
    except (pickle.UnpicklingError, AttributeError, ImportError) as error:
        found = re.search(r'GLOBAL ([\w.]+)', str(error))
        found = found.group(1) if found else str(error).strip()[:80]
        raise WrongValue(
            f'checkpoint {path!r} is not a plain one: it holds more than '
            'tensors and numbers, and reading it could run code '
            f'(it asks for {found}). Save its state_dict alone, or, if the '
            f'file is your own, {way}'
        ) from error
    except (RuntimeError, EOFError, KeyError) as error:
        raise WrongValue(
            f'checkpoint {path!r} cannot be read; it is damaged, or not a '
            'PyTorch checkpoint'
        ) from error
