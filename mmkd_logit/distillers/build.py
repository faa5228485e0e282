"""Build what a config names; a wrong name gets a sentence."""

import copy
import inspect
import re
from typing import Any, List

from mmengine.registry import MODELS as ROOT_MODELS
from torch import nn

from ..messages import WrongType, WrongValue, did_you_mean
from ..registry import MODELS


def build_named(cfg: Any, kind: str, where: str) -> Any:
    """Build a registered part; name the nearest type if it is unknown.

    Raises:
        ValueError: If the type is not registered.
    """
    if not isinstance(cfg, dict):
        return cfg
    cfg = copy.copy(cfg)
    name = cfg.get('type')
    MODELS.import_from_location()
    if isinstance(name, str) and name in MODELS.module_dict:
        cfg['type'] = f'{MODELS.scope}.{name}'
    elif isinstance(name, str) and MODELS.get(name) is None:
        known = sorted(MODELS.module_dict)
        hint = (
            did_you_mean(name, known, MODELS.scope, cutoff=0.5)
            or f'known here: {known}'
        )
        raise WrongValue(
            f'{where} has the unknown {kind} type {name!r}; {hint}'
        )
    try:
        return MODELS.build(cfg)
    except TypeError as error:
        known = _arguments(MODELS.get(cfg['type']))
        unknown = set(cfg) - set(known) - {'type'}
        if not unknown:
            raise
        raise WrongType(
            f'{where} has the unknown setting {", ".join(sorted(unknown))}; '
            f'{name} takes {", ".join(known)}'
        ) from error


def _arguments(cls: type) -> List[str]:
    """Names that a class and, by ``**kwargs``, its bases can be given.

    A loss shows the settings of its function as ``__signature__``.
    """
    names = {}
    for base in cls.__mro__[:-1]:
        signature = vars(base).get('__signature__')
        signature = signature or inspect.signature(base.__init__)
        parameters = signature.parameters.values()
        kinds = {parameter.kind for parameter in parameters}
        names.update(
            (parameter.name, None)
            for parameter in parameters
            if parameter.kind
            in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            and parameter.name != 'self'
        )
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            break
    return list(names)


def build_model(cfg: dict, whose: str) -> nn.Module:
    """Build a student or teacher; name the nearest type if one is unknown.

    Args:
        cfg (dict): Of the model.
        whose (str): ``'student'`` or ``'teacher'``, for messages.

    Raises:
        ValueError: If a type in the config is not registered.
    """
    try:
        return MODELS.build(cfg)
    except KeyError as error:
        found = re.search(r'([\w.]+) is not in the ([\w.]+)::', str(error))
        if not found:
            raise
        name, scope = found[1].rpartition('.')[2], found[2]
        registry = ROOT_MODELS.children.get(scope, ROOT_MODELS)
        hint = did_you_mean(name, registry.module_dict) or (
            'see that it is spelled as there, and imported '
            '(`custom_imports`) if it is your own'
        )
        raise WrongValue(
            f'the {whose} has the type {name!r}, which {scope} does not '
            f'know; {hint}'
        ) from error
