"""Queries, encoder tokens and noise in a training step of a student DETR."""

from contextlib import ExitStack, contextmanager
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence, Tuple

import torch
from torch import Tensor, nn

from ...structures.notes import Notes
from .detr import token_classifier
from .observe import observe


class Matching(NamedTuple):
    """Queries of one image after one decoder layer.

    Attributes:
        logits (Tensor): Shape (Q, C).
        objects (Tensor): Ground-truth object of each query, counted from 1;
            0 for none, shape (Q,).
    """

    logits: Tensor
    objects: Tensor


def watch_matching(head: nn.Module, notes: Notes, stack: ExitStack) -> None:
    """Note which query was given to which object.

    ``notes['assigned']`` has one :class:`Matching` per image for each
    decoder layer, first layer first, and then for the encoder if it is
    matched; ``notes['layers']`` and ``notes['objects']`` (the ground truth)
    say how to cut it.
    """
    notes['assigned'] = []
    stack.enter_context(observe_matching(head, notes['assigned']))
    stack.enter_context(
        observe(
            head,
            'loss_by_feat',
            lambda arguments, _: notes.update(
                layers=len(arguments['all_layers_cls_scores']),
                objects=arguments['batch_gt_instances'],
            ),
        )
    )


@contextmanager
def observe_matching(
    head: nn.Module, matchings: List[Matching]
) -> Iterator[None]:
    """Record the result of the head's assigner for each image."""

    def note(arguments: Dict[str, Any], result: Any) -> None:
        matchings.append(
            Matching(arguments['pred_instances'].scores, result.gt_inds)
        )

    with observe(head.assigner, 'assign', note):
        yield


def layers_of(notes: Notes) -> List[List[Matching]]:
    """The noted matchings, layer by layer and image by image."""
    images = len(notes['objects'])
    return [
        notes['assigned'][layer * images : (layer + 1) * images]
        for layer in range(notes['layers'])
    ]


def pair_objects(
    student: Matching, teacher: Matching, number: int
) -> Tuple[Tensor, Tensor, Tensor]:
    """Queries of both models that have the same object.

    Args:
        student (Matching): Of one image.
        teacher (Matching): Of the same image.
        number (int): Objects in the image.

    Returns:
        tuple[Tensor, Tensor, Tensor]: Query of the student, of the teacher,
        and object (counted from 0), shape (P,) each.
    """
    tables = []
    for owners in (student.objects, teacher.objects):
        query = (owners > 0).nonzero()[:, 0]
        table = owners.new_full((number,), -1)
        table[owners[query] - 1] = query
        tables.append(table)
    both = ((tables[0] >= 0) & (tables[1] >= 0)).nonzero()[:, 0]
    return tables[0][both], tables[1][both], both


def watch_tokens(model: nn.Module, notes: Notes, stack: ExitStack) -> None:
    """Note the encoder's class logits.

    ``notes['tokens']`` are the logits (B, N, C), ``notes['real tokens']``
    says which tokens (B, N) lie in the image and have a proposal, and
    ``notes['token maps']`` is the size of each level.
    """

    def note_proposals(arguments: Dict[str, Any], result: Any) -> None:
        notes['real tokens'] = result[1].isfinite().all(-1)
        notes['token maps'] = _sizes(arguments['spatial_shapes'])

    stack.enter_context(
        observe(model, 'gen_encoder_output_proposals', note_proposals)
    )
    stack.enter_context(
        observe(
            token_classifier(model.bbox_head),
            'forward',
            # In one variant the decoder layers call this layer too, later.
            lambda _, result: notes.setdefault('tokens', result),
        )
    )


def _sizes(spatial_shapes: Any) -> List[Tuple[int, int]]:
    """Height and width of each level."""
    return [tuple(int(side) for side in shape) for shape in spatial_shapes]


def token_labels(
    tokens: Tensor, matchings: Sequence[Matching], objects: Sequence[Any]
) -> Tensor:
    """Class of each token, (B, N): K where the encoder has no object.

    Args:
        tokens (Tensor): Class logits, shape (B, N, K).
        matchings (list[Matching]): Of the encoder, one per image: those of
            all tokens, or of the best ones, which were copied.
        objects (list[InstanceData]): Ground truth of each image.
    """
    labels = tokens.new_full(
        tokens.shape[:2], tokens.shape[2], dtype=torch.long
    )
    best = tokens.detach().amax(-1)
    for image, (logits, owners) in enumerate(matchings):
        query = (owners > 0).nonzero()[:, 0]
        classes = objects[image].labels[owners[query] - 1]
        if len(logits) == tokens.shape[1]:
            labels[image, query] = classes
            continue
        score = logits.detach()[query].amax(-1)
        same = best[image] == score[:, None]
        # padding queries belong to no token
        found = same.any(1)
        token = same.int().argmax(1)[found]
        labels[image, token] = classes[found]
    return labels


def watch_denoising(model: nn.Module, notes: Notes, stack: ExitStack) -> None:
    """Note DINO's noised labels and boxes, and their logits and targets.

    ``notes['noise']`` is what :func:`decoded` needs to give a teacher the same
    queries, ``notes['dn logits']`` has the logits (B, D, K) of each layer, and
    ``notes['dn targets']`` one tuple per image: labels (D,), positive and
    negative queries.
    """
    head, generator = model.bbox_head, model.dn_query_generator
    noise = notes['noise'] = {}
    notes['dn logits'], notes['dn targets'] = [], []
    for owner, method, note in (
        (generator, 'get_num_groups', lambda _, n: noise.update(groups=n)),
        (
            generator.label_embedding,
            'forward',
            lambda arguments, _: noise.setdefault(
                'labels', arguments['input']
            ),
        ),
        (
            generator,
            'generate_dn_bbox_query',
            lambda _, boxes: noise.update(boxes=boxes),
        ),
        (
            head,
            '_loss_dn_single',
            lambda arguments, _: notes['dn logits'].append(
                arguments['dn_cls_scores']
            ),
        ),
        (
            head,
            '_get_dn_targets_single',
            lambda _, result: notes['dn targets'].append(
                (result[0], result[4], result[5])
            ),
        ),
    ):
        stack.enter_context(observe(owner, method, note))
