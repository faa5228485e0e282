"""Detection transformers of MMDetection: tokens, queries and their objects."""

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

import torch
from torch import Tensor, nn

from ...messages import WrongValue
from ...structures.notes import Notes
from .observe import _MISSING, is_a, observe, upstream_class

#: Heads whose queries can be read.
HEADS = (
    'DETRHead',
    'ConditionalDETRHead',
    'DABDETRHead',
    'DeformableDETRHead',
    'DINOHead',
    'DDQDETRHead',
)

#: What to do if tokens cannot be compared.
QUERIES_ONLY = (
    '`logits=dict(type="mmkd_logit.DETRLogits", rows="queries")` compares '
    'the queries of the same objects only'
)


class Matching(NamedTuple):
    """Queries of one image after one decoder layer.

    Attributes:
        logits (Tensor): Shape (Q, C).
        objects (Tensor): Ground-truth object of each query, counted from 1;
            0 for none, shape (Q,).
    """

    logits: Tensor
    objects: Tensor


def detr_head(model: nn.Module) -> nn.Module:
    """``model.bbox_head``, if its queries can be read.

    Raises:
        ValueError: If it is not one of the supported heads.
    """
    head = getattr(model, 'bbox_head', None)
    name = upstream_class(head)
    if name == 'GroundingDINOHead':
        raise WrongValue(
            "GroundingDINOHead scores the words of each image's caption, so "
            'its columns are no classes and differ from image to image; take '
            f'a detector with {", ".join(HEADS)}'
        )
    if name not in HEADS or not is_a(model, 'mmdet', 'DetectionTransformer'):
        found = (
            'no `bbox_head`' if head is None else f'a {type(head).__name__}'
        )
        raise WrongValue(
            f'{type(model).__name__} has {found}; queries and encoder tokens '
            f'can be read from {", ".join(HEADS)}, and both student and '
            'teacher need one'
        )
    return head


def is_two_stage(head: nn.Module) -> bool:
    """Whether a classifier scores the tokens of the encoder."""
    return bool(getattr(head, 'as_two_stage', False))


def one_score_per_token(head: nn.Module) -> bool:
    """Whether that classifier scores only "object or not", in column 0.

    Deformable DETR trains it with all labels set to 0.
    """
    return upstream_class(head) == 'DeformableDETRHead'


def token_classifier(head: nn.Module) -> nn.Module:
    """The classification branch that scores encoder tokens."""
    return head.cls_branches[head.num_pred_layer - 1]


def number_of_layers(model: nn.Module) -> int:
    """Decoder layers that have a loss."""
    decoder = model.decoder
    return decoder.num_layers if decoder.return_intermediate else 1


def check_same_levels(student: nn.Module, teacher: nn.Module) -> None:
    """Refuse a teacher whose encoder tokens cannot be the student's.

    Raises:
        ValueError: If it scores no tokens, scores them in another way, or
            has another number of levels.
    """
    ours, theirs = detr_head(student), detr_head(teacher)
    if not is_two_stage(theirs) or (
        one_score_per_token(ours) != one_score_per_token(theirs)
    ):
        raise WrongValue(
            f"the student's {type(ours).__name__} scores encoder tokens in "
            f"another way than the teacher's {type(theirs).__name__} "
            '(Deformable DETR: object or not; DINO and DDQ: classes; others '
            f'not at all); {QUERIES_ONLY}'
        )
    levels = [model.num_feature_levels for model in (student, teacher)]
    if levels[0] != levels[1]:
        raise WrongValue(
            f"the student's encoder has {levels[0]} levels, the teacher's "
            f"{levels[1]}; rows='encoder' needs the same tokens; "
            f'{QUERIES_ONLY}'
        )


# ---------------------------------------------------------------- the student


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


# ---------------------------------------------------------------- the teacher


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
