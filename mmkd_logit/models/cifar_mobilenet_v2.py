"""MobileNetV2 of half width for 32 x 32 images."""

from typing import List, Optional, Tuple

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..registry import MODELS
from .layers import HE_FAN_OUT, conv, stem_conv

#: Expansion, nominal channels, blocks and stride of the first one.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 1),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class InvertedResidual(nn.Module):
    """Expand, depthwise, project; plain ReLU, and none at the end.

    It has an expanding convolution for ``expansion=1`` as well.
    """

    def __init__(
        self, in_channels: int, channels: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        width = in_channels * expansion
        self.adds_input = stride == 1 and in_channels == channels
        self.conv = nn.Sequential(
            conv(in_channels, width, 1),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            conv(width, width, 3, stride, width),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            conv(width, channels, 1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv(x)
        return x + out if self.adds_input else out


@MODELS.register_module()
class CifarMobileNetV2(BaseModule):
    """The MobileNetV2 of the CIFAR benchmark.

    Unlike in the network for ImageNet, the second stage has stride 1, ReLU
    replaces ReLU6, channel counts are not rounded to multiples of 8, and the
    last convolution keeps its 1280 channels.

    Args:
        widen (float): Factor of the channels. Defaults to 0.5.
        large_input (bool): 7 x 7 stem with stride 2 and a 2 x 2 max-pool, as
            SDD trains on CUB-200-2011. Defaults to False.
        init_cfg (list[dict], optional): Defaults to He fan-out.

    Source:
        ``MobileNetV2`` of the CIFAR benchmark of the distillation papers.
    """

    def __init__(
        self,
        widen: float = 0.5,
        large_input: bool = False,
        init_cfg: Optional[List[dict]] = HE_FAN_OUT,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.large_input = large_input
        in_channels = int(32 * widen)
        self.conv1 = nn.Sequential(
            stem_conv(in_channels, 3, 2, large_input),
            nn.BatchNorm2d(in_channels),
            nn.ReLU(inplace=True),
        )
        self.blocks = nn.ModuleList()
        for expansion, nominal, blocks, stride in STAGES:
            channels = int(nominal * widen)
            layers = []
            for index in range(blocks):
                layers.append(
                    InvertedResidual(
                        in_channels,
                        channels,
                        stride if index == 0 else 1,
                        expansion,
                    )
                )
                in_channels = channels
            self.blocks.append(nn.Sequential(*layers))
        self.out_channels = int(1280 * max(widen, 1))
        self.conv2 = nn.Sequential(
            conv(in_channels, self.out_channels, 1),
            nn.BatchNorm2d(self.out_channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tuple[Tensor]:
        """(B, 3, H, W) -> the last map, (B, 1280, H / 16, W / 16)."""
        x = self.conv1(x)
        if self.large_input:
            x = F.max_pool2d(x, 2)
        for stage in self.blocks:
            x = stage(x)
        return (self.conv2(x),)
