"""MobileNetV1, the student of the ImageNet tables; MMPretrain has none."""

from typing import List, Optional, Tuple

from mmengine.model import BaseModule
from torch import Tensor, nn

from ..registry import MODELS
from .layers import HE_FAN_OUT, conv

#: Output channels and stride of each depthwise separable block.
BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
)


def _norm_relu(channels: int) -> List[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]


@MODELS.register_module()
class MobileNetV1(BaseModule):
    """MobileNet of full width for 224 x 224 images.

    A 3 x 3 stem with stride 2 and 13 blocks of a depthwise 3 x 3 and a 1 x 1
    convolution, each followed by norm and ReLU. With a linear head for 1000
    classes it has 4,231,976 parameters.

    Args:
        init_cfg (list[dict], optional): Defaults to He fan-out, as MMPretrain
            initialises its ResNets.

    Source:
        Howard et al., 2017, https://arxiv.org/abs/1704.04861.
    """

    def __init__(self, init_cfg: Optional[List[dict]] = HE_FAN_OUT) -> None:
        super().__init__(init_cfg=init_cfg)
        self.conv1 = nn.Sequential(conv(3, 32, 3, 2), *_norm_relu(32))
        self.layers = nn.ModuleList()
        in_channels = 32
        for channels, stride in BLOCKS:
            self.layers.append(
                nn.Sequential(
                    conv(in_channels, in_channels, 3, stride, in_channels),
                    *_norm_relu(in_channels),
                    conv(in_channels, channels, 1),
                    *_norm_relu(channels),
                )
            )
            in_channels = channels
        self.out_channels = in_channels

    def forward(self, x: Tensor) -> Tuple[Tensor]:
        """(B, 3, H, W) -> the last map, (B, 1024, H / 32, W / 32)."""
        x = self.conv1(x)
        for layer in self.layers:
            x = layer(x)
        return (x,)
