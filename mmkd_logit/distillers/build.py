"""Build what a config names; a wrong name is refused in one sentence."""

import copy
import re
from typing import Any

from mmengine.registry import MODELS as ROOT_MODELS
from torch import nn

from ..arguments import check_values, parameters_of
from ..messages import WrongType, WrongValue, did_you_mean
from ..registry import MODELS


def build_named(cfg: Any, kind: str, where: str) -> Any:
    """Build a registered part; name the nearest type if it is unknown.

    Raises:
        TypeError: If a setting is unknown or of another kind.
        ValueError: If the type is missing or not registered.
    """
    if not isinstance(cfg, dict):
        if isinstance(cfg, (str, int, float, list, tuple)):
            raise WrongType(
                f'{where} is {cfg!r}, expected dict(type=...) of a {kind}'
            )
        return cfg
    if not cfg.get('type'):
        raise WrongValue(f'{where} has no `type`; name a {kind}')
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
    cls = cfg['type'] if isinstance(cfg['type'], type) else None
    cls = cls or MODELS.get(cfg['type'])
    check_values(cls, cfg, where)
    try:
        return MODELS.build(cfg)
    except TypeError as error:
        known = parameters_of(cls)
        unknown = set(cfg) - set(known) - {'type', '_scope_'}
        if not unknown:
            raise
        raise WrongType(
            f'{where} has the unknown setting {", ".join(sorted(unknown))}; '
            f'{name if isinstance(name, str) else cls.__name__} takes '
            f'{", ".join(known)}'
        ) from error


def build_model(cfg: dict, whose: str) -> nn.Module:
    """Build a student or teacher; name the nearest type if one is unknown.

    Args:
        cfg (dict): Of the model. It stays as it is: some detectors write
            into theirs, which then builds no second model (DINO).
        whose (str): ``'student'`` or ``'teacher'``, for messages.

    Raises:
        ValueError: If a type in the config is not registered.
    """
    try:
        return MODELS.build(copy.deepcopy(cfg))
    except KeyError as error:
        found = re.search(r'([\w.]+) is not in the ([\w.]+)::', str(error))
        if not found:
            raise
        name, scope = found[1].rpartition('.')[2], found[2]
        registry = ROOT_MODELS.children.get(scope, ROOT_MODELS)
        hint = did_you_mean(name, registry.module_dict) or (
            'check that it is spelled as there, and imported '
            '(`custom_imports`) if it is your own'
        )
        raise WrongValue(
            f'the {whose} has the type {name!r}, which {scope} does not '
            f'know; {hint}'
        ) from error
