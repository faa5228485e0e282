"""Tokens of MMPretrain's transformers: which form a map, which are read."""

import inspect
from typing import Any, Callable, Dict, Optional, Tuple

import torch
from torch import Tensor, nn

from .observe import is_a

#: Values of ``ClsLogits.token``, and the layer of ``DeiTClsHead`` for each.
DEIT_LAYERS = {'cls': 'head', 'dist': 'head_dist'}

_MAP_FROM_TOKENS = (
    "give the backbone out_type='avg_featmap', or out_type='featmap' with "
    "neck=dict(type='GlobalAveragePooling'), in training from the start, or "
    'remove `scales`'
)


def no_map(model: nn.Module) -> Optional[str]:
    """Why a classifier has no map whose mean its head reads, if it has none.

    Known before any image is seen for networks that classify tokens; others
    are recognised by the shape of their output.
    """
    head, backbone = model.head, getattr(model, 'backbone', None)
    name = type(head).__name__
    if not is_a(model, 'mmpretrain', 'ImageClassifier'):
        return f'{type(model).__name__} has no such backbone; remove `scales`'
    if is_a(head, 'mmpretrain', 'DeiTClsHead'):
        return (
            f'{name} reads a class and a distillation token; take '
            f'VisionTransformerClsHead with VisionTransformer and '
            f'{_MAP_FROM_TOKENS}'
        )
    if is_a(head, 'mmpretrain', 'ConformerHead'):
        return f'{name} reads two outputs; remove `scales`'
    out_type = getattr(backbone, 'out_type', None)
    kind = type(backbone).__name__
    if out_type in ('cls_token', 'raw'):
        return (
            f"{kind} with out_type='{out_type}' lets {name} classify a "
            f'token; {_MAP_FROM_TOKENS}'
        )
    if out_type == 'avg_featmap' and not averages_tokens(backbone):
        return (
            f'{kind} averages its tokens in a way that is not known; take '
            "out_type='featmap' with neck=dict(type='GlobalAveragePooling'), "
            'or remove `scales`'
        )
    reads_tokens = is_a(head, 'mmpretrain', 'VisionTransformerClsHead')
    if reads_tokens and out_type is None:
        return f'{kind} with {name} classifies a token; remove `scales`'
    return None


def averages_tokens(backbone: nn.Module) -> bool:
    """Whether a backbone averages patch tokens itself, as its last step.

    ViT, BEiT, EVA-02, T2T-ViT and RevViT do with ``out_type='avg_featmap'``,
    in ``_format_output(x, hw)``.
    """
    if getattr(backbone, 'out_type', None) != 'avg_featmap':
        return False
    method = getattr(backbone, '_format_output', None)
    return method is not None and list(
        inspect.signature(method).parameters
    ) == ['x', 'hw']


def note_patches(
    backbone: nn.Module, note: Callable[[Tensor], None]
) -> Callable[[Dict[str, Any], Any], None]:
    """A record for ``_format_output``, which notes the map (B, C, H, W)."""

    def noting(arguments: Dict[str, Any], result: Any) -> None:
        tokens, (height, width) = arguments['x'], arguments['hw']
        patches = tokens[:, backbone.num_extra_tokens :]
        note(patches.transpose(1, 2).unflatten(2, (height, width)))

    return noting


def averaged(backbone: nn.Module, cells: Tensor) -> Tensor:
    """What a backbone makes of tokens whose mean is ``cells``: (N, C) each.

    Every cell passes the backbone's own last step as the only patch token of
    a 1 x 1 map.
    """
    extra = cells.new_zeros(
        len(cells), backbone.num_extra_tokens, cells.shape[1]
    )
    return backbone._format_output(
        torch.cat([extra, cells[:, None]], 1), (1, 1)
    )


def deit_logits(head: nn.Module, feats: Tuple, token: str) -> Tensor:
    """Logits of one of the two heads of a DeiT: (B, K).

    Args:
        head (nn.Module): DeiTClsHead.
        feats (tuple): Output of the backbone.
        token (str): ``'cls'`` or ``'dist'``.
    """
    states = dict(zip(('cls', 'dist'), head.pre_logits(feats)))
    return getattr(head.layers, DEIT_LAYERS[token])(states[token])
