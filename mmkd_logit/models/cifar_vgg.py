"""VGG with batch norm for 32 x 32 images."""

from typing import List, Optional, Tuple

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..messages import WrongValue
from ..registry import MODELS
from .layers import HE_FAN_OUT, conv

#: Convolutions in each of the five groups.
GROUPS = {
    8: (1, 1, 1, 1, 1),
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}


@MODELS.register_module()
class CifarVGG(BaseModule):
    """VGG-8 to VGG-19 of the CIFAR benchmark, with batch norm.

    Five groups of 3 x 3 convolutions with 64, 128, 256, 512, 512 channels.
    There is a 2 x 2 max-pool before groups 1, 2 and 3 only, so that a 32 x 32
    image ends as a 4 x 4 map, and one linear layer follows instead of three.
    Convolutions have biases although a norm follows.

    Args:
        depth (int): 8, 11, 13, 16 or 19.
        pool_64 (bool): Max-pool before the last group too when the image is
            64 pixels high, as the official code does. Defaults to False.
        init_cfg (list[dict], optional): Defaults to He fan-out.

    Source:
        ``vgg8`` to ``vgg19`` of the CIFAR benchmark of the distillation
        papers.
    """

    def __init__(
        self,
        depth: int,
        pool_64: bool = False,
        init_cfg: Optional[List[dict]] = HE_FAN_OUT,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if depth not in GROUPS:
            raise WrongValue(
                f'depth must be one of {list(GROUPS)}, got {depth}'
            )
        self.pool_64 = pool_64
        in_channels = 3
        for group, units in enumerate(GROUPS[depth]):
            channels = min(64 * 2**group, 512)
            layers: List[nn.Module] = []
            for unit in range(units):
                if unit:
                    layers.append(nn.ReLU(inplace=True))
                layers += [
                    conv(in_channels, channels, 3, bias=True),
                    nn.BatchNorm2d(channels),
                ]
                in_channels = channels
            setattr(self, f'block{group}', nn.Sequential(*layers))
        self.out_channels = in_channels

    def forward(self, x: Tensor) -> Tuple[Tensor]:
        """(B, 3, H, W) -> the last map, (B, 512, H / 8, W / 8)."""
        pools_last = self.pool_64 and x.shape[2] == 64
        x = F.relu(self.block0(x))
        for group in (self.block1, self.block2, self.block3):
            x = F.relu(group(F.max_pool2d(x, 2)))
        if pools_last:
            x = F.max_pool2d(x, 2)
        return (F.relu(self.block4(x)),)
