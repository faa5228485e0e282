"""Wide ResNets for 32 x 32 images."""

from typing import List, Optional, Tuple

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..messages import WrongValue
from ..registry import MODELS
from .layers import HE_FAN_OUT, blocks_per_stage, conv


class WideBlock(nn.Module):
    """Norm and ReLU come before each convolution.

    With equal channels the shortcut is the raw input; otherwise it is a
    1 x 1 convolution, without norm, of the activated input.
    """

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = conv(in_channels, channels, 3, stride)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv2 = conv(channels, channels, 3)
        self.convShortcut = (
            None
            if in_channels == channels
            else conv(in_channels, channels, 1, stride)
        )

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.bn1(x), inplace=True)
        shortcut = (
            x if self.convShortcut is None else self.convShortcut(active)
        )
        out = F.relu(self.bn2(self.conv1(active)), inplace=True)
        return shortcut + self.conv2(out)


class WideStage(nn.Module):
    """Blocks under the name ``layer``, as checkpoints have them."""

    def __init__(
        self, in_channels: int, channels: int, stride: int, blocks: int
    ) -> None:
        super().__init__()
        self.layer = nn.Sequential(
            WideBlock(in_channels, channels, stride),
            *(WideBlock(channels, channels, 1) for _ in range(blocks - 1)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


@MODELS.register_module()
class CifarWRN(BaseModule):
    """Wide ResNet WRN-depth-widen of the CIFAR benchmark, without dropout.

    A bare 3 x 3 stem of 16 channels, three stages of ``n`` pre-activation
    blocks, ``depth = 6n + 4``, with strides 1, 2, 2, then norm and ReLU.

    Args:
        depth (int): 16, 28, 40, ...
        widen (int): Stages have 16, 32, 64 times ``widen`` channels.
        init_cfg (list[dict], optional): Defaults to He fan-out.

    Source:
        ``wrn_16_2``, ``wrn_40_2``, ... of the CIFAR benchmark of the
        distillation papers. Their code runs three norms a second time in
        each training step, which moves the running statistics twice as
        fast; logits and gradients of a step do not change, and it is not
        repeated here.
    """

    def __init__(
        self,
        depth: int,
        widen: int,
        init_cfg: Optional[List[dict]] = HE_FAN_OUT,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        blocks = blocks_per_stage('CifarWRN', depth, 6, 4)
        if widen < 1:
            raise WrongValue(f'widen must be >= 1, got {widen}')
        self.conv1 = conv(3, 16, 3)
        self.block1 = WideStage(16, 16 * widen, 1, blocks)
        self.block2 = WideStage(16 * widen, 32 * widen, 2, blocks)
        self.block3 = WideStage(32 * widen, 64 * widen, 2, blocks)
        self.bn1 = nn.BatchNorm2d(64 * widen)
        self.out_channels = 64 * widen

    def forward(self, x: Tensor) -> Tuple[Tensor]:
        """(B, 3, H, W) -> the last map, (B, C, H / 4, W / 4)."""
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return (F.relu(self.bn1(x), inplace=True),)
