"""ResNets of torchvision, to MMPretrain's names."""

from collections import OrderedDict
from typing import Any, Dict

from torch import Tensor

from ..messages import WrongValue
from .state_dict import plain_state_dict

#: Keys that a ResNet of torchvision has beside ``layer1`` to ``layer4``.
_STEM = ('conv1.weight', 'bn1.weight', 'fc.weight', 'fc.bias')


def from_torchvision(checkpoint: Any, name: str = '') -> Dict[str, Tensor]:
    """Rename the weights of a ResNet that torchvision trained.

    Both have the same layers, with the stride of a bottleneck in its 3 x 3
    convolution; the names differ by where the classifier is. Images are
    normalised alike, so that the outputs are equal. ResNeXt and wide ResNets
    have these names too.

    Args:
        checkpoint (dict): The bare state dict, as torchvision's files hold.
        name (str): Name of the file, for the sentence. Defaults to ''.

    Returns:
        dict[str, Tensor]: State dict of an ``ImageClassifier``.

    Raises:
        ValueError: If it is not a ResNet's.
    """
    state = plain_state_dict(checkpoint, name)
    missing = [key for key in _STEM if key not in state]
    others = [
        key
        for key in state
        if not key.startswith(('conv1.', 'bn1.', 'fc.', 'layer'))
    ]
    if missing or others:
        raise WrongValue(
            f'{name or "the checkpoint"} is not a ResNet of torchvision: '
            + ', '.join(
                [f'{key} is missing' for key in missing[:3]]
                + [f'{key} is unexpected' for key in others[:3]]
            )
            + '; its keys are those of torchvision.models.resnet50()'
        )
    return OrderedDict(
        (f'head.{key}' if key.startswith('fc.') else f'backbone.{key}', value)
        for key, value in state.items()
    )
