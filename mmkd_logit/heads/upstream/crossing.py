"""Where the heads of student and teacher can cross, and how they do."""

from contextlib import ExitStack
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import torch
from torch import Tensor, nn

from ...messages import WrongValue
from .observe import observe, upstream_class

_EPS = 1e-6
#: Class predictors and the authors' number of layers before the crossing.
_CLASSES = {
    'RetinaHead': ('retina_cls', 3),
    'FCOSHead': ('conv_cls', 2),
    'ATSSHead': ('atss_cls', 3),
    'GFLHead': ('gfl_cls', 3),
    'LDHead': ('gfl_cls', 3),
}


class Tower(NamedTuple):
    """One branch of a dense head.

    Attributes:
        head (nn.Module): The head.
        layers (nn.ModuleList): Its convolutions with norm and activation.
        predictor (nn.Module): Layer that makes logits of the last one's
            output.
        after (int): Number of layers before the crossing.
        scales (nn.ModuleList, optional): A factor for each level.
    """

    head: nn.Module
    layers: nn.ModuleList
    predictor: nn.Module
    after: int
    scales: Optional[nn.ModuleList] = None


def class_tower(head: nn.Module, after: Optional[int]) -> Tower:
    """The class branch of a head.

    Raises:
        ValueError: If it is unknown, or has fewer than ``after`` layers.
    """
    name = upstream_class(head)
    if name not in _CLASSES:
        raise WrongValue(
            f'heads cannot cross in a {type(head).__name__}; expected '
            f'{", ".join(_CLASSES)}, or take DenseClsLogits'
        )
    predictor, default = _CLASSES[name]
    after = default if after is None else after
    return _tower(head, 'cls_convs', predictor, after)


def box_tower(head: nn.Module, after: Optional[int]) -> Tower:
    """The box branch of a GFL head, whose logits are distributions."""
    after = 3 if after is None else after
    tower = _tower(head, 'reg_convs', 'gfl_reg', after)
    return tower._replace(scales=head.scales)


def _tower(head: nn.Module, layers: str, predictor: str, after: int) -> Tower:
    found = Tower(head, getattr(head, layers), getattr(head, predictor), after)
    if after > len(found.layers):
        raise WrongValue(
            f'after={after}, but {layers} of {type(head).__name__} has '
            f'{len(found.layers)} layers; take at most this many'
        )
    return found


def check_crossing(student: Tower, teacher: Tower) -> None:
    """Refuse towers that do not fit.

    Raises:
        ValueError: If features have another width at the crossing.
    """
    ours, theirs = _width(student), _width(teacher)
    if ours != theirs:
        raise WrongValue(
            f'the heads cross after {student.after} layers, where the student '
            f'has {ours} channels and the teacher {theirs}; both need the '
            'same `feat_channels` (with after=0 the same `in_channels`)'
        )


def _width(tower: Tower) -> int:
    if tower.after == 0:
        return tower.head.in_channels
    return tower.layers[tower.after - 1].conv.out_channels


def watch_crossing(tower: Tower, stack: ExitStack) -> List[Tensor]:
    """Note the features of each level where heads cross.

    Returns:
        list[Tensor]: Empty; the head's forward pass fills it with features
        (B, C, H, W) after the norm and before the activation.
    """
    seen: List[Tensor] = []
    if tower.after == 0:

        def note_all(arguments: Dict[str, Any], result: Any) -> None:
            seen.extend(next(iter(arguments.values())))

        stack.enter_context(observe(tower.head, 'forward', note_all))
        return seen
    layer = tower.layers[tower.after - 1]
    last = layer.norm if layer.with_norm else layer.conv

    def note(arguments: Dict[str, Any], result: Tensor) -> None:
        seen.append(result.clone())  # the activation works in place

    stack.enter_context(observe(last, 'forward', note))
    return seen


def align_scale(student: Tensor, teacher: Tensor) -> Tensor:
    """Student features with the teacher's mean and deviation per channel.

    Args:
        student (Tensor): Shape (B, C, H, W).
        teacher (Tensor): Shape (B, C, H, W).

    Returns:
        Tensor: ``(student - mean) / (std + 1e-6)``, times the teacher's
        deviation, plus its mean; statistics of a channel are over batch and
        positions, the deviation is the unbiased one, and 0 of a single
        position. Gradients pass through the student's statistics. In
        float32, or float64 if the student's are.

    Source:
        Wang et al., CVPR 2024, https://arxiv.org/abs/2306.11369.
    """
    if student.dtype != torch.float64:
        student, teacher = student.float(), teacher.float()
    dims = (0, 2, 3)
    unbiased = student[:, 0].numel() > 1
    found = [
        torch.var_mean(one, dims, correction=int(unbiased), keepdim=True)
        for one in (student, teacher)
    ]
    (our_var, our_mean), (their_var, their_mean) = found
    aligned = (student - our_mean) / (_sqrt(our_var) + _EPS)
    return aligned * their_var.sqrt() + their_mean


def _sqrt(variance: Tensor) -> Tensor:
    """Square root with the gradient 0 at 0, as in ``torch.std``."""
    some = variance > 0
    return torch.where(some, variance.where(some, 1.0).sqrt(), 0.0)


def cross(
    teacher: Tower,
    student_features: Sequence[Tensor],
    teacher_features: Sequence[Tensor],
) -> List[Tensor]:
    """Maps that the teacher's layers make of the student's features.

    Args:
        teacher (Tower): The teacher's, in evaluation mode.
        student_features (list[Tensor]): Of each level, (B, C, H, W), as
            :func:`watch_crossing` notes them.
        teacher_features (list[Tensor]): The same of the teacher.

    Returns:
        list[Tensor]: Of each level, with gradients into the student.
    """
    layers, after = teacher.layers, teacher.after
    maps = []
    for level, pair in enumerate(zip(student_features, teacher_features)):
        features = align_scale(*pair)
        if after and layers[after - 1].with_activation:
            features = layers[after - 1].activate(features)
        for layer in layers[after:]:
            features = layer(features)
        logits = teacher.predictor(features)
        if teacher.scales is not None:
            logits = teacher.scales[level](logits).float()
        maps.append(logits)
    return maps


def level_rows(maps: Sequence[Tensor], channels: int) -> Tensor:
    """Maps (B, A * C, H, W) -> rows (M, C) with their gradients.

    Level by level, then image by image, row by row of the map, anchor by
    anchor, as the class losses of dense heads receive them.
    """
    return torch.cat(
        [
            level.unflatten(1, (-1, channels))
            .permute(0, 3, 4, 1, 2)
            .reshape(-1, channels)
            for level in maps
        ]
    )
