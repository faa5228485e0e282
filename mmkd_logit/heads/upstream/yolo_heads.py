"""YOLO heads of MMDetection: maps of classes and objectness, and targets."""

from contextlib import ExitStack
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import torch
from torch import Tensor, nn

from ...messages import WrongValue
from ...structures.notes import Notes
from .dense_maps import UnreadLayer
from .observe import observe, upstream_class

_BOX_LAYER = 'multi_level_conv_reg'


class YOLOMaps(NamedTuple):
    """Logits of all levels of a batch.

    Attributes:
        classes (Tensor): Shape (B, priors, K): level by level, row by row of
            the map, anchor by anchor.
        objectness (Tensor): Shape (B, priors).
        sizes (list[tuple[int, int]]): Height and width of the levels.
    """

    classes: Tensor
    objectness: Tensor
    sizes: List[Tuple[int, int]]


def yolo_head(model: nn.Module, kind: str) -> nn.Module:
    """``model.bbox_head``, if it is of this kind.

    Args:
        model (nn.Module): A detector.
        kind (str): ``'YOLOXHead'`` or ``'YOLOV3Head'``.

    Raises:
        ValueError: If it is another head.
    """
    head = getattr(model, 'bbox_head', None)
    if upstream_class(head) != kind:
        found = (
            'no `bbox_head`' if head is None else f'a {type(head).__name__}'
        )
        raise WrongValue(
            f'{type(model).__name__} has {found}; its logits are class times '
            f'objectness of a {kind}, which both student and teacher need'
        )
    return head


def box_layers(head: nn.Module) -> Tuple[str, ...]:
    """Layers that classes and objectness do not need.

    YOLOv3 predicts everything with one layer, which stays.
    """
    return (_BOX_LAYER,) if upstream_class(head) == 'YOLOXHead' else ()


def teacher_maps(head: nn.Module, feats: Sequence[Tensor]) -> YOLOMaps:
    """Maps of a teacher, without its box layers."""
    if upstream_class(head) == 'YOLOV3Head':
        return _yolov3_maps(head, head(feats)[0])
    before = dict(head._modules)
    head._modules[_BOX_LAYER] = nn.ModuleList(
        [UnreadLayer() for _ in head.strides]
    )
    try:
        classes, _, objectness = head(feats)
    finally:
        # Without `clear` the layers would come back in another order.
        head._modules.clear()
        head._modules.update(before)
    return YOLOMaps(
        _places(classes, head.cls_out_channels),
        _places(objectness, 1)[..., 0],
        _sizes(classes),
    )


def _yolov3_maps(head: nn.Module, maps: Sequence[Tensor]) -> YOLOMaps:
    """One map a level, (B, A * (5 + K), H, W): box, objectness, classes."""
    places = _places(maps, head.num_attrib)
    return YOLOMaps(places[..., 5:], places[..., 4], _sizes(maps))


def _places(maps: Sequence[Tensor], channels: int) -> Tensor:
    """Maps (B, A * C, H, W) of the levels -> (B, priors, C)."""
    return torch.cat(
        [
            level.permute(0, 2, 3, 1).reshape(len(level), -1, channels)
            for level in maps
        ],
        dim=1,
    )


def _sizes(maps: Sequence[Tensor]) -> List[Tuple[int, int]]:
    return [tuple(level.shape[2:]) for level in maps]


def watch_yolox(head: nn.Module, notes: Notes, stack: ExitStack) -> None:
    """Note the maps and the assigned class of every prior.

    ``notes['maps']`` are those of the student; ``notes['labels']`` has one
    tensor (priors,) per image, K where there is no object.
    """
    notes['labels'] = []
    samples: List[Any] = []
    seen: Dict[str, Tensor] = {}

    def note_image(arguments: Dict[str, Any], result: Any) -> None:
        labels = torch.full_like(
            arguments['objectness'], head.num_classes, dtype=torch.long
        )
        for sample in samples:  # none in an image without boxes
            labels[sample.pos_inds] = sample.pos_gt_labels
        samples.clear()
        notes['labels'].append(labels)

    def note_objectness(arguments: Dict[str, Any], result: Any) -> None:
        # This is the tensor that the head flattens for its own loss, so that
        # both gradients are added up at it.
        seen['objectness'] = next(iter(arguments.values()))

    def note_maps(arguments: Dict[str, Any], result: Any) -> None:
        classes = arguments['cls_scores']
        notes['maps'] = YOLOMaps(
            _places(classes, head.cls_out_channels),
            seen['objectness'].view(len(classes[0]), -1),
            _sizes(classes),
        )

    for owner, method, note in (
        (head.sampler, 'sample', lambda _, result: samples.append(result)),
        (head, '_get_targets_single', note_image),
        (head.loss_obj, 'forward', note_objectness),
        (head, 'loss_by_feat', note_maps),
    ):
        stack.enter_context(observe(owner, method, note))


def watch_yolov3(head: nn.Module, notes: Notes, stack: ExitStack) -> None:
    """Note the maps, the assigned class and the weight of every anchor.

    ``notes['targets']`` has a pair (labels, weight) of tensors (B, priors)
    per level. An anchor that is neither an object nor background, because it
    overlaps an object of which another anchor is in charge, has weight 0.
    """
    notes['targets'] = []

    def note_level(arguments: Dict[str, Any], result: Any) -> None:
        target, negative = arguments['target_map'], arguments['neg_map']
        positive = target[..., 4] > 0
        labels = target[..., 5:].argmax(-1)
        notes['targets'].append(
            (
                labels.masked_fill(~positive, head.num_classes),
                (positive | (negative > 0)).to(target.dtype),
            )
        )

    def note_maps(arguments: Dict[str, Any], result: Any) -> None:
        notes['maps'] = _yolov3_maps(head, arguments['pred_maps'])

    stack.enter_context(observe(head, 'loss_by_feat_single', note_level))
    stack.enter_context(observe(head, 'loss_by_feat', note_maps))
