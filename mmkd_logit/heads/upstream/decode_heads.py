"""Which heads of segmentors can be read, and at which map."""

from typing import Any, Dict, List, Optional

from torch import Tensor, nn

from ...messages import WrongValue
from .mask_heads import is_mask_head
from .observe import is_a

#: Label of pixels that are left out, where a head has no ``ignore_index``.
IGNORED = -1

#: Heads that give several maps in training: which one they predict with.
_MAIN_MAP = {
    'DAHead': 0,
    'DDRHead': 0,
    'EncHead': 0,
    'IterativeDecodeHead': -1,
    'PIDHead': 1,
}
#: Heads whose logits are no map of classes.
_REFUSED = {
    'PointHead': 'gives logits of a few points of its own choice',
    'VPDDepthHead': 'gives depths, not classes',
}


def main_head(model: nn.Module) -> nn.Module:
    """The decode head, the last stage of a cascade, or the panoptic head.

    Raises:
        ValueError: If its logits are no map of classes.
    """
    if is_a(model, 'mmdet', 'MaskFormer'):
        return _panoptic_head(model)
    head = model.decode_head
    head = head[-1] if isinstance(head, nn.ModuleList) else head
    for name, reason in _REFUSED.items():
        if is_a(head, 'mmseg', name):
            raise WrongValue(
                f'{type(head).__name__} {reason}; pixel logits can be '
                'read from heads such as FCNHead, ASPPHead, UPerHead, '
                'SegformerHead or Mask2FormerHead'
            )
    return head


def _panoptic_head(model: nn.Module) -> nn.Module:
    head = model.panoptic_head
    if not is_mask_head(head):
        raise WrongValue(
            f'{type(model).__name__} with {type(head).__name__}: the queries '
            'of MaskFormerHead and Mask2FormerHead can be read'
        )
    return head


def auxiliary_heads(model: nn.Module, main: nn.Module) -> Dict[str, nn.Module]:
    """Auxiliary heads for the classes of ``main``, by prefix in the log.

    Those with other channels, such as boundary heads, are left out.
    """
    several = isinstance(getattr(model, 'auxiliary_head', None), nn.ModuleList)
    heads = [
        head
        for head in _all_auxiliary(model)
        if getattr(head, 'out_channels', None) == channels(main)
    ]
    return {
        f'aux_{index}.' if several else 'aux.': head
        for index, head in enumerate(heads)
    }


def check_auxiliary_classes(model: nn.Module, main: nn.Module) -> None:
    """Refuse an auxiliary head with fewer classes than the main one.

    Its own loss would fail at the first label beyond its classes, on a GPU
    without naming the cause. Boundary heads are of other types.

    Raises:
        ValueError: If a plain one has fewer classes than ``main``.
    """
    for head in _all_auxiliary(model):
        plain = type(head).__name__ == 'FCNHead'
        if plain and head.num_classes < main.num_classes:
            raise WrongValue(
                f"the student's auxiliary head has {head.num_classes} "
                f'classes, its decode head {main.num_classes}; set '
                '`num_classes` of `auxiliary_head` as well'
            )


def _all_auxiliary(model: nn.Module) -> List[nn.Module]:
    """None, one or several, as a list."""
    heads = getattr(model, 'auxiliary_head', None)
    if heads is None:
        return []
    return list(heads) if isinstance(heads, nn.ModuleList) else [heads]


def main_logits(model: nn.Module, feats: Any) -> Any:
    """Output of the decode head, or of the last stage of a cascade."""
    head = model.decode_head
    if not isinstance(head, nn.ModuleList):
        return head(feats)
    output = head[0](feats)
    for stage in head[1:]:
        output = stage(feats, output)
    return output


def main_map(head: nn.Module, maps: Any) -> Tensor:
    """The map that a head predicts with, of those that it gives."""
    if not isinstance(maps, Tensor):
        index = next(
            (i for name, i in _MAIN_MAP.items() if is_a(head, 'mmseg', name)),
            None,
        )
        if index is None:
            raise WrongValue(
                f'{type(head).__name__} gives {len(maps)} maps of logits and '
                'mmkd_logit does not know which one it predicts with; heads '
                f'with one map, or {", ".join(_MAIN_MAP)}, can be read'
            )
        maps = maps[index]
    if maps.dim() != 4:
        raise WrongValue(
            f'{type(head).__name__} gives logits {tuple(maps.shape)}, '
            'expected a map (B, C, H, W)'
        )
    return maps


def channels(head: nn.Module) -> int:
    """Columns of a head's map: one per class, or one for a binary head."""
    return head.num_classes if is_mask_head(head) else head.out_channels


def is_binary(head: nn.Module) -> bool:
    """Whether a head's only column is one sigmoid class."""
    return not is_mask_head(head) and head.out_channels == 1


def ignore_index(head: nn.Module) -> Optional[int]:
    """Label of pixels without a class; None if every pixel has one."""
    return getattr(head, 'ignore_index', IGNORED)


def is_sigmoid(head: nn.Module) -> bool:
    """Whether a head's own losses treat its classes as independent."""
    if is_mask_head(head):
        return False
    if head.out_channels == 1:
        return True
    losses = getattr(head, 'kernel_generate_head', head).loss_decode
    losses = losses if isinstance(losses, nn.ModuleList) else [losses]
    kinds = [
        loss.use_sigmoid for loss in losses if hasattr(loss, 'use_sigmoid')
    ]
    return bool(kinds) and all(kinds)
