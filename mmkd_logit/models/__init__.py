"""Networks that the papers use and no toolbox has.

They need MMEngine only, so that every toolbox can import the registry.
"""

from .cifar_mobilenet_v2 import CifarMobileNetV2
from .cifar_resnet import CifarFullResNet, CifarThinResNet
from .cifar_shufflenet_v1 import CifarShuffleNetV1
from .cifar_shufflenet_v2 import CifarShuffleNetV2
from .cifar_vgg import CifarVGG
from .cifar_wrn import CifarWRN
from .cifar_zoo import CIFAR_NETWORKS, cifar_classifier
from .mobilenet_v1 import MobileNetV1

__all__ = [
    'CIFAR_NETWORKS',
    'CifarFullResNet',
    'CifarMobileNetV2',
    'CifarShuffleNetV1',
    'CifarShuffleNetV2',
    'CifarThinResNet',
    'CifarVGG',
    'CifarWRN',
    'MobileNetV1',
    'cifar_classifier',
]
