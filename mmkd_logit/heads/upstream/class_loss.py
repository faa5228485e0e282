"""The input of a dense head's classification loss in training."""

from contextlib import ExitStack
from typing import Any, List, NamedTuple, Optional, Tuple, Union

import torch
from torch import Tensor, nn

from ...structures.notes import Notes
from .dense_maps import class_logits
from .observe import Arguments, observe, upstream_class

#: Heads that divide the sum of their class loss themselves, by the sum of
#: the assigned qualities that ``loss_by_feat_single`` returns.
_DIVIDE_LATER = (
    'RTMDetHead',
    'RTMDetInsHead',
    'RTMDetInsSepBNHead',
    'RTMDetSepBNHead',
    'TOODHead',
)
#: Heads that compute the cross entropy of an image themselves.
_OWN_LOSS = ('SSDHead', 'PISASSDHead')


class ClassCall(NamedTuple):
    """One call of a head's classification loss.

    Attributes:
        logits (Tensor): Shape (m, C).
        labels (Tensor): Shape (m,).
        weight (Tensor, optional): Weight of each row, shape (m,).
        avg_factor (float or Tensor, optional): The head's divisor of the sum
            over its rows.
    """

    logits: Tensor
    labels: Tensor
    weight: Optional[Tensor] = None
    avg_factor: Optional[Union[float, Tensor]] = None


def joined(parts: List[Tensor]) -> Tensor:
    """``torch.cat`` that does not copy a single tensor."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def watch_class_loss(head: nn.Module, notes: Notes, stack: ExitStack) -> None:
    """Record each call of the head's classification loss.

    ``notes['class loss']`` becomes a list of :class:`ClassCall`: one per
    level, or one for all levels, in the order of the levels.
    ``notes['num_classes']`` is the label of rows without an object.
    """
    notes['num_classes'] = head.num_classes
    name = upstream_class(head)

    def record(arguments: Arguments, result: Any) -> None:
        arguments = {**arguments, **arguments.get('kwargs', {})}
        if arguments.get('reduction_override'):
            return  # the head compares candidates before it assigns them
        logits, target = list(arguments.values())[:2]
        weight = arguments.get('weight', arguments.get('label_weight'))
        notes.setdefault('class loss', []).append(
            ClassCall(
                logits=class_logits(head, logits),
                labels=split_target(target, head.num_classes),
                weight=weight_of_rows(weight, len(logits)),
                avg_factor=arguments.get('avg_factor'),
            )
        )

    if name in _OWN_LOSS:
        stack.enter_context(
            observe(
                head,
                'loss_by_feat_single',
                lambda arguments, _: notes.setdefault('class loss', []).append(
                    ClassCall(
                        logits=arguments['cls_score'],
                        labels=arguments['labels'],
                        weight=arguments['label_weights'],
                        avg_factor=arguments['avg_factor'],
                    )
                ),
            )
        )
        return
    if name in ('CenterNetHead', 'CenterNetUpdateHead'):
        watch_heatmaps(head, notes, stack)
        return
    for loss in ('loss_cls', 'initial_loss_cls'):
        if hasattr(head, loss):
            stack.enter_context(
                observe(getattr(head, loss), 'forward', record)
            )
    if name == 'FSAFHead':
        notes['chosen'] = []
        stack.enter_context(
            observe(
                head,
                'reweight_loss_single',
                lambda arguments, result: notes['chosen'].append(result[2]),
            )
        )
    if name in _DIVIDE_LATER:
        notes['qualities'] = []
        stack.enter_context(
            observe(
                head,
                'loss_by_feat_single',
                lambda arguments, result: notes['qualities'].append(result[2]),
            )
        )


def weight_of_rows(weight: Optional[Tensor], rows: int) -> Optional[Tensor]:
    """One weight for each row, shape (m,).

    FSAF weighs each class of a row and leaves single classes out; such a row
    is left out.
    """
    if weight is None or weight.numel() == rows:
        return weight
    return weight.view(rows, -1).amin(1)


def watch_heatmaps(head: nn.Module, notes: Notes, stack: ExitStack) -> None:
    """Note the class maps of a CenterNet, whose loss gets probabilities.

    The label of a location is the class of the object whose centre it is.
    """
    found: Notes = {}

    def finish(
        logits: List[Tensor], labels: Tensor, avg_factor: Tensor
    ) -> None:
        rows = [
            level.movedim(1, -1).reshape(-1, head.num_classes)
            for level in logits
        ]
        notes['class loss'] = [
            ClassCall(
                logits=joined(rows),
                labels=labels,
                weight=None,
                avg_factor=avg_factor,
            )
        ]

    def record_centres(arguments: Arguments, _: Any) -> None:
        target = list(arguments.values())[1].movedim(1, -1).flatten(0, 2)
        is_centre, label = (target == 1).max(dim=1)
        labels = label.masked_fill(~is_centre, head.num_classes)
        finish([found['maps']], labels, arguments['avg_factor'])

    def record_positions(arguments: Arguments, _: Any) -> None:
        arguments = {**arguments, **arguments.get('kwargs', {})}
        rows = len(list(arguments.values())[0])
        labels = list(arguments.values())[0].new_full(
            (rows,), head.num_classes, dtype=torch.long
        )
        if arguments['pos_inds'] is not None:
            labels[arguments['pos_inds']] = arguments['pos_labels']
        found.update(labels=labels, avg_factor=arguments['avg_factor'])

    if upstream_class(head) == 'CenterNetHead':
        stack.enter_context(
            observe(
                head.heatmap_head,
                'forward',
                lambda _, result: found.update(maps=result),
            )
        )
        stack.enter_context(
            observe(head.loss_center_heatmap, 'forward', record_centres)
        )
        return
    stack.enter_context(observe(head.loss_cls, 'forward', record_positions))
    stack.enter_context(
        observe(
            head,
            'loss_by_feat',
            lambda arguments, _: finish(
                arguments['cls_scores'], found['labels'], found['avg_factor']
            ),
        )
    )


def without_rejected(
    labels: Tensor, weight: Optional[Tensor], notes: Notes
) -> Optional[Tensor]:
    """Weights without the positives that the head discards (FSAF).

    It assigns each object on every level and keeps the best level alone; the
    positives of the others have no part in its loss.
    """
    if 'chosen' not in notes:
        return weight
    chosen = joined(notes['chosen'])
    rejected = (labels < notes['num_classes']) & ~chosen
    weight = labels.new_ones(len(labels)) if weight is None else weight
    return weight.float().masked_fill(rejected, 0.0)


def class_divisor(notes: Notes) -> Optional[Union[float, Tensor]]:
    """Divisor of the student's own class loss."""
    if 'qualities' in notes:
        return mean_over_gpus(sum(notes['qualities']))
    return notes['class loss'][-1].avg_factor


def split_target(
    target: Union[Tensor, Tuple[Tensor, Tensor]], num_classes: int
) -> Tensor:
    """Labels (m,) from the target of a classification loss.

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
