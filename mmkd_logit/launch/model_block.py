"""Mistakes in the model block of a distillation."""

from difflib import get_close_matches

from mmengine.config import Config
from mmengine.registry import DefaultScope

from ..arguments import NOT_ARGUMENTS, check_values, parameters_of
from ..distillers import LogitDistiller
from ..distillers.term import build_parts
from ..messages import WrongType, WrongValue
from ..registry import MODELS, is_distiller, type_name

_NAME = 'mmkd_logit.LogitDistiller'


def check_model_block(config: Config, trains: bool = True) -> None:
    """Check the distiller of a config before it is built.

    Args:
        config (Config): As it will be used.
        trains (bool): Whether a teacher is needed. Defaults to True.

    Raises:
        TypeError: If it, or a loss or reader in it, has settings that it does
            not take, or of another kind.
        ValueError: If a type is misspelt or without scope, a part is missing,
            or a value is out of range.
    """
    model = config.get('model')
    if not isinstance(model, dict) or not model.get('type'):
        raise WrongValue(
            'the config has no `model = dict(type=...)`; name the config of '
            'a training'
        )
    _check_type(model)
    if not is_distiller(model):
        return
    kind = model['type'] if isinstance(model['type'], type) else LogitDistiller
    known = parameters_of(kind)
    unknown = [k for k in model if k not in known and k not in NOT_ARGUMENTS]
    if unknown:
        raise WrongType(
            f'model has {", ".join(unknown)}, which LogitDistiller does not '
            f'take ({", ".join(known)}); if they are of the model that the '
            'config inherits, add `_delete_=True` to the block and put the '
            'inherited one into `student=`'
        )
    for part, example in (
        ('student', 'the config of the small model'),
        ('teacher', "a config's path, `package::path` or a dict"),
    ):
        if not model.get(part) and (trains or part == 'student'):
            raise WrongValue(f'model.{part} is missing; expected {example}')
    check_values(kind, model, 'model')
    for name, term in (model.get('distill') or {}).items():
        if not isinstance(term, dict):
            raise WrongType(
                f'model.distill.{name} is {term!r}, expected '
                "dict(loss=dict(type='mmkd_logit.DKDLoss'))"
            )
        with DefaultScope.overwrite_default_scope(config.get('default_scope')):
            build_parts(name, term)


def _check_type(model: dict) -> None:
    """Refuse a distiller that is misspelt, or without its scope."""
    kind = model['type']
    if not isinstance(kind, str):
        return
    name = type_name(kind)
    if kind == 'LogitDistiller':
        raise WrongValue(
            "model.type 'LogitDistiller' needs the scope of this package: "
            f"type='{_NAME}'"
        )
    ours = kind.startswith('mmkd_logit.') or 'distill' in model
    close = get_close_matches(name, ['LogitDistiller'], 1, 0.75)
    if (ours or close) and not is_distiller(model):
        if name not in MODELS.module_dict and MODELS.get(kind) is None:
            raise WrongValue(
                f"model has the unknown type {kind!r}; did you mean '{_NAME}'?"
            )
