"""Cost matrices for WKD: how far each class is from each other one."""

import warnings
from pathlib import Path
from typing import Sequence, Union

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..messages import MissingFile, WrongValue, near_path

Cost = Union[str, Path, Tensor, np.ndarray, Sequence[Sequence[float]]]


def costs_of_classifier(weight: Tensor) -> Tensor:
    """One minus the cosine of the classes' weights in the last layer.

    Args:
        weight (Tensor): Weight of the teacher's classifier, shape (C, D).

    Returns:
        Tensor: Shape (C, C), in [0, 2], 0 on the diagonal.

    Source:
        WKD's authors offer it as ``COST_MATRIX='fc'``. Their default is one
        minus the CKA of the classes' features; its kernel and its number of
        images are not stated in this project's sources, so such a matrix is
        given as a file.

    Examples:
        >>> costs_of_classifier(torch.tensor([[1., 0.], [0., 2.], [3., 3.]]))
        tensor([[0.0000, 1.0000, 0.2929],
                [1.0000, 0.0000, 0.2929],
                [0.2929, 0.2929, 0.0000]])
    """
    directions = F.normalize(weight.detach().float(), dim=1)
    costs = 1 - directions @ directions.t()
    return costs.clamp(min=0).fill_diagonal_(0.0)


def sharpen(cost: Tensor, kappa: float) -> Tensor:
    """``1 - exp(-kappa * cost)``: small differences count more.

    Args:
        cost (Tensor): Any shape, >= 0.
        kappa (float): > 0. WKD's authors take 1, and 2 from ResNet50 to
            MobileNetV1.

    Examples:
        >>> sharpen(torch.tensor([0., 1.]), kappa=1.)
        tensor([0.0000, 0.6321])
    """
    if not kappa > 0:
        raise WrongValue(
            f'sharpen: kappa must be > 0, got {kappa}; without sharpening '
            'take the costs as they are'
        )
    return -torch.expm1(-kappa * cost)


def read_costs(name: str, cost: Cost) -> Tensor:
    """Read a cost matrix that a config gives.

    Args:
        name (str): Name of the loss, for the message.
        cost (str, Path, Tensor, ndarray or nested list): The matrix, or a
            ``.npy`` file or a ``.pt`` or ``.pth`` file that holds it and
            nothing else. No pickled objects are loaded.

    Returns:
        Tensor: Shape (C, C), float32 (float64 for a float64 matrix).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a square matrix of finite numbers.
    """
    if isinstance(cost, (str, Path)):
        cost = _read_file(name, Path(cost))
    try:
        costs = torch.as_tensor(cost)
    except (TypeError, ValueError, RuntimeError):
        raise WrongValue(
            f'{name}: cost must be a square matrix or a file with one, got '
            f'{type(cost).__name__}'
        ) from None
    if costs.dim() != 2 or costs.shape[0] != costs.shape[1]:
        raise WrongValue(
            f'{name}: cost must have one number for each pair of classes, '
            f'shape (C, C), got {tuple(costs.shape)}'
        )
    if costs.dtype != torch.float64:
        costs = costs.float()
    if not costs.isfinite().all():
        raise WrongValue(
            f'{name}: cost must be finite, but the matrix holds inf or NaN'
        )
    return costs.detach()


def _read_file(name: str, path: Path) -> Union[Tensor, np.ndarray]:
    known = ('.npy', '.pt', '.pth')
    if path.suffix not in known:
        raise WrongValue(
            f'{name}: cost must be a {", ".join(known[:-1])} or {known[-1]} '
            f'file, got {path}'
        )
    if not path.is_file():
        raise MissingFile(
            f'{name}: there is no cost matrix {path.absolute()}; make one '
            f'with mmkd_logit.losses.class_costs{near_path(str(path))}'
        )
    try:
        if path.suffix == '.npy':
            return np.load(path, allow_pickle=False)
        with warnings.catch_warnings():
            # torch 2.1 warns of a class that its own reader uses.
            warnings.filterwarnings('ignore', 'TypedStorage is deprecated')
            found = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:
        first = str(error).split('\n')[0]
        raise WrongValue(
            f'{name}: {path} holds no plain matrix ({first}); save the '
            'tensor or array alone'
        ) from None
    if not isinstance(found, Tensor):
        raise WrongValue(
            f'{name}: {path} must hold one tensor, got '
            f'{type(found).__name__}; save the tensor alone'
        )
    return found
