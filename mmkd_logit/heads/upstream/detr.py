"""Detection transformers of MMDetection whose logits can be read."""

from torch import nn

from ...messages import WrongValue
from .observe import is_a, upstream_class

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
