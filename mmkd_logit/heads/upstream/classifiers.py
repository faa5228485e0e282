"""Outputs, classes and targets of MMPretrain's classifiers."""

from contextlib import contextmanager
from typing import Any, Iterator, List, Optional, Tuple, Union

import torch
from torch import Tensor, nn

from ...messages import WrongValue
from ...structures.logit_pair import LogitPair
from .observe import is_a


@contextmanager
def without_side_effects(model: nn.Module) -> Iterator[None]:
    """Neck and head use no random numbers and keep their statistics."""
    modules = [
        module
        for part in (model.neck, model.head)
        if part is not None
        for module in part.modules()
        if module.training
    ]
    for module in modules:
        module.training = False
    try:
        yield
    finally:
        for module in modules:
            module.training = True


def one_output(logits: Union[Tensor, Tuple[Tensor, ...]]) -> Tensor:
    """One tensor (B, C); several outputs are summed, as in prediction."""
    return logits if isinstance(logits, Tensor) else sum(logits)


def num_classes(head: nn.Module) -> int:
    """Classes of a head, from its config or from its last layer.

    Raises:
        ValueError: If it has neither.
    """
    count = getattr(head, 'num_classes', None)
    if count is None:
        layers = [
            module
            for module in head.modules()
            if isinstance(module, (nn.Linear, nn.Conv2d))
        ]
        if not layers:
            raise WrongValue(
                f'{type(head).__name__} has no classification layer of its '
                'own and no `num_classes`; put the classifier into the head'
            )
        count = layers[-1].weight.shape[0]
    return int(count)


def targets_of(
    data_samples: Optional[List[Any]], head: nn.Module, logits: Tensor
) -> Tuple[Tensor, Optional[Tensor], Optional[Tensor]]:
    """Label of each row; for several labels also its image and weight."""
    soft = 'gt_score' in data_samples[0]
    targets = [
        (sample.gt_score if soft else sample.gt_label).to(logits.device)
        for sample in data_samples
    ]
    if not is_a(head, 'mmpretrain', 'MultiLabelClsHead'):
        labels = torch.stack(targets).argmax(1) if soft else torch.cat(targets)
        return labels, None, None
    if soft:
        targets = [target.nonzero()[:, 0] for target in targets]
    nothing = logits.new_full((1,), logits.shape[1], dtype=torch.long)
    targets = [target if len(target) else nothing for target in targets]
    counts = torch.tensor([len(target) for target in targets])
    images = torch.arange(len(counts)).repeat_interleave(counts)
    weight = (1 / counts)[images]
    return (
        torch.cat(targets),
        images.to(logits.device),
        weight.to(logits.device),
    )


def with_targets(
    pair: LogitPair,
    labels: Tensor,
    images: Optional[Tensor],
    weight: Optional[Tensor],
) -> LogitPair:
    """Add labels; repeat the rows of images with several."""
    if images is None:
        return pair._replace(labels=labels)
    return LogitPair(
        pair.student_logits[images],
        pair.teacher_logits[images],
        labels,
        weight,
        float(len(pair.student_logits)),
    )
