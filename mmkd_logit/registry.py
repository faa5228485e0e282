"""Registries of the scope ``mmkd_logit``.

MMEngine imports this file when a config names a type such as
``mmkd_logit.KDLoss``; configs need no ``custom_imports``.
"""

from typing import Optional, Union

from mmengine.config.utils import MODULE2PACKAGE
from mmengine.registry import DefaultScope, Registry, root

# `_base_ = 'mmkd_logit::...'` needs an entry in MMEngine's table. The onedl
# distribution of MMSegmentation installs `mmseg` under another name than the
# table says; the import name works with both stacks. Our own entry is a
# module, not a distribution: MMEngine then takes the folder of that module,
# where 0.10.7 would look in site-packages for an editable install too.
MODULE2PACKAGE['mmkd_logit'] = 'mmkd_logit.registry'
MODULE2PACKAGE['mmseg'] = 'mmseg'


class ScopedRegistry(Registry):
    """Registry that also knows the parts of the toolbox in use.

    In a config that inherits ``mmkd_logit::...``, MMEngine gives our scope
    to every part that the inherited file adds, a ``PackDetInputs`` of the
    toolbox as well as our own. What this scope does not have is looked for in
    the scope that was the default before, which is the toolbox's.
    """

    def get(self, key: str) -> Optional[type]:
        found = super().get(key)
        if found is not None or '.' in key:
            return found
        for instance in reversed(DefaultScope._instance_dict.values()):
            if instance.scope_name not in (self.scope, 'mmengine'):
                return super().get(f'{instance.scope_name}.{key}')
        return None


_LOCATIONS = {
    'MODELS': [
        'mmkd_logit.losses',
        'mmkd_logit.heads',
        'mmkd_logit.distillers',
        'mmkd_logit.models',
    ],
    'HOOKS': ['mmkd_logit.hooks'],
    'OPTIM_WRAPPERS': ['mmkd_logit.launch.cpu_amp'],
    'FUNCTIONS': ['mmkd_logit.launch.collate'],
}
_REGISTRIES = {
    name: ScopedRegistry(
        parent.name,
        parent=parent,
        scope='mmkd_logit',
        locations=_LOCATIONS.get(name, []),
    )
    for name, parent in vars(root).items()
    if isinstance(parent, Registry)
}
MODELS = _REGISTRIES['MODELS']
HOOKS = _REGISTRIES['HOOKS']
OPTIM_WRAPPERS = _REGISTRIES['OPTIM_WRAPPERS']
FUNCTIONS = _REGISTRIES['FUNCTIONS']


def type_name(kind: Union[str, type, None]) -> str:
    """Name of a type that a config gives as a string or as a class.

    ``'mmdet.GFL'``, ``'mmdet.models.GFL'`` and the class give ``'GFL'``.
    """
    if isinstance(kind, str):
        return kind.rpartition('.')[2]
    return getattr(kind, '__name__', '')


def is_distiller(model: Optional[dict]) -> bool:
    """Whether a model's config is that of a distiller.

    Args:
        model (dict, optional): Its ``type`` is a name, the class, or a class
            that inherits it.
    """
    kind = (model or {}).get('type')
    if isinstance(kind, type):
        return any(c.__name__ == 'LogitDistiller' for c in kind.__mro__)
    return type_name(kind).endswith('LogitDistiller')
