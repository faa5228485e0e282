"""Mask classification: queries with a class and a mask each, as a pixel map.

MaskFormer and Mask2Former, of MMSegmentation and of MMDetection; SAN, whose
classes are compared with texts.
"""

from types import SimpleNamespace
from typing import Any, Dict, List, NamedTuple, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .maps import resize_logits
from .observe import is_a, observe

#: Smallest relative score of a class that :func:`semantic_map` tells from 0.
#: Its inverse times a gradient is far from overflow.
_FLOOR = {torch.float32: 1e-30, torch.float64: 1e-250}


class QueryLogits(NamedTuple):
    """Output of the last decoder layer.

    Attributes:
        classes (Tensor): Class logits of each query, shape (B, Q, K + 1); the
            last one means "no object".
        masks (Tensor): Mask logits of each query, shape (B, Q, h, w).
    """

    classes: Tensor
    masks: Tensor


def is_mask_head(head: Any) -> bool:
    """Whether a head classifies masks.

    MMSegmentation's heads are subclasses of MMDetection's of the same name.
    """
    known = is_a(head, 'mmdet', 'MaskFormerHead', 'Mask2FormerHead')
    return known or reads_texts(head)


def reads_texts(head: Any) -> bool:
    """Whether a head needs the classes' texts beside the image (SAN)."""
    return is_a(head, 'mmseg', 'SideAdapterCLIPHead')


def noted_queries(arguments: Dict[str, Any]) -> QueryLogits:
    """The last layer's logits among the arguments of ``loss_by_feat``."""
    return QueryLogits(
        arguments['all_cls_scores'][-1], arguments['all_mask_preds'][-1]
    )


def query_logits_with_texts(
    model: nn.Module, inputs: Tensor, data_samples: Sequence[Any]
) -> QueryLogits:
    """Run a model whose head compares masks with texts.

    Its own prediction is run and its head observed, because the images pass
    two encoders on the way there.

    Args:
        model (nn.Module): MultimodalEncoderDecoder.
        inputs (Tensor): The batch, shape (B, 3, H, W).
        data_samples (Sequence): Of the batch.

    Returns:
        QueryLogits: Of the last layer.
    """
    seen: List[QueryLogits] = []

    def note(arguments: Dict[str, Any], result: Any) -> None:
        masks, scores = result
        seen.append(QueryLogits(scores[-1], masks[-1]))

    metas = [
        {**sample.metainfo, 'img_shape': inputs.shape[2:]}
        for sample in data_samples
    ]
    with observe(model.decode_head, 'forward', note):
        model.encode_decode(inputs, metas)
    return seen[0]


def query_logits(
    head: nn.Module,
    feats: Sequence[Tensor],
    inputs: Tensor,
    data_samples: Sequence[Any],
) -> QueryLogits:
    """Run a head on features.

    Args:
        head (nn.Module): The head.
        feats (Sequence[Tensor]): Maps of backbone and neck.
        inputs (Tensor): The batch, shape (B, 3, H, W).
        data_samples (Sequence): Of the batch. MaskFormer masks padding with
            their ``img_shape``; nothing but ``metainfo`` is read. The padded
            size is that of ``inputs`` where ``batch_input_shape`` is missing,
            as in MMSegmentation.

    Returns:
        QueryLogits: Of the last decoder layer.
    """
    size = tuple(inputs.shape[2:])
    metas = [
        {'img_shape': size, 'batch_input_shape': size, **sample.metainfo}
        for sample in data_samples
    ]
    scores, masks = head(feats, [SimpleNamespace(metainfo=m) for m in metas])
    return QueryLogits(scores[-1], masks[-1])


def semantic_map(queries: QueryLogits, size: Sequence[int]) -> Tensor:
    """Log-probabilities of the classes at each pixel, which serve as logits.

    With ``p_q = softmax(classes_q)`` over the K + 1 classes, the last column
    dropped, and ``m_q(x)`` the mask logits, which are resized bilinearly to
    ``size`` as the heads do to predict::

        S(c, x) = sum_q p_q(c) * sigmoid(m_q(x))
        result(c, x) = log(S(c, x) / sum_k S(k, x))

    ``S`` is what the heads predict with: its largest class is the predicted
    one. The division by the sum shifts all classes of a pixel alike, which
    changes no softmax over classes; it makes pixels comparable with each
    other, however many queries cover them.

    The sum over queries is one matrix product per image, (C, Q) times
    (Q, H * W). Before it, each query's class probabilities are divided by
    their largest one and each pixel's masks by the largest product of the
    two, so that the leading class of a pixel is exact whatever the logits.
    Classes with less than 1e-30 of it (1e-250 in float64) count as that and
    get no gradient. Mathematics in float32 whatever the input type (float64
    stays float64), autocast off.

    Args:
        queries (QueryLogits): Class and mask logits.
        size (Sequence[int]): Height and width of the result, H and W.

    Returns:
        Tensor: Shape (B, K, H, W), laid out class by class in memory, so that
        rows of pixels need no copy.

    Source:
        Cheng et al., NeurIPS 2021, https://arxiv.org/abs/2107.06278, section
        3.4 (semantic inference), defines S. Its logarithm as logits of a
        pixel is this project's extension.
    """
    masks = resize_logits(queries.masks, tuple(size), align_corners=False)
    with torch.autocast(masks.device.type, enabled=False):
        maps = [_map_of_image(*pair) for pair in zip(queries.classes, masks)]
    return torch.stack(maps, 1).transpose(0, 1)


def _map_of_image(classes: Tensor, masks: Tensor) -> Tensor:
    """(Q, K + 1) and (Q, H, W) -> (K, H, W)."""
    if masks.dtype != torch.float64:
        classes, masks = classes.float(), masks.float()
    log_probs = classes.to(masks.dtype).log_softmax(1)[:, :-1]
    # both shifts cancel, so that they need no gradient
    best_class = log_probs.detach().amax(1, keepdim=True)
    log_masks = F.logsigmoid(masks.flatten(1)) + best_class
    best_query = log_masks.detach().amax(0, keepdim=True)
    scores = (log_probs - best_class).exp().t() @ (
        log_masks - best_query
    ).exp()
    scores = scores.clamp(min=_FLOOR[scores.dtype])
    logits = scores.log() - scores.sum(0, keepdim=True).log()
    return logits.view(-1, *masks.shape[1:])
