"""ResNets for 32 x 32 images."""

from typing import List, Optional, Tuple

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..messages import WrongValue
from ..registry import MODELS
from .layers import HE_FAN_OUT, blocks_per_stage, conv, projection, stem_conv


class ThinBlock(nn.Module):
    """3 x 3, 3 x 3, and a projected shortcut where shapes differ."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv(in_channels, channels, 3, stride)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = conv(channels, channels, 3)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = projection(in_channels, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(out)) + shortcut)


@MODELS.register_module()
class CifarThinResNet(BaseModule):
    """ResNet-20 to ResNet-110 and the x4 networks of the CIFAR benchmark.

    A 3 x 3 stem and three stages of ``n`` basic blocks, ``depth = 6n + 2``,
    with strides 1, 2, 2. Shortcuts are projections (1 x 1 convolution and
    norm), not the padding of the original paper.

    Args:
        depth (int): 8, 14, 20, 32, 44, 56, 110, ...
        widen (int): 1 for stages of 16, 32, 64 channels; 4 for 64, 128, 256,
            whose stem is only twice as wide (32). Defaults to 1.
        large_input (bool): 7 x 7 stem with stride 2, as SDD trains on
            CUB-200-2011. Defaults to False.
        init_cfg (list[dict], optional): Defaults to He fan-out.

    Source:
        The networks of Tian et al., ICLR 2020 (CRD), which the papers of
        DKD, SDD, GDKD and LSKD use. ``widen=4`` is their ``resnet8x4`` and
        ``resnet32x4``.
    """

    def __init__(
        self,
        depth: int,
        widen: int = 1,
        large_input: bool = False,
        init_cfg: Optional[List[dict]] = HE_FAN_OUT,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        blocks = blocks_per_stage(type(self).__name__, depth, 6, 2)
        if widen not in (1, 4):
            raise WrongValue(f'widen must be 1 or 4, got {widen}')
        stem = 16 if widen == 1 else 32
        widths = (16 * widen, 32 * widen, 64 * widen)
        self.conv1 = stem_conv(stem, 3, 1, large_input)
        self.bn1 = nn.BatchNorm2d(stem)
        in_channels = stem
        for stage, width in enumerate(widths, 1):
            layers = []
            for index in range(blocks):
                stride = 2 if stage > 1 and index == 0 else 1
                layers.append(ThinBlock(in_channels, width, stride))
                in_channels = width
            setattr(self, f'layer{stage}', nn.Sequential(*layers))
        self.out_channels = in_channels

    def forward(self, x: Tensor) -> Tuple[Tensor]:
        """(B, 3, H, W) -> the last map, (B, C, H / 4, W / 4)."""
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return (self.layer3(self.layer2(self.layer1(x))),)


class FullBlock(nn.Module):
    """Two 3 x 3 convolutions."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv(in_channels, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = projection(in_channels, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.shortcut is None else self.shortcut(x)
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + shortcut)


class FullBottleneck(nn.Module):
    """1 x 1, 3 x 3 (this one has the stride), 1 x 1 to four times as many."""

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv(in_channels, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, 3, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = conv(width, 4 * width, 1)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.shortcut = projection(in_channels, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.shortcut is None else self.shortcut(x)
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        return F.relu(self.bn3(self.conv3(out)) + shortcut)


@MODELS.register_module()
class CifarFullResNet(BaseModule):
    """ResNet-18 and ResNet-50 with a 3 x 3 stem and no max-pooling.

    Four stages of 64, 128, 256, 512 base channels with strides 1, 2, 2, 2.

    Args:
        depth (int): 18 or 50.
        large_input (bool): 7 x 7 stem with stride 2, as SDD trains on
            CUB-200-2011. Defaults to False.
        init_cfg (list[dict], optional): Defaults to He fan-out.

    Source:
        ``ResNet18`` and ``ResNet50`` of the CIFAR benchmark of the
        distillation papers.
    """

    settings = {
        18: (FullBlock, (2, 2, 2, 2)),
        50: (FullBottleneck, (3, 4, 6, 3)),
    }

    def __init__(
        self,
        depth: int,
        large_input: bool = False,
        init_cfg: Optional[List[dict]] = HE_FAN_OUT,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if depth not in self.settings:
            raise WrongValue(
                f'depth must be one of {list(self.settings)}, got {depth}'
            )
        block, stages = self.settings[depth]
        self.conv1 = stem_conv(64, 3, 1, large_input)
        self.bn1 = nn.BatchNorm2d(64)
        in_channels = 64
        for stage, blocks in enumerate(stages):
            layers = []
            for index in range(blocks):
                stride = 2 if stage > 0 and index == 0 else 1
                layers.append(block(in_channels, 64 * 2**stage, stride))
                in_channels = 64 * 2**stage * block.expansion
            setattr(self, f'layer{stage + 1}', nn.Sequential(*layers))
        self.out_channels = in_channels

    def forward(self, x: Tensor) -> Tuple[Tensor]:
        """(B, 3, H, W) -> the last map, (B, C, H / 8, W / 8)."""
        x = F.relu(self.bn1(self.conv1(x)))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return (x,)
