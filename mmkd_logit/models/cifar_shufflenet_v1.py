"""ShuffleNetV1 with three groups for 32 x 32 images."""

from typing import List, Optional, Tuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..registry import MODELS
from .layers import conv, shuffle, stem_conv

STEM = 24
#: Channels and units of each stage.
STAGES = ((240, 4), (480, 8), (960, 4))


class ShuffleUnit(nn.Module):
    """Grouped 1 x 1, shuffle, depthwise 3 x 3, grouped 1 x 1.

    With stride 1 the input is added; with stride 2 the pooled input follows
    the branch as further channels.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, groups: int
    ) -> None:
        super().__init__()
        self.stride = stride
        self.first_groups = 1 if in_channels == STEM else groups
        branch = out_channels - (in_channels if stride == 2 else 0)
        width = branch // 4
        self.conv1 = conv(in_channels, width, 1, groups=self.first_groups)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, 3, stride, width)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = conv(width, branch, 1, groups=groups)
        self.bn3 = nn.BatchNorm2d(branch)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = shuffle(out, self.first_groups)
        out = F.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        if self.stride == 1:
            return F.relu(out + x)
        # The zeros of the padding count in the average.
        return F.relu(torch.cat([out, F.avg_pool2d(x, 3, 2, 1)], 1))


@MODELS.register_module()
class CifarShuffleNetV1(BaseModule):
    """The ShuffleNetV1 of the CIFAR benchmark.

    Args:
        groups (int): Groups of the 1 x 1 convolutions. Defaults to 3.
        large_input (bool): 7 x 7 stem with stride 2, as SDD trains on
            CUB-200-2011. Defaults to False.
        init_cfg (list[dict], optional): Defaults to None, PyTorch's own.

    Source:
        ``ShuffleV1`` of the CIFAR benchmark of the distillation papers.
        Unlike the paper's, its units have a ReLU after the depthwise
        convolution.
    """

    def __init__(
        self,
        groups: int = 3,
        large_input: bool = False,
        init_cfg: Optional[List[dict]] = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.conv1 = stem_conv(STEM, 1, 1, large_input)
        self.bn1 = nn.BatchNorm2d(STEM)
        in_channels = STEM
        for stage, (channels, units) in enumerate(STAGES, 1):
            layers = [ShuffleUnit(in_channels, channels, 2, groups)]
            layers += [
                ShuffleUnit(channels, channels, 1, groups)
                for _ in range(units - 1)
            ]
            in_channels = channels
            setattr(self, f'layer{stage}', nn.Sequential(*layers))
        self.out_channels = in_channels

    def forward(self, x: Tensor) -> Tuple[Tensor]:
        """(B, 3, H, W) -> the last map, (B, 960, H / 8, W / 8)."""
        x = F.relu(self.bn1(self.conv1(x)))
        return (self.layer3(self.layer2(self.layer1(x))),)
