"""Encoder, decoder and matching of a teacher DETR, part by part."""

from contextlib import ExitStack, contextmanager
from typing import (
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from torch import Tensor, nn

from ...structures.notes import Notes
from .detr import is_two_stage, token_classifier
from .detr_student import Matching, observe_matching, watch_tokens
from .observe import _MISSING, is_a, upstream_class


class Decoded(NamedTuple):
    """Output of a teacher's decoder.

    Attributes:
        logits (Tensor): Shape (L, B, Q, C).
        boxes (Tensor): Shape (L, B, Q, 4).
        denoising (Tensor, optional): Logits of the student's noised boxes,
            shape (L, B, D, C).
        notes (dict): Of :func:`watch_tokens`, if it has two stages.
    """

    logits: Tensor
    boxes: Tensor
    denoising: Optional[Tensor]
    notes: Notes


def encoded(
    model: nn.Module, feats: Any, samples: list
) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """Encoder of a teacher: what its decoder is given, and its output."""
    encoder_inputs, decoder_inputs = model.pre_transformer(feats, samples)
    return decoder_inputs, model.forward_encoder(**encoder_inputs)


def scored_tokens(
    model: nn.Module, encoder_outputs: Dict[str, Any]
) -> Dict[str, Any]:
    """The notes of :func:`watch_tokens` for a teacher, without decoder."""
    notes: Notes = {}
    with ExitStack() as stack:
        watch_tokens(model, notes, stack)
        memory, _ = model.gen_encoder_output_proposals(
            encoder_outputs['memory'],
            encoder_outputs['memory_mask'],
            encoder_outputs['spatial_shapes'],
        )
        token_classifier(model.bbox_head)(memory)
    return notes


def decoded(
    model: nn.Module,
    decoder_inputs: Dict[str, Any],
    encoder_outputs: Dict[str, Any],
    samples: list,
    noise: Optional[Dict[str, Any]] = None,
) -> Decoded:
    """Decoder of a teacher, in eval mode.

    Args:
        model (nn.Module): The teacher.
        decoder_inputs (dict): Of :func:`encoded`.
        encoder_outputs (dict): Of :func:`encoded`.
        samples (list): Of the batch.
        noise (dict, optional): The student's noised labels and boxes, to be
            decoded as well. They do not change the other queries.
    """
    head = model.bbox_head
    takes_samples = is_a(model, 'mmdet', 'DINO')
    notes: Notes = {}
    with ExitStack() as stack:
        if is_two_stage(head):
            watch_tokens(model, notes, stack)
        if noise is not None:
            stack.enter_context(_same_noise(model, noise))
        queries, _ = model.pre_decoder(
            **encoder_outputs,
            **(dict(batch_data_samples=samples) if takes_samples else {}),
        )
    outputs = model.forward_decoder(**{**decoder_inputs, **queries})
    logits, boxes = head(**outputs)
    denoising = None
    if noise is not None:
        number = logits.shape[2] - model.num_queries
        denoising = logits[:, :, :number]
        logits, boxes = logits[:, :, number:], boxes[:, :, number:]
    return Decoded(logits, boxes, denoising, notes)


@contextmanager
def _same_noise(model: nn.Module, noise: Dict[str, Any]) -> Iterator[None]:
    """Let a teacher make the student's denoising queries."""
    generator = model.dn_query_generator
    methods: Dict[str, Callable[..., Any]] = dict(
        get_num_groups=lambda *_: noise['groups'],
        generate_dn_label_query=lambda *_: generator.label_embedding(
            noise['labels']
        ),
        generate_dn_bbox_query=lambda *_: noise['boxes'],
    )
    before = {name: vars(generator).get(name, _MISSING) for name in methods}
    for name, method in methods.items():
        object.__setattr__(generator, name, method)
    # Only the outermost module: the dropout of its parts stays off.
    model.training = True
    try:
        yield
    finally:
        model.training = False
        for name, method in before.items():
            if method is _MISSING:
                object.__delattr__(generator, name)
            else:
                object.__setattr__(generator, name, method)


def matched(
    head: nn.Module, decoded: Decoded, layers: Sequence[int], samples: list
) -> List[List[Matching]]:
    """The teacher's queries and their objects, by its own matcher.

    Args:
        head (nn.Module): The teacher's.
        decoded (Decoded): Its queries.
        layers (list[int]): Decoder layers to match.
        samples (list): Of the batch.
    """
    objects = [sample.gt_instances for sample in samples]
    metas = [sample.metainfo for sample in samples]
    result = []
    for layer in layers:
        images = list(zip(decoded.logits[layer], decoded.boxes[layer]))
        if upstream_class(head) == 'DDQDETRHead' and layer > 0:
            # queries that repeat another one take no part
            masks = head.cache_dict['distinct_query_mask'][layer - 1]
            masks = masks[:: head.cache_dict['num_heads'], 0]
            images = [
                (logits[mask], boxes[mask])
                for (logits, boxes), mask in zip(images, masks)
            ]
        matchings: List[Matching] = []
        with observe_matching(head, matchings):
            head.get_targets(*zip(*images), objects, metas)
        result.append(matchings)
    return result
