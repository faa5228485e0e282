"""Maps of a decode head, or of the queries of a head that classifies masks."""

from typing import Tuple, Union

from torch import Tensor, nn

from ...structures.teacher_pass import TeacherPass
from .decode_heads import main_logits, main_map
from .maps import resize_logits, same_layout
from .mask_heads import (
    QueryLogits,
    is_mask_head,
    query_logits,
    query_logits_with_texts,
    reads_texts,
    semantic_map,
)

#: What a head gives: a map (B, C, H, W), or queries.
HeadLogits = Union[Tensor, QueryLogits]


def map_size(logits: HeadLogits) -> Tuple[int, int]:
    """Height and width of a map, or of the masks of queries."""
    maps = logits.masks if isinstance(logits, QueryLogits) else logits
    return tuple(maps.shape[2:])


def pixel_map(
    head: nn.Module, logits: HeadLogits, size: Tuple[int, int]
) -> Tensor:
    """Logits (B, C, *size) of the pixels."""
    if isinstance(logits, QueryLogits):
        return semantic_map(QueryLogits(*map(same_layout, logits)), size)
    return resize_logits(same_layout(logits), size, head.align_corners)


def teacher_logits(
    teacher: TeacherPass, head: nn.Module, is_main: bool
) -> HeadLogits:
    """What a head of a teacher gives, at its own resolution.

    Args:
        teacher (TeacherPass): Of the batch.
        head (nn.Module): One of the teacher's heads.
        is_main (bool): Whether it is the decode head; otherwise it is an
            auxiliary head.
    """
    if reads_texts(head):
        return query_logits_with_texts(
            teacher.model, teacher.inputs, teacher.data_samples
        )
    if is_mask_head(head):
        return query_logits(
            head, teacher.feats, teacher.inputs, teacher.data_samples
        )
    if is_main:
        return main_map(head, main_logits(teacher.model, teacher.feats))
    return main_map(head, head(teacher.feats))
