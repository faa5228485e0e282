"""Show a user's mistake as one sentence instead of a traceback."""

import os
import re
import sys
import traceback
from typing import Callable, Iterator, Optional
from urllib.error import URLError

from mmengine.registry import root as registries
from torch import distributed as dist
from torch.hub import get_dir

from ..messages import UserMistake, did_you_mean

#: What MMEngine raises for a type that it does not find.
_NO_SUCH_TYPE = re.compile(
    r'([\w.]+) is not in the (?:(\w+)::)?([\w ]+?) registry'
)


def run_and_explain(main: Callable[[], None]) -> None:
    """Run ``main``; show a :class:`UserMistake` as one sentence.

    The sentence is the last thing that the process prints. Everything else
    keeps its traceback, and ``MMKD_LOGIT_TRACEBACK=1`` shows it always.
    """
    try:
        main()
    except Exception as error:
        message = _sentence(error)
        if message is None or os.environ.get('MMKD_LOGIT_TRACEBACK'):
            raise
        sys.stdout.flush()  # earlier output must not follow
        if _over_gloo():  # over NCCL, leaving waits for the others
            dist.destroy_process_group()
        sys.exit(message)
    if dist.is_available() and dist.is_initialized():
        gloo = _over_gloo()
        dist.destroy_process_group()
        if gloo:
            # Threads of gloo can outlive the interpreter and abort a run
            # that has ended well; everything is written by now.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)


def _over_gloo() -> bool:
    """Whether this process is in a group that talks over gloo."""
    started = dist.is_available() and dist.is_initialized()
    return started and dist.get_backend() == 'gloo'


def _sentence(error: BaseException) -> Optional[str]:
    """What a user reads instead of the traceback; None for a bug."""
    for part in _chain(error):
        if isinstance(part, UserMistake):
            name = _builtin_name(type(part))
            return f'{name}: {part.args[0] if part.args else part}'
        if isinstance(part, URLError):
            return f'{type(part).__name__}: {_download_message(part)}'
        unknown = _unknown_type(part)
        if unknown:
            return unknown
        if part.__cause__ is None and not _leads_to_download(part):
            return None  # a bug, perhaps met while a mistake was handled
    return None


def _unknown_type(error: BaseException) -> Optional[str]:
    """A type that no registry of MMEngine has, such as a misspelt dataset."""
    found = _NO_SUCH_TYPE.search(str(error))
    if not isinstance(error, KeyError) or not found:
        return None
    kind, scope, place = found.groups()
    known: set = set()
    for registry in vars(registries).values():
        if getattr(registry, 'name', None) == place:
            known.update(registry.module_dict)
            for child in registry.children.values():
                known.update(child.module_dict)
    where = f' of {scope} or MMEngine' if scope else ''
    hint = did_you_mean(kind, known)
    return (
        f'KeyError: there is no {place}{where} of the type {kind!r}; '
        + (f'{hint} ' if hint else '')
        + 'A class of your own needs its module in `custom_imports`'
    )


def _leads_to_download(error: BaseException) -> bool:
    """Whether a failed download stands behind an exception of others."""
    return any(isinstance(part, URLError) for part in _chain(error))


def _chain(error: Optional[BaseException]) -> Iterator[BaseException]:
    """An exception and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _builtin_name(kind: type) -> str:
    """``ValueError`` for ``WrongValue``, the name under which users search."""
    names = (c.__name__ for c in kind.__mro__ if c.__module__ == 'builtins')
    return next(names)


def _download_message(error: URLError) -> str:
    """Data or weights that are fetched, on a machine without a connection."""
    frames = [
        frame.f_locals for frame, _ in traceback.walk_tb(error.__traceback__)
    ]
    urls = [f['url'] for f in frames if isinstance(f.get('url'), str)]
    failed = (
        f'{urls[0] if urls else "a file"} could not be downloaded '
        f'({error.reason})'
    )
    for frame in reversed(frames):
        dataset = frame.get('self')
        if hasattr(dataset, 'load_data_list') or hasattr(dataset, 'metainfo'):
            prefix = getattr(dataset, 'data_prefix', None)
            root = prefix.get('root') if isinstance(prefix, dict) else None
            root = root or getattr(dataset, 'data_root', None)
            return (
                f'{failed}; it belongs to the data, which '
                f'{type(dataset).__name__} fetches into {root!r}: put the '
                'files there, or pass --data-root FOLDER that has them'
            )
    return (
        f'{failed}; put it into {get_dir()}/checkpoints on this '
        'machine, name a local file in the config (`pretrained`, `init_cfg` '
        'or `load_from`), or start from random weights, for a distilled '
        'student with --cfg-options model.student.pretrained=None or '
        'model.student.backbone.init_cfg=None'
    )
