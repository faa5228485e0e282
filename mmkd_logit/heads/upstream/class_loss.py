"""What a dense head's classification loss is given in training."""

from contextlib import ExitStack
from typing import Any, Dict, List

import torch
from torch import Tensor, nn

from .dense_heads import class_logits
from .observe import observe, upstream_class

#: Heads that divide the sum of their class loss themselves, by the sum of
#: the assigned qualities that ``loss_by_feat_single`` returns.
_DIVIDE_LATER = ('RTMDetHead', 'RTMDetSepBNHead', 'TOODHead')


def joined(parts: List[Tensor]) -> Tensor:
    """``torch.cat`` that does not copy a single tensor."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def watch_class_loss(
    head: nn.Module, notes: Dict[str, Any], stack: ExitStack
) -> None:
    """Note each call of the head's classification loss.

    ``notes['class loss']`` becomes a list of dicts with ``logits`` (m, C),
    ``labels`` (m,), ``weight`` (m,) or None, and ``avg_factor``: one per
    level, or one for all levels, in the order of the levels.
    ``notes['num_classes']`` is the label of rows without an object.
    """
    notes['num_classes'] = head.num_classes

    def note(arguments: Dict[str, Any], result: Any) -> None:
        arguments = {**arguments, **arguments.get('kwargs', {})}
        logits, target = list(arguments.values())[:2]
        notes.setdefault('class loss', []).append(
            dict(
                logits=class_logits(head, logits),
                labels=split_target(target, head.num_classes),
                weight=arguments.get('weight', arguments.get('label_weight')),
                avg_factor=arguments.get('avg_factor'),
            )
        )

    for name in ('loss_cls', 'initial_loss_cls'):
        if hasattr(head, name):
            stack.enter_context(observe(getattr(head, name), 'forward', note))

    if upstream_class(head) in _DIVIDE_LATER:
        notes['qualities'] = []
        stack.enter_context(
            observe(
                head,
                'loss_by_feat_single',
                lambda arguments, result: notes['qualities'].append(result[2]),
            )
        )


def class_divisor(notes: Dict[str, Any]) -> Any:
    """By what the student's head divides the sum of its class loss."""
    if 'qualities' in notes:
        return mean_over_gpus(sum(notes['qualities']))
    return notes['class loss'][-1]['avg_factor']


def split_target(target: Any, num_classes: int) -> Tensor:
    """Labels (m,) from what a classification loss was given as target.

    Args:
        target (Tensor | tuple[Tensor, Tensor]): Labels (m,); labels and
            qualities; or, for the varifocal loss, qualities (m, C) that are
            0 outside the label.
        num_classes (int): Label of rows without an object.
    """
    if isinstance(target, (tuple, list)):
        target = target[0]
    if target.dim() == 2:
        quality, labels = target.max(dim=1)
        return labels.masked_fill(quality <= 0, num_classes)
    return target


def mean_over_gpus(total: Tensor) -> Tensor:
    """A head's usual divisor: mean of ``total`` over the GPUs, at least 1."""
    from mmdet.utils import reduce_mean

    return reduce_mean(total.detach()).clamp(min=1)
