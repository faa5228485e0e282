"""Heads of other toolboxes that are subclasses of known ones.

Readers know a head by the name of its nearest class in MMDetection,
MMSegmentation or MMPretrain. A user's own subclass counts as that class, on
the user's word. One of MMRotate, MMYOLO or another toolbox counts as well,
but with a warning, because it is not tested here.
"""

import inspect
import re
from typing import TYPE_CHECKING, List, NamedTuple, Optional

from mmengine.logging import MMLogger
from mmengine.registry import MODELS as MMENGINE_MODELS
from torch import nn

from ...messages import WrongValue

if TYPE_CHECKING:
    from ..base import LogitReader

#: Toolboxes that the readers are tested with, and what belongs to them.
_TESTED = ('mmdet', 'mmseg', 'mmpretrain', 'mmengine', 'mmkd_logit')
#: Methods of heads that readers observe, whose arguments they read by name.
_OBSERVED = (
    '_seg_data_to_instance_data',
    '_stack_batch_gt',
    'get_targets',
    'loss_and_target',
    'loss_by_feat',
    'preprocess_gt',
)


class Lineage(NamedTuple):
    """Where a class of another toolbox comes from.

    Attributes:
        scope (str): That toolbox, for example ``'mmrotate'``.
        child (type): Its class.
        toolbox (str): The tested toolbox, for example ``'mmdet'``.
        parent (type): Its nearest class.
    """

    scope: str
    child: type
    toolbox: str
    parent: type


def lineage(kind: type) -> Optional[Lineage]:
    """Find a class of another toolbox between a class and its known parent.

    Other toolboxes are those with a registry of their own below MMEngine's;
    a user's module is none.
    """
    others: List[type] = []
    for cls in kind.__mro__:
        top = cls.__module__.split('.')[0]
        if top in ('mmdet', 'mmseg', 'mmpretrain'):
            if not others:
                return None
            child = others[0]
            return Lineage(child.__module__.split('.')[0], child, top, cls)
        if top in MMENGINE_MODELS.children and top not in _TESTED:
            others.append(cls)
    return None


def check_foreign_heads(model: nn.Module, *readers: 'LogitReader') -> None:
    """Warn of heads of other toolboxes; refuse those that cannot be read.

    Args:
        model (nn.Module): Student or teacher.
        *readers (LogitReader): Of the terms. If all of them are a user's own,
            there is no warning.

    Raises:
        ValueError: If such a head overrides a method that readers observe
            and lacks an argument of its parent's.
    """
    if not any(
        type(reader).__module__.startswith('mmkd_logit.') for reader in readers
    ):
        return
    told = set()
    for name, module in model.named_modules():
        if name and not re.sub(r'(\.\d+)+$', '', name).endswith('head'):
            continue
        found = lineage(type(module))
        if found is None or found.child in told:
            continue
        told.add(found.child)
        _check_methods(found)
        MMLogger.get_current_instance().warning(
            f'{found.child.__name__} of {found.scope} is read as '
            f'{found.parent.__name__} of {found.toolbox}, its parent class; '
            f'this was not tested with {found.scope}: neither that the order '
            'of its rows is the same nor that its labels mean the same. '
            'Compare the agreement of student and teacher (KDAgreementHook) '
            'with what you expect before a long run'
        )


def _check_methods(found: Lineage) -> None:
    for method in _OBSERVED:
        theirs = getattr(found.child, method, None)
        known = getattr(found.parent, method, None)
        if theirs is known or theirs is None or known is None:
            continue
        needed = {
            name
            for name, one in inspect.signature(known).parameters.items()
            if one.default is one.empty
            and one.kind is one.POSITIONAL_OR_KEYWORD
        }
        missing = sorted(needed - set(inspect.signature(theirs).parameters))
        if missing:
            raise WrongValue(
                f'{found.child.__name__} of {found.scope} has a {method} '
                f'without the arguments {", ".join(missing)} of '
                f'{found.parent.__name__} of {found.toolbox}, where '
                'mmkd_logit reads logits and labels; write a reader of your '
                'own (a subclass of mmkd_logit.heads.LogitReader) and name '
                'it with `logits=dict(type=...)`'
            )
