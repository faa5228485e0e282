"""The pages of the reference: what a config can name, from its docstring.

Classes are those that the registries of ``mmkd_logit`` hold, so a new one is
there without a line; functions are those that a package exports.
"""

import importlib
import inspect
from typing import Dict, List

import docs_commands
from docs_methods import arguments_of

import mmkd_logit.registry as registry
from mmkd_logit.losses import LogitLoss

#: Page -> its heading and first words.
INTRODUCTIONS = dict(
    distiller="""# Distiller

The block `model = dict(type='mmkd_logit.LogitDistiller', ...)`, and the
function that writes it from two configs.
""",
    readers="""# Readers

Options of `logits=dict(type='mmkd_logit....')`; the reader is found from the
student's head if `logits` is left out.
""",
    losses="""# Losses

A class such as `DKDLoss` is for config files, `loss=dict(type='mmkd_logit
.DKDLoss', tau=4.0)`. It takes the settings of its function, `dkd_loss`, and
those of `LogitLoss`; the function is for plain PyTorch.
""",
    hooks="""# Hooks

Entries of `custom_hooks`, such as `dict(type='mmkd_logit.KDWarmupHook',
end=500)`.
""",
    models="""# Networks

Networks that the papers use and no toolbox has, as `backbone=dict(type=
'mmkd_logit....')`.
""",
    launch="""# Launching

What `tools/train.py` and `tools/test.py` do with a config, for scripts of
one's own, and the optimizer wrapper that `--amp` takes on a CPU.
""",
)
_PAGES = dict(distillers='distiller', heads='readers')
_NO_MEMBERS = '\n    options:\n      members: []\n'


def pages() -> Dict[str, str]:
    """Name and text of every page of the reference."""
    entries: Dict[str, List[str]] = {name: [] for name in INTRODUCTIONS}
    for cls in registered():
        room = cls.__module__.split('.')[1]
        if room == 'losses':
            continue
        place = f'::: {cls.__module__}.{cls.__qualname__}{_NO_MEMBERS}'
        page = _PAGES.get(room, room)
        entries[page if page in entries else 'launch'].append(place)
    entries['distiller'] += [
        '::: mmkd_logit.launch.start.distill\n',
        f'::: mmkd_logit.distillers.teacher.Teacher{_NO_MEMBERS}',
    ]
    entries['readers'].append(
        f'::: mmkd_logit.heads.base.LogitReader{_NO_MEMBERS}'
    )
    entries['losses'] = losses()
    entries['launch'] += exported('mmkd_logit.launch')
    texts = {
        name: '\n'.join([introduction, *entries[name]])
        for name, introduction in INTRODUCTIONS.items()
    }
    return dict(texts, commands=docs_commands.page())


def registered() -> List[type]:
    """Every class of the package that a config can name, by file."""
    found = set()
    for one in vars(registry).get('_REGISTRIES').values():
        if one._locations:
            one.import_from_location()
        found |= {
            cls
            for cls in one.module_dict.values()
            if inspect.isclass(cls) and cls.__module__.startswith('mmkd_logit')
        }
    return sorted(found, key=lambda cls: (cls.__module__, cls.__qualname__))


def losses() -> List[str]:
    """The base, then a file after the other: class, settings, functions."""
    parts = [f'::: mmkd_logit.losses.base.LogitLoss{_NO_MEMBERS}']
    shown = set()
    for cls in registered():
        if not issubclass(cls, LogitLoss):
            continue
        parts.append(
            f'::: {cls.__module__}.{cls.__qualname__}\n    options:\n'
            '      members: []\n      show_bases: false\n'
        )
        parts.append(arguments_of(cls) + '\n')
        functions = functions_of(cls.__module__)
        shown |= set(functions)
        parts += [f'::: {name}\n' for name in functions]
    package = importlib.import_module('mmkd_logit.losses')
    for name in package.__all__:
        value = getattr(package, name)
        place = f'{value.__module__}.{name}'
        if inspect.isfunction(value) and place not in shown:
            parts.append(f'::: {place}\n')
    return parts


def functions_of(module: str) -> List[str]:
    """Loss functions that a module defines, in the order of its file."""
    members = vars(importlib.import_module(module)).items()
    return [
        f'{module}.{name}'
        for name, value in members
        if inspect.isfunction(value)
        and value.__module__ == module
        and name.endswith('_loss')
    ]


def exported(package: str) -> List[str]:
    """Directives of what a package's ``__all__`` names."""
    parts = []
    module = importlib.import_module(package)
    for name in module.__all__:
        value = getattr(module, name)
        options = _NO_MEMBERS if inspect.isclass(value) else '\n'
        parts.append(f'::: {value.__module__}.{name}{options}')
    return parts
