"""Find, compare and load state dicts strictly."""

from collections import OrderedDict
from typing import Any, Dict, List, Tuple

import torch
from torch import Tensor, nn

from ..messages import WrongValue


def plain_state_dict(checkpoint: Any, source: str = '') -> Dict[str, Tensor]:
    """The state dict inside a checkpoint, without a ``module.`` prefix.

    Args:
        checkpoint (object): What a file holds.
        source (str): Where it comes from, for messages. Defaults to ''.

    Raises:
        ValueError: If there is none.
    """
    state = checkpoint
    for key in ('state_dict', 'model'):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
            break
    if not isinstance(state, dict) or not any(
        isinstance(value, Tensor) for value in state.values()
    ):
        raise WrongValue(
            f'the checkpoint{source and f" {source!r}"} holds no state_dict '
            f'of tensors, but {_describe(checkpoint)}'
        )
    state = {
        k: v
        for k, v in state.items()
        if isinstance(v, Tensor) and not k.startswith('data_preprocessor.')
    }
    if all(key.startswith('module.') for key in state):
        state = {key[len('module.') :]: v for key, v in state.items()}
    return state


def _describe(checkpoint: Any) -> str:
    kind = type(checkpoint).__name__
    if not isinstance(checkpoint, dict):
        return f'a {kind}'
    return (
        f'a {kind} of {_first([str(key) for key in checkpoint]) or "nothing"}'
    )


def _first(keys: List[str], limit: int = 4) -> str:
    shown = ', '.join(keys[:limit])
    return shown + (f', ... ({len(keys)} in all)' if len(keys) > limit else '')


def compare_keys(
    ours: Dict[str, Tensor], theirs: Dict[str, Tensor]
) -> Tuple[str, int]:
    """Describe how two state dicts differ; ('', n) when they fit.

    Copies (:func:`without_copies`) do not count.
    """
    missing = [k for k in ours if k not in theirs]
    unexpected = [k for k in without_copies(ours, theirs) if k not in ours]
    misshapen = [
        f'{k} {tuple(theirs[k].shape)} instead of {tuple(v.shape)}'
        for k, v in ours.items()
        if k in theirs and theirs[k].shape != v.shape
    ]
    lists = [
        f'{kind}: {_first(keys)}'
        for kind, keys in (
            ('missing', missing),
            ('unexpected', unexpected),
            ('of another shape', misshapen),
        )
        if keys
    ]
    return '; '.join(lists), len(ours) - len(missing)


def without_copies(
    ours: Dict[str, Tensor], theirs: Dict[str, Tensor]
) -> Dict[str, Tensor]:
    """Leave out what ``theirs`` has a second time, under another parent.

    A detector may give a part of its head to its decoder while it trains
    (DDQ), so that checkpoints have ``decoder.x`` beside ``bbox_head.x``,
    which a model that was only built lacks.
    """
    tails: Dict[str, List[str]] = {}
    for key in ours:
        tails.setdefault(key.partition('.')[2], []).append(key)

    def is_copy(key: str) -> bool:
        return key not in ours and any(
            other in theirs and torch.equal(theirs[other], theirs[key])
            for other in tails.get(key.partition('.')[2], ())
        )

    return {k: v for k, v in theirs.items() if not is_copy(k)}


def load_state_dict_strictly(
    model: nn.Module,
    state: Dict[str, Tensor],
    source: str,
    whose: str = 'teacher ',
    config: str = '',
) -> None:
    """Load every key, or stop and list the first of each kind.

    Counters of batch norm (``num_batches_tracked``) may be absent, as in
    checkpoints of old versions.

    Args:
        model (nn.Module): Changed in place.
        state (dict[str, Tensor]): Parameters and buffers of the model.
        source (str): Where they come from, for messages.
        whose (str): Owner in the messages. Defaults to 'teacher '.
        config (str): The model's config, for messages. Defaults to ''.

    Raises:
        ValueError: If a key is missing, unexpected or misshapen, or its
            numbers are not finite or of another kind than the model's.
    """
    from mmengine.runner.checkpoint import load_state_dict

    ours = model.state_dict()
    state = OrderedDict(without_copies(ours, state))
    check_numbers(ours, state, source, whose)
    for key, value in ours.items():
        if key.endswith('num_batches_tracked'):
            state.setdefault(key, value)
    difference, _ = compare_keys(ours, state)
    if difference:
        # Upstream modules may rename the keys of older versions on loading.
        try:
            load_state_dict(model, OrderedDict(state), strict=True)
        except (RuntimeError, KeyError, IndexError):
            raise WrongValue(
                f'{whose}checkpoint {source!r} does not fit the {whose}config'
                f'{config and f" {config!r}"} ({difference}); use the config '
                'that this checkpoint was trained with'
            ) from None
    load_state_dict(model, state, strict=True)


def check_numbers(
    ours: Dict[str, Tensor],
    state: Dict[str, Tensor],
    source: str,
    whose: str = '',
) -> None:
    """Refuse weights that a cast would make loadable but wrong.

    Raises:
        ValueError: If floating-point weights are stored as integers or
            complex numbers or the reverse, or are NaN or infinite.
    """
    other_kind, not_finite = [], []
    for key, value in state.items():
        mine = ours.get(key)
        if mine is None or value.shape != mine.shape:
            continue
        fractions = value.is_floating_point() != mine.is_floating_point()
        if value.is_complex() != mine.is_complex() or (
            fractions and not _is_counter(mine, value)
        ):
            other_kind.append(f'{key} {_kind(value)} instead of {_kind(mine)}')
        elif value.is_floating_point() and mine.is_floating_point():
            wrong = ~value.to(mine.dtype).isfinite()
            if not mine.is_meta:  # a model may be built with such numbers
                wrong &= mine.to(wrong.device).isfinite()
            if wrong.any():
                not_finite.append(key)
    lists = [
        f'{kind}: {_first(keys)}'
        for kind, keys in (
            ('of another kind', other_kind),
            ('NaN or infinite', not_finite),
        )
        if keys
    ]
    if lists:
        raise WrongValue(
            f'{whose}checkpoint {source!r} has numbers that no model of this '
            f'config was trained to ({"; ".join(lists)}); the file is '
            'damaged, or its training had diverged, so take an earlier one'
        )


def _is_counter(mine: Tensor, value: Tensor) -> bool:
    """Whether whole numbers are stored as fractions, which loses nothing."""
    return (
        not mine.is_floating_point()
        and value.is_floating_point()
        and bool((value == value.round()).all())
    )


def _kind(value: Tensor) -> str:
    return str(value.dtype).rpartition('.')[2]
