"""Observe a toolbox's own calls, and recognise its classes."""

import functools
import inspect
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator

from ...messages import OtherVersion

#: Arguments of an observed call by name, however they were passed.
Arguments = Dict[str, Any]
#: Called after an observed call with its arguments and its result.
Record = Callable[[Arguments, Any], None]

_MISSING = object()


def is_a(module: object, toolbox: str, *names: str) -> bool:
    """Whether ``module`` is one of a toolbox's classes, without importing it.

    Args:
        module: Any object, None included.
        toolbox (str): Import name, such as ``'mmdet'``.
        *names (str): Class names; a subclass of one of them counts.
    """
    return any(
        cls.__name__ in names and cls.__module__.split('.')[0] == toolbox
        for cls in type(module).__mro__
    )


@contextmanager
def observe(owner: object, method: str, record: Record) -> Iterator[None]:
    """Call ``record(arguments, result)`` after each ``owner.method(...)``.

    The upstream method runs once and unchanged. The observation ends with the
    ``with`` block, so copies and pickles of the model never hold it.

    Args:
        owner (object): A model, a head, a loss module.
        method (str): Name of the method to observe.
        record (callable): Given the call's arguments by name and its result;
            what it returns is ignored.

    Raises:
        AttributeError: If ``owner`` has no such method, which means that the
            upstream head has changed.
    """
    original = getattr(owner, method, None)
    if original is None:
        raise OtherVersion(
            f'{type(owner).__name__} has no method {method!r}, which '
            'mmkd_logit observes; this version of the toolbox differs from '
            'the tested ones (python -m mmkd_logit.doctor lists them)'
        )
    signature = inspect.signature(original)

    @functools.wraps(original)
    def observed(*args, **kwargs):
        result = original(*args, **kwargs)
        record(signature.bind(*args, **kwargs).arguments, result)
        return result

    previous = vars(owner).get(method, _MISSING)
    object.__setattr__(owner, method, observed)
    try:
        yield
    finally:
        if previous is _MISSING:
            object.__delattr__(owner, method)
        else:
            object.__setattr__(owner, method, previous)


def upstream_class(module: object, toolbox: str = 'mmdet') -> str:
    """Name of the nearest class of ``module`` that the toolbox defines.

    A user's subclass of RetinaHead counts as RetinaHead; the toolbox's own
    subclasses, such as PAAHead, do not count as their parents, because they
    may order or assign their rows in another way.
    """
    return next(
        (
            cls.__name__
            for cls in type(module).__mro__
            if cls.__module__.split('.')[0] == toolbox
        ),
        '',
    )
