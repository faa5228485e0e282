"""Compare the settings of a config with what a class takes."""

import inspect
from collections import abc
from typing import Any, Dict, Union, get_args, get_origin

from .messages import WrongType

_WORDS = {
    float: 'a number',
    int: 'a whole number',
    bool: 'True or False',
    str: 'a text',
    dict: 'a dict',
    list: 'a list',
    type(None): 'None',
}
#: What MMEngine reads in a config and does not hand on; hooks have a priority.
NOT_ARGUMENTS = ('type', '_scope_', '_delete_', 'priority')
_PLAIN = (str, bool, int, float, list, tuple, dict, type(None))


def parameters_of(cls: type) -> Dict[str, inspect.Parameter]:
    """What a class and, by ``**kwargs``, its bases can be given, by name.

    A loss shows the settings of its function as ``__signature__``.
    """
    found: Dict[str, inspect.Parameter] = {}
    for base in cls.__mro__[:-1]:
        signature = vars(base).get('__signature__')
        signature = signature or inspect.signature(base.__init__)
        parameters = signature.parameters.values()
        for parameter in parameters:
            if (
                parameter.kind
                in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
                and parameter.name != 'self'
            ):
                found.setdefault(parameter.name, parameter)
        kinds = {parameter.kind for parameter in parameters}
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            break
    return found


def check_values(cls: type, cfg: dict, where: str) -> None:
    """Refuse values of another kind than a class of this package declares.

    A number that was typed as ``tau=1,2`` arrives as a list, ``beta=a`` as a
    text. Classes of other packages are not checked, nor are annotations other
    than plain types.

    Args:
        cls (type): What will be built.
        cfg (dict): Its config.
        where (str): Setting in which ``cfg`` stands, for messages.

    Raises:
        TypeError: Naming the setting, what came and what was expected.
    """
    if not cls.__module__.startswith('mmkd_logit.'):
        return
    parameters = parameters_of(cls)
    for name, value in cfg.items():
        parameter = parameters.get(name)
        if parameter is None or not isinstance(value, _PLAIN):
            continue
        if value is None and parameter.default is None:
            continue
        expected = _kinds(parameter.annotation)
        if expected is None or any(_fits(value, kind) for kind in expected):
            continue
        words = ' or '.join(_WORDS[kind] for kind in expected)
        raise WrongType(f'{where}.{name} must be {words}, got {value!r}')


def check_arguments(cls: type, cfg: dict, where: str) -> None:
    """:func:`check_values`, and names that are unknown or missing.

    Raises:
        TypeError: Naming the setting.
    """
    if not cls.__module__.startswith('mmkd_logit.'):
        return
    known = parameters_of(cls)
    unknown = [k for k in cfg if k not in known and k not in NOT_ARGUMENTS]
    if unknown:
        raise WrongType(
            f'{where} has the unknown setting {", ".join(sorted(unknown))}; '
            f'{cls.__name__} takes {", ".join(known)}'
        )
    check_values(cls, cfg, where)
    missing = [
        name
        for name, parameter in known.items()
        if parameter.default is parameter.empty and name not in cfg
    ]
    if missing:
        raise WrongType(
            f'{where} lacks the setting {", ".join(missing)}, which '
            f'{cls.__name__} needs'
        )


def _kinds(annotation: Any) -> Any:
    """Plain kinds of an annotation; None if it allows others."""
    origin = get_origin(annotation)
    if origin is Union:
        kinds = []
        for part in get_args(annotation):
            more = _kinds(part)
            if more is None and part in (inspect.Parameter.empty, Any):
                return None
            kinds += more or []
        return list(dict.fromkeys(kinds)) or None
    kind = origin or annotation
    if kind in _WORDS:
        return [kind]
    if isinstance(kind, type) and issubclass(kind, abc.Mapping):
        return [dict]
    if isinstance(kind, type) and issubclass(kind, abc.Sequence):
        return [list]
    return None


def _fits(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is list:
        return isinstance(value, (list, tuple))
    return isinstance(value, kind)
