"""ShuffleNetV2 for 32 x 32 images."""

from typing import List, Optional, Tuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..registry import MODELS
from .layers import conv, shuffle, stem_conv

STEM, LAST = 24, 1024
#: Channels and units of each stage.
STAGES = ((116, 4), (232, 8), (464, 4))


class DownUnit(nn.Module):
    """Both branches take the whole input and have stride 2."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        half = out_channels // 2
        self.conv1 = conv(in_channels, in_channels, 3, 2, in_channels)
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv2 = conv(in_channels, half, 1)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv3 = conv(in_channels, half, 1)
        self.bn3 = nn.BatchNorm2d(half)
        self.conv4 = conv(half, half, 3, 2, half)
        self.bn4 = nn.BatchNorm2d(half)
        self.conv5 = conv(half, half, 1)
        self.bn5 = nn.BatchNorm2d(half)

    def forward(self, x: Tensor) -> Tensor:
        left = self.bn1(self.conv1(x))
        left = F.relu(self.bn2(self.conv2(left)))
        right = F.relu(self.bn3(self.conv3(x)))
        right = self.bn4(self.conv4(right))
        right = F.relu(self.bn5(self.conv5(right)))
        return shuffle(torch.cat([left, right], 1), 2)


class BasicUnit(nn.Module):
    """The first half of the channels passes, the second is transformed."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = conv(half, half, 1)
        self.bn1 = nn.BatchNorm2d(half)
        self.conv2 = conv(half, half, 3, 1, half)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv3 = conv(half, half, 1)
        self.bn3 = nn.BatchNorm2d(half)

    def forward(self, x: Tensor) -> Tensor:
        kept, out = x.chunk(2, 1)
        out = F.relu(self.bn1(self.conv1(out)))
        out = self.bn2(self.conv2(out))
        out = F.relu(self.bn3(self.conv3(out)))
        return shuffle(torch.cat([kept, out], 1), 2)


@MODELS.register_module()
class CifarShuffleNetV2(BaseModule):
    """The ShuffleNetV2 (1.0x) of the CIFAR benchmark.

    Every unit ends with the shuffle, the last one of a stage included.

    Args:
        large_input (bool): 7 x 7 stem with stride 2 for images of about 224
            pixels. Defaults to False.
        init_cfg (list[dict], optional): Defaults to None, PyTorch's own.

    Source:
        ``ShuffleV2`` of the CIFAR benchmark of the distillation papers.
    """

    def __init__(
        self, large_input: bool = False, init_cfg: Optional[List[dict]] = None
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.conv1 = stem_conv(STEM, 1, 1, large_input)
        self.bn1 = nn.BatchNorm2d(STEM)
        in_channels = STEM
        for stage, (channels, units) in enumerate(STAGES, 1):
            layers: List[nn.Module] = [DownUnit(in_channels, channels)]
            layers += [BasicUnit(channels) for _ in range(units - 1)]
            in_channels = channels
            setattr(self, f'layer{stage}', nn.Sequential(*layers))
        self.conv2 = conv(in_channels, LAST, 1)
        self.bn2 = nn.BatchNorm2d(LAST)
        self.out_channels = LAST

    def forward(self, x: Tensor) -> Tuple[Tensor]:
        """(B, 3, H, W) -> the last map, (B, 1024, H / 8, W / 8)."""
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return (F.relu(self.bn2(self.conv2(x))),)
