"""Which rows a loss can compare; the others are refused before training."""

import inspect
from typing import TYPE_CHECKING, Any, List, Optional

import torch

from ..messages import WrongType, WrongValue
from .topk_scale import topk_scale as amplify_top

if TYPE_CHECKING:
    from ..structures.head_facts import HeadFacts
    from .base import LogitLoss


def check_sigmoid(
    loss: 'LogitLoss', use_sigmoid: Optional[bool], standardize: bool
) -> None:
    """Refuse ``use_sigmoid`` where a loss, or standardizing, rules it out."""
    name = type(loss).__name__
    if loss.function is None and use_sigmoid and standardize:
        raise WrongValue(
            f'{name} compares independent classes, which '
            'standardize=True would move; remove standardize, or '
            'take KDLoss'
        )
    if use_sigmoid and not loss.supports_sigmoid:
        raise WrongValue(
            f'{name} is defined for softmax only; remove use_sigmoid: '
            'sigmoid heads are compared in the categorical view, or '
            'class by class by KDLoss and DKDLoss'
        )
    if use_sigmoid and standardize:
        raise WrongValue(
            f'{name}: standardize=True moves every logit of a row, which '
            'changes independent sigmoid classes; remove use_sigmoid, '
            'and a sigmoid head is compared in the categorical view'
        )


def check_topk_scale(name: str, settings: Any, use_sigmoid: bool) -> None:
    """Refuse settings that the scaling module of TopKD does not have.

    Args:
        name (str): Name of the loss, for the message.
        settings (dict): What a user gave as ``topk_scale``.
        use_sigmoid (bool): Whether the loss compares independent classes.
    """
    if not isinstance(settings, dict):
        raise WrongType(
            f'{name}: topk_scale must be a dict of settings such as '
            f'dict(k=5), got {settings!r}'
        )
    known = list(inspect.signature(amplify_top).parameters)[2:]
    for setting in settings:
        if setting not in known:
            raise WrongValue(
                f'{name}: topk_scale has no setting {setting!r}; it '
                f'takes {", ".join(known)}'
            )
    amplify_top(torch.zeros(1, 2), **settings)
    if use_sigmoid:
        _refuse_topk_scale_of_sigmoid(name)


def check_fit(loss: 'LogitLoss', facts: 'HeadFacts') -> None:
    """Refuse rows of the other kind than the loss compares.

    Raises:
        ValueError: If a softmax loss meets sigmoid rows or the reverse, or
            the rows lack the labels or the classes that the loss needs.
    """
    name = type(loss).__name__
    if loss.use_sigmoid and not facts.use_sigmoid:
        raise WrongValue(
            f'{name} compares independent classes, but these rows are '
            'one softmax: this head ends in a softmax, or the reader has '
            "view='categorical'; remove use_sigmoid or the view, or take "
            'KDLoss'
        )
    if facts.use_sigmoid and not loss.takes_sigmoid_rows:
        given, remedy = '', 'KDLoss or DKDLoss'
        if loss.standardize:
            given, remedy = '(standardize=True)', 'KDLoss without standardize'
        raise WrongValue(
            f'{name}{given} compares softmax distributions, but these rows '
            "are independent classes (sigmoid); take view='categorical' of "
            f'the reader, or {remedy}'
        )
    if facts.use_sigmoid and loss.use_sigmoid is False:
        raise WrongValue(
            f'{name}(use_sigmoid=False) compares softmax distributions, '
            "but this head's classes are independent (sigmoid); remove "
            "use_sigmoid, or give the reader view='categorical'"
        )
    if loss.needs_labels and not facts.has_labels:
        raise WrongValue(
            f'{name} needs the target class of each row, and these rows '
            'have none; take a loss without labels, such as KDLoss or '
            'GDKDLoss'
        )
    if loss.standardize and not facts.whole:
        raise WrongValue(
            'standardize=True would count the pixels that these rows '
            "leave out; remove it, or keep them (ignored='teacher')"
        )
    if loss.topk_scale is not None and facts.use_sigmoid:
        _refuse_topk_scale_of_sigmoid(name)
    if loss.standardize and facts.channels < 3:
        raise WrongValue(
            'standardize=True leaves of two classes only which is '
            'larger, and no gradient; it needs rows of at least 3, got '
            f'{facts.channels}; remove standardize'
        )


def check_parts(loss: 'LogitLoss', channels: int) -> None:
    """Refuse a loss of which nothing is left on rows of so many classes.

    Raises:
        ValueError: If every part has the weight 0 or is always 0.
    """
    if not loss.summands:
        return
    idle = loss.idle_parts(channels)
    weights = {letter: getattr(loss, letter) for letter in loss.summands}
    if any(weights[letter] != 0 for letter in weights if letter not in idle):
        return
    given = ', '.join(f'{name}={value}' for name, value in weights.items())
    why = '; '.join(idle[name] for name in weights if name in idle)
    raise WrongValue(
        f'{type(loss).__name__}({given}) is always 0 on rows of {channels} '
        f'classes{why and f": {why}"}; give a part that is left a weight, or '
        'switch the term off with loss_weight=0'
    )


def notices(loss: 'LogitLoss', channels: int) -> List[str]:
    """Sentences on settings that are legal and have no effect.

    Args:
        loss (LogitLoss): As a config gives it.
        channels (int): C, length of a row.
    """
    name = type(loss).__name__
    found = [
        f'{name}: {letter}={getattr(loss, letter)} has no effect: {why}'
        for letter, why in loss.idle_parts(channels).items()
        if getattr(loss, letter) != 0
    ]
    half = channels // 2
    if loss.amplified > half:
        found.append(
            f'{name}: k={loss.amplified} top classes are more than half of '
            f'{channels}, and {half} are taken; write k={half}'
        )
    return found


def _refuse_topk_scale_of_sigmoid(name: str) -> None:
    raise WrongValue(
        f'{name}: topk_scale ranks the classes of one '
        'softmax, but these classes are independent (sigmoid); remove '
        'topk_scale'
    )
