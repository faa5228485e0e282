"""Layers that several CIFAR networks use."""

from typing import List, Optional

from torch import Tensor, nn

from ..messages import WrongValue

#: He initialisation, fan-out, as in the official code: the number of output
#: channels is not divided by the groups, and no branch starts at zero.
HE_FAN_OUT = [
    dict(type='Kaiming', layer='Conv2d', mode='fan_out', nonlinearity='relu'),
    dict(type='Constant', layer='BatchNorm2d', val=1, bias=0),
]


def conv(
    in_channels: int,
    out_channels: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
    bias: bool = False,
) -> nn.Conv2d:
    """Convolution with "same" padding, and no bias unless asked for."""
    return nn.Conv2d(
        in_channels,
        out_channels,
        kernel,
        stride,
        kernel // 2,
        groups=groups,
        bias=bias,
    )


def stem_conv(
    out_channels: int, kernel: int, stride: int, large_input: bool
) -> nn.Conv2d:
    """First convolution; 7 x 7 with stride 2 for inputs of about 224 px."""
    if large_input:
        kernel, stride = 7, 2
    return conv(3, out_channels, kernel, stride)


def projection(
    in_channels: int, out_channels: int, stride: int
) -> Optional[nn.Sequential]:
    """1 x 1 convolution and norm where a shortcut cannot be the identity."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(
        conv(in_channels, out_channels, 1, stride),
        nn.BatchNorm2d(out_channels),
    )


def shuffle(x: Tensor, groups: int) -> Tensor:
    """Read the (groups, C / groups) table of channels column by column."""
    B, C, H, W = x.shape
    return (
        x.view(B, groups, C // groups, H, W)
        .transpose(1, 2)
        .reshape(B, C, H, W)
    )


def blocks_per_stage(
    name: str, depth: int, per_stage: int, others: int
) -> int:
    """``n`` of ``depth = per_stage * n + others``.

    Raises:
        ValueError: If no such n exists.
    """
    blocks, rest = divmod(depth - others, per_stage)
    if rest or blocks < 1:
        examples: List[int] = [per_stage * n + others for n in (1, 2, 3)]
        raise WrongValue(
            f'{name}: depth must be {per_stage} * n + {others} '
            f'({", ".join(map(str, examples))}, ...), got {depth}'
        )
    return blocks
