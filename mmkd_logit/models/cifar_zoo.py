"""The 23 networks of the CIFAR benchmark under their published names."""

from typing import Any, Dict, NamedTuple, Optional

from ..messages import WrongValue

#: PyTorch's own initialisation of a linear layer's weight, but a zero bias.
_ZERO_BIAS = dict(
    type='Kaiming',
    layer='Linear',
    a=5**0.5,
    mode='fan_in',
    nonlinearity='leaky_relu',
    distribution='uniform',
)
_NORMAL = dict(type='Normal', layer='Linear', std=0.01)


class CifarNetwork(NamedTuple):
    """One published network.

    Attributes:
        backbone (dict): Config of a backbone of this package.
        in_channels (int): Input channels of the classifier.
        classifier (str): Its name in published checkpoints.
        head_init (dict, optional): ``init_cfg`` of the head; None leaves
            PyTorch's own.
    """

    backbone: Dict[str, Any]
    in_channels: int
    classifier: str
    head_init: Optional[Dict[str, Any]] = None


def _networks() -> Dict[str, CifarNetwork]:
    thin, full, vgg = (
        f'mmkd_logit.Cifar{kind}'
        for kind in ('ThinResNet', 'FullResNet', 'VGG')
    )
    networks = {
        f'resnet{depth}': CifarNetwork(dict(type=thin, depth=depth), 64, 'fc')
        for depth in (8, 14, 20, 32, 44, 56, 110)
    }
    for depth in (8, 32):
        networks[f'resnet{depth}x4'] = CifarNetwork(
            dict(type=thin, depth=depth, widen=4), 256, 'fc'
        )
    for depth, channels in ((18, 512), (50, 2048)):
        networks[f'ResNet{depth}'] = CifarNetwork(
            dict(type=full, depth=depth), channels, 'linear'
        )
    for depth, widen in ((16, 1), (16, 2), (40, 1), (40, 2)):
        networks[f'wrn_{depth}_{widen}'] = CifarNetwork(
            dict(type='mmkd_logit.CifarWRN', depth=depth, widen=widen),
            64 * widen,
            'fc',
            _ZERO_BIAS,
        )
    for depth in (8, 11, 13, 16, 19):
        networks[f'vgg{depth}'] = CifarNetwork(
            dict(type=vgg, depth=depth), 512, 'classifier', _NORMAL
        )
    networks['MobileNetV2'] = CifarNetwork(
        dict(type='mmkd_logit.CifarMobileNetV2'), 1280, 'classifier.0', _NORMAL
    )
    networks['ShuffleV1'] = CifarNetwork(
        dict(type='mmkd_logit.CifarShuffleNetV1'), 960, 'linear'
    )
    networks['ShuffleV2'] = CifarNetwork(
        dict(type='mmkd_logit.CifarShuffleNetV2'), 1024, 'linear'
    )
    return networks


#: Published name -> network.
CIFAR_NETWORKS = _networks()


def cifar_network(name: str) -> CifarNetwork:
    """Look a published name up.

    Raises:
        ValueError: If there is no such network, listing all.
    """
    if name not in CIFAR_NETWORKS:
        raise WrongValue(
            f'no CIFAR network {name!r}; expected one of '
            f'{", ".join(CIFAR_NETWORKS)}'
        )
    return CIFAR_NETWORKS[name]


def cifar_classifier(
    name: str, num_classes: int = 100, **backbone: Any
) -> Dict[str, Any]:
    """Config of an MMPretrain classifier, as in ``configs/baseline``.

    Args:
        name (str): Published name, such as ``'resnet8x4'``.
        num_classes (int): Defaults to 100.
        **backbone: Further arguments of the backbone, such as
            ``large_input=True``.
    """
    network = cifar_network(name)
    return dict(
        type='mmpretrain.ImageClassifier',
        backbone=dict(network.backbone, **backbone),
        neck=dict(type='mmpretrain.GlobalAveragePooling'),
        head=dict(
            type='mmpretrain.LinearClsHead',
            num_classes=num_classes,
            in_channels=network.in_channels,
            loss=dict(type='mmpretrain.CrossEntropyLoss', loss_weight=1.0),
            topk=(1, 5) if num_classes >= 5 else (1,),
            init_cfg=network.head_init,
        ),
    )
