"""Maps of logits and labels, and the rows that they make."""

from typing import Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ...messages import WrongValue
from ...ops.top_classes import largest_class


def map_rows(maps: Tensor) -> Tensor:
    """(B, C, H, W) -> (B * H * W, C), image by image, row by row.

    The rows keep pixels side by side in memory, as the map does: strides
    (1, M). So one image is never copied, several are copied plane by plane,
    and what runs over the rows runs over the long axis.
    """
    return maps.transpose(0, 1).flatten(1).t()


def channels_outside(maps: Tensor) -> Tensor:
    """The same map, stored so that :func:`map_rows` need not copy it."""
    return maps.transpose(0, 1).contiguous().transpose(0, 1)


class _SameLayout(torch.autograd.Function):
    @staticmethod
    def forward(ctx, maps):
        ctx.shape, ctx.strides = maps.shape, maps.stride()
        return maps.view_as(maps)

    @staticmethod
    def backward(ctx, grad):
        if grad.stride() == ctx.strides:
            return grad
        return grad.new_empty_strided(ctx.shape, ctx.strides).copy_(grad)


def same_layout(maps: Tensor) -> Tensor:
    """The same map, whose gradient comes back laid out like itself.

    The student's layers add up gradients in the order of memory. With this a
    term of weight 0 leaves even the last bit of their result as it was.
    """
    return _SameLayout.apply(maps)


def kept_pixels(
    logits: Tensor, labels: Tensor, ignore_index: Optional[int] = 255
) -> Tuple[Tensor, Tensor]:
    """Rows and labels of the pixels that have a label.

    Args:
        logits (Tensor): Raw scores, shape (B, C, H, W).
        labels (Tensor): Class of each pixel, shape (B, H, W), long.
        ignore_index (int, optional): Label of pixels to leave out; None keeps
            all. Defaults to 255.

    Returns:
        tuple[Tensor, Tensor]: Shapes (M, C) and (M,), M pixels kept.
    """
    rows, labels = map_rows(logits), labels.flatten()
    if ignore_index is None:
        return rows, labels
    kept = labels != ignore_index
    return rows[kept], labels[kept]


def resize_labels(labels: Tensor, size: Tuple[int, int]) -> Tensor:
    """(B, H, W) -> (B, *size), the nearest label.

    The place of a pixel is found in float32, as by ``F.interpolate`` on any
    device; at some sizes (26 to 22, 62 to 28) that is another place than
    exact integers give.
    """
    if labels.shape[1:] == tuple(size):
        return labels
    resized = F.interpolate(labels[:, None].float(), size, mode='nearest')
    return resized[:, 0].to(labels.dtype)


def resize_logits(
    logits: Tensor, size: Tuple[int, int], align_corners: bool
) -> Tensor:
    """(B, C, H, W) -> (B, C, *size), bilinear, or as it is if it fits."""
    if logits.shape[2:] == tuple(size):
        return logits
    return F.interpolate(
        logits, size, mode='bilinear', align_corners=align_corners
    )


def predicted_labels(logits: Tensor) -> Tensor:
    """Class of each pixel of a map: (B, C, H, W) -> (B, H, W).

    A single channel (a binary head) stands for one class; below a probability
    of 0.5 the pixel has no class, which is label 1.
    """
    if logits.shape[1] == 1:
        return (logits[:, 0] <= 0).long()
    return largest_class(logits)


def confidence(logits: Tensor, use_sigmoid: bool) -> Tensor:
    """Probability of the predicted class: (B, C, H, W) -> (B, H, W)."""
    logits = logits if logits.dtype == torch.float64 else logits.float()
    if logits.shape[1] == 1:
        return logits[:, 0].abs().sigmoid()
    largest = logits.amax(1)
    if use_sigmoid:
        return largest.sigmoid()
    return (largest - logits.logsumexp(1)).exp()


def sample_pixels(
    kept: Tensor, share: float, generator: torch.Generator
) -> Tensor:
    """Choose the same number of pixels from each image, kept ones first.

    Args:
        kept (Tensor): Pixels that may be chosen, shape (B, H, W), bool.
        share (float): Share of an image's pixels, in (0, 1].
        generator (torch.Generator): Its random numbers, not those of the run.

    Returns:
        Tensor: Places in the flattened image, shape (B, m). Where an image
        has fewer than m kept pixels, others are added.
    """
    kept = kept.flatten(1)
    scores = torch.rand(kept.shape, device=kept.device, generator=generator)
    number = max(round(share * kept.shape[1]), 1)
    return scores.masked_fill(~kept, -1.0).topk(number, 1, sorted=False)[1]


def pick_pixels(maps: Tensor, places: Tensor) -> Tensor:
    """Maps (B, C, H, W) or (B, H, W) at places (B, m), as maps 1 x m."""
    if maps.dim() == 3:
        return maps.flatten(1).gather(1, places)[:, None]
    index = places[:, None].expand(-1, maps.shape[1], -1)
    return maps.flatten(2).gather(2, index)[:, :, None]


def check_label_values(
    labels: Tensor, num_classes: int, ignore_index: Optional[int]
) -> None:
    """Refuse labels that are not classes, before the student's loss runs.

    Args:
        labels (Tensor): Any shape, long.
        num_classes (int): Labels must be in [0, num_classes) ...
        ignore_index (int, optional): ... or this.

    Raises:
        ValueError: Naming the values.
    """
    odd = (labels < 0) | (labels >= num_classes)
    if ignore_index is not None:
        odd &= labels != ignore_index
    if odd.any():
        values = labels[odd].unique().tolist()
        shown = ', '.join(map(str, values[:6]))
        raise WrongValue(
            f'the label maps hold {shown}{", ..." if len(values) > 6 else ""},'
            f' but the head has classes 0 to {num_classes - 1} and '
            f'ignore_index {ignore_index}; map the values in the dataset '
            '(Cityscapes: `*_labelTrainIds.png`, others: `reduce_zero_label` '
            'or `label_map`), or correct `num_classes`'
        )


def mean_over_processes(count: Tensor) -> Tensor:
    """A count averaged over the processes, so that two equal one."""
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return count
    count = count.clone()
    distributed.all_reduce(count)
    return count / distributed.get_world_size()
