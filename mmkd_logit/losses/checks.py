"""Checks of what a loss is given: one sentence for each mistake."""

import math
from typing import Optional, Sequence, Tuple, Union

import torch
from torch import Tensor

from ..messages import WrongType, WrongValue
from ..ops.autograd import compiling


def check_rows(
    name: str, student_logits: Tensor, teacher_logits: Tensor, tau: float = 1.0
) -> None:
    """Refuse logits that are not rows of one shape, and a bad ``tau``."""
    check_tau(name, tau)
    shape = student_logits.shape
    if shape != teacher_logits.shape:
        raise WrongValue(
            f'{name}: student_logits {tuple(shape)} and teacher_logits '
            f'{tuple(teacher_logits.shape)} must have one shape (M, C). '
            'Other C: student and teacher have different class lists or '
            '`reg_max`. Other M: they see different anchors or crop sizes.'
        )
    if student_logits.dim() != 2:
        raise WrongValue(
            f'{name}: logits must be rows (M, C), got {tuple(shape)}; for a '
            'map (B, C, H, W) give logits.movedim(1, -1).flatten(0, -2)'
        )
    check_floating(name, student_logits, teacher_logits)


def check_floating(name: str, *logits: Tensor) -> None:
    """Refuse class indices where raw scores belong."""
    for scores in logits:
        if not scores.is_floating_point():
            raise WrongType(
                f'{name}: logits must be floating point, got {scores.dtype}; '
                'give the raw scores of the last layer, not class indices'
            )


def check_labels(
    name: str,
    labels: Optional[Tensor],
    shape: torch.Size,
    may_be_none: bool = False,
) -> None:
    """Refuse labels that name no class of their row.

    Args:
        name (str): Name of the loss, for the message.
        labels (Tensor, optional): Target class of each row, shape (M,).
        shape (torch.Size): That of the logits, (M, C).
        may_be_none (bool): Whether the label C is allowed, "no class".
            Defaults to False.
    """
    if labels is None:
        raise WrongValue(
            f'{name} needs labels, the target class of each row; without '
            'them take KDLoss or GDKDLoss'
        )
    if labels.shape != shape[:1]:
        raise WrongValue(
            f'{name}: labels must have one class per row, shape '
            f'{tuple(shape[:1])}, got {tuple(labels.shape)}'
        )
    if labels.is_floating_point() or labels.dtype == torch.bool:
        raise WrongType(
            f'{name}: labels must be class indices (long), got {labels.dtype}'
        )
    # Reading the values is cheap on the CPU and would stall on CUDA.
    if labels.device.type == 'cpu' and len(labels) and not compiling():
        least, most = (extreme.item() for extreme in torch.aminmax(labels))
        last = shape[1] - (0 if may_be_none else 1)
        if least < 0 or most > last:
            raise WrongValue(
                f'{name}: labels must be in [0, {last}], got values from '
                f'{least} to {most}; drop ignored rows before the loss'
            )


def check_choice(name: str, setting: str, value: str, known) -> None:
    """Refuse a word that is not among the known ones."""
    if value not in known:
        *first, last = (repr(word) for word in known)
        raise WrongValue(
            f'{name}: {setting} must be {", ".join(first)} or {last}, '
            f'got {value!r}'
        )


def check_size(
    name: str, letter: str, value: int, least: int, most: int
) -> None:
    """Refuse a number of classes that is not within a row."""
    if not isinstance(value, int) or not least <= value <= most:
        raise WrongValue(
            f'{name}: {letter} must be a whole number in [{least}, {most}], '
            f'got {value}; a row has {most} classes'
        )


def check_tau(name: str, tau: float) -> float:
    """Return ``tau``; refuse a number that is no temperature."""
    if not tau > 0:
        raise WrongValue(
            f'{name}: tau must be > 0, got {tau}; it divides the logits'
        )
    if tau == math.inf:
        raise WrongValue(
            f'{name}: tau must be finite; 1000 is as good as infinite'
        )
    return tau


def check_taus(
    name: str, tau: Union[float, Sequence[float]], may_be_several: bool = True
) -> Tuple[float, ...]:
    """Return the temperatures of a number or of a list of numbers."""
    if not isinstance(tau, (list, tuple)):
        return (check_tau(name, tau),)
    if not may_be_several:
        raise WrongValue(
            f'{name}: tau must be one temperature, got {tau}; KDLoss adds up '
            'several'
        )
    if not tau:
        raise WrongValue(f'{name}: tau must name a temperature, got {tau}')
    if not all(isinstance(each, (int, float)) for each in tau):
        raise WrongType(f'{name}: tau must be numbers, got {list(tau)}')
    return tuple(check_tau(name, each) for each in tau)


def check_row_weight(
    name: str, weight: Optional[Tensor], shape: torch.Size
) -> None:
    """Refuse weights that are not one per row."""
    if weight is not None and weight.shape != shape[:1]:
        raise WrongValue(
            f'{name}: weight must have one value per row, shape '
            f'{tuple(shape[:1])}, got {tuple(weight.shape)}'
        )


def check_weights(name: str, **weights: float) -> None:
    """Refuse weights that are negative or infinite."""
    for letter, weight in weights.items():
        if not 0 <= weight < math.inf:
            raise WrongValue(
                f'{name}: {letter} must be >= 0, got {weight}; give a finite '
                'number, 0 switches the part off'
            )
