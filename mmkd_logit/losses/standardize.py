"""Logit standardization (LSKD): compare shapes of rows, not their scales."""

import torch
from torch import Tensor

from ..messages import WrongValue
from ..ops.autograd import as_float
from ..ops.dispatch import run
from ..ops.standardize import STANDARDIZE, StandardizeQuestion
from .checks import check_floating


def standardize(
    logits: Tensor, eps: float = 1e-7, unbiased: bool = True
) -> Tensor:
    """Give each row mean 0 and standard deviation 1: (M, C) -> (M, C).

    ``(logits - mean) / (std + eps)`` over the classes of a row. Gradients
    flow through mean and std, so a loss on the result ignores shift and
    scale of the student's row. Classes at -inf stay there and are left out
    of mean and std.

    Args:
        logits (Tensor): Raw scores, shape (M, C).
        eps (float): Added to the standard deviation. Defaults to 1e-7.
        unbiased (bool): Divide the variance by C - 1 as the authors' code
            does; False divides by C as the paper says. Defaults to True.

    Returns:
        Tensor: Shape (M, C), float32 (float64 for float64 logits). A constant
        row gives zeros and a finite but large gradient, about 1 / eps.
        float16 cannot hold it: for float16 logits it is 0, and under
        ``torch.compile`` it is clamped to float16's largest number, as every
        gradient that is too large.

    Raises:
        ValueError: If C is 1; one number has no standard deviation.

    Source:
        Sun et al., CVPR 2024, https://arxiv.org/abs/2403.01427.

    Examples:
        >>> standardize(torch.tensor([[1., 2., 3.]])).round()
        tensor([[-1.,  0.,  1.]])
    """
    if logits.shape[1] < 2:
        raise WrongValue(
            'standardize needs rows of at least 2 classes, got '
            f'{logits.shape[1]}: one number has no standard deviation'
        )
    check_floating('standardize', logits)
    question = StandardizeQuestion(
        as_float(logits), eps, unbiased, logits.dtype == torch.float16
    )
    return run(STANDARDIZE, question)[0]
