"""Published CIFAR checkpoints, to MMPretrain's names and back."""

from collections import OrderedDict
from typing import Any, Dict, List, Tuple

import torch
from torch import Tensor

from ..messages import WrongValue
from ..models.cifar_zoo import cifar_network
from ..registry import MODELS

StateDict = Dict[str, Tensor]


def from_mdistiller(
    name: str, checkpoint: Any, part: str = 'student', **backbone: Any
) -> Tuple[StateDict, List[str]]:
    """Rename the weights of a published CIFAR checkpoint.

    Args:
        name (str): Network, such as ``'resnet32x4'``.
        checkpoint (dict): Checkpoint of mdistiller, its forks (SDD, GDKD,
            LSKD) or CRD: the bare state dict, or a dict with an entry
            ``model``.
        part (str): ``'student'`` or ``'teacher'``, where the file holds
            both. Defaults to ``'student'``.
        **backbone: Further arguments of the backbone, such as
            ``large_input=True`` for checkpoints of CUB-200-2011.

    Returns:
        tuple[dict, list[str]]: State dict of an ``ImageClassifier``, and the
        keys that were left out because they belong to the other network or
        to a method's own layers.

    Raises:
        ValueError: If a key is missing, unexpected or misshapen. Counters
            of batch norm may be missing and start at 0.
    """
    network = cifar_network(name)
    theirs, left_out = _network_part(checkpoint, part)
    head = f'{network.classifier}.weight'
    if head not in theirs:
        raise WrongValue(
            f'the checkpoint has no {head}, so it is not a {name}; its keys '
            f'begin with {list(theirs)[:4]}'
        )
    ours = OrderedDict()
    for key, like in _expected(name, len(theirs[head]), backbone).items():
        value = theirs.pop(_their_key(key, network.classifier), None)
        if value is None and key.endswith('num_batches_tracked'):
            value = torch.zeros_like(like)
        ours[key] = value
        if value is None or value.shape != like.shape:
            came = 'none' if value is None else tuple(value.shape)
            raise WrongValue(
                f'the checkpoint does not fit {name}: '
                f'{_their_key(key, network.classifier)} should have shape '
                f'{tuple(like.shape)}, got {came}'
            )
    if theirs:
        raise WrongValue(
            f'the checkpoint does not fit {name}: unexpected '
            f'{list(theirs)[:4]} ({len(theirs)} in all)'
        )
    return ours, left_out


def to_mdistiller(
    name: str, state_dict: StateDict, **backbone: Any
) -> StateDict:
    """The reverse of :func:`from_mdistiller`, for the bare network.

    Args:
        name (str): Network, such as ``'resnet8x4'``.
        state_dict (dict): Weights of an ``ImageClassifier`` with a linear
            head.
        **backbone: Further arguments of the backbone.

    Raises:
        ValueError: If a key is missing, unexpected or misshapen.
    """
    network = cifar_network(name)
    state_dict = {
        key: value
        for key, value in state_dict.items()
        if not key.startswith('data_preprocessor.')
    }
    if 'head.fc.weight' not in state_dict:
        raise WrongValue(
            'the checkpoint has no head.fc.weight; expected the '
            'weights of an ImageClassifier with LinearClsHead'
        )
    expected = _expected(name, len(state_dict['head.fc.weight']), backbone)
    wrong = sorted(expected.keys() ^ state_dict.keys()) or [
        key for key in expected if state_dict[key].shape != expected[key].shape
    ]
    if wrong:
        raise WrongValue(
            f'the checkpoint is not a {name}: {wrong[:4]} '
            f'({len(wrong)} in all) are missing, unexpected or misshapen'
        )
    return OrderedDict(
        (_their_key(key, network.classifier), state_dict[key])
        for key in expected
    )


def _expected(
    name: str, num_classes: int, backbone: Dict[str, Any]
) -> StateDict:
    """Keys and shapes of this package's classifier, in published order."""
    network = cifar_network(name)
    module = MODELS.build(dict(network.backbone, **backbone))
    expected = OrderedDict(
        (f'backbone.{key}', value)
        for key, value in module.state_dict().items()
    )
    expected['head.fc.weight'] = torch.empty(num_classes, network.in_channels)
    expected['head.fc.bias'] = torch.empty(num_classes)
    return expected


def _their_key(key: str, classifier: str) -> str:
    if key.startswith('backbone.'):
        return key[len('backbone.') :]
    return key.replace('head.fc', classifier)


def _network_part(checkpoint: Any, part: str) -> Tuple[StateDict, List[str]]:
    """The weights of one bare network, and the keys of all others."""
    if part not in ('student', 'teacher'):
        raise WrongValue(f"part must be 'student' or 'teacher', got {part!r}")
    state = checkpoint
    if isinstance(state, dict) and isinstance(state.get('model'), dict):
        state = state['model']
    if not isinstance(state, dict) or not all(
        isinstance(value, Tensor) for value in state.values()
    ):
        raise WrongValue(
            'the checkpoint holds no state dict; expected '
            'tensors, or a dict with an entry `model`'
        )
    state = {_strip(key, 'module.'): value for key, value in state.items()}
    if not any(key.startswith(('student.', 'teacher.')) for key in state):
        return state, []
    kept = {
        _strip(key, f'{part}.'): value
        for key, value in state.items()
        if key.startswith(f'{part}.')
    }
    if not kept:
        raise WrongValue(f'the checkpoint has no {part}')
    return kept, [key for key in state if not key.startswith(f'{part}.')]


def _strip(key: str, prefix: str) -> str:
    return key[len(prefix) :] if key.startswith(prefix) else key
