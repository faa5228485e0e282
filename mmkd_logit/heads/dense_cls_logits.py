"""Class logits of MMDetection's dense heads: RetinaNet, FCOS, ATSS, GFL ..."""

from contextlib import ExitStack
from typing import Dict, List, Sequence, Tuple

from torch import Tensor, nn

from ..registry import MODELS
from ..structures.head_facts import HeadFacts
from ..structures.logit_pair import LogitPair
from ..structures.notes import Notes
from ..structures.teacher_pass import TeacherPass
from .object_rows import IGNORED, ObjectRowsReader
from .upstream.class_loss import (
    ClassCall,
    class_divisor,
    joined,
    watch_class_loss,
    without_rejected,
)
from .upstream.dense_heads import (
    DENSE_HEADS,
    class_channels,
    classes_are_independent,
    dense_head,
    find_dense_head,
    knowledge_of,
    sees_images,
)
from .upstream.dense_maps import (
    box_layers,
    by_level,
    check_same_grid,
    map_rows,
    teacher_class_maps,
)
from .upstream.observe import upstream_class
from .upstream.priors import check_same_priors


@MODELS.register_module()
class DenseClsLogits(ObjectRowsReader):
    """Class logits at every location and anchor of a dense head.

    Student logits, labels, weights and divisor are those that the student's
    own classification loss received: its module is observed, so all heads
    share one reader and no target code is repeated. Rows come level by
    level, then image by image, row by row of the map, anchor by anchor. The
    label of a row without an object is ``num_classes``.

    Student and teacher must share strides and anchors.

    Args:
        **kwargs: ``rows``, ``windows``, ``weighting`` and the other options of
            :class:`~mmkd_logit.heads.object_rows.ObjectRowsReader`.
    """

    recipes = 'dense'
    family = 'mmdet dense detectors with ' + ', '.join(DENSE_HEADS)

    @classmethod
    def fits(cls, model: nn.Module) -> bool:
        return upstream_class(find_dense_head(model)) in DENSE_HEADS

    def facts(self, model: nn.Module) -> HeadFacts:
        head = dense_head(model)
        return HeadFacts(
            head.num_classes,
            class_channels(head),
            classes_are_independent(head),
        )

    def check(self, student: nn.Module, teacher: nn.Module) -> None:
        check_same_priors(dense_head(student), dense_head(teacher))

    def prune(self, teacher: nn.Module) -> Tuple[str, ...]:
        head = dense_head(teacher)
        owner = knowledge_of(head).attribute
        return tuple(f'{owner}.{name}' for name in box_layers(head))

    def watch(
        self, student: nn.Module, notes: Notes, stack: ExitStack
    ) -> None:
        watch_class_loss(dense_head(student), notes, stack)

    def pairs(
        self, notes: Notes, teacher: TeacherPass
    ) -> Dict[str, LogitPair]:
        seen: List[ClassCall] = self.noted(
            notes, 'class loss', 'bbox_head.loss_cls'
        )
        logits = joined([call.logits for call in seen])
        labels = joined([call.labels for call in seen])
        weight = None
        if seen[0].weight is not None:
            weight = joined([call.weight for call in seen])

        head = dense_head(teacher.model)
        classes = logits.shape[1]
        maps = teacher.once(
            'dense classes', lambda: teacher_class_maps(head, teacher)
        )
        check_same_grid(maps, classes, len(logits))
        if sees_images(head) and len(maps) > 1:
            logits, labels, weight = (
                None if rows is None else by_level(rows, maps, classes)
                for rows in (logits, labels, weight)
            )
        weight = without_rejected(labels, weight, notes)
        places = None
        if self.has_windows:
            if weight is not None:
                labels = labels.masked_fill(weight == 0, IGNORED)
            pair, places = self.windowed(
                rows_to_maps(logits, maps),
                [
                    level.unflatten(1, (-1, classes)).flatten(0, 1)
                    for level in maps
                ],
                [level[:, 0] for level in rows_to_maps(labels[:, None], maps)],
                classes_are_independent(head),
            )
        elif self.rows == 'positive':
            keep = labels < notes['num_classes']
            pair = LogitPair(
                logits[keep],
                teacher.once(
                    'dense positive classes',
                    lambda: map_rows(maps, classes, keep),
                ),
                labels[keep],
                None if weight is None else weight[keep],
            )
        else:
            rows = teacher.once(
                'dense class rows', lambda: map_rows(maps, classes)
            )
            pair = LogitPair(logits, rows, labels, weight)
        return {
            '': self.weighed(
                pair,
                class_divisor(notes),
                notes['num_classes'],
                classes_are_independent(head),
                places,
            )
        }


def rows_to_maps(rows: Tensor, maps: Sequence[Tensor]) -> List[Tensor]:
    """Rows (M, C) in the order of the losses -> (B * A, C, H, W) of levels.

    Args:
        rows (Tensor): Level by level, image by image, row by row of the map,
            anchor by anchor.
        maps (list[Tensor]): Any maps (B, A * K, H, W) of the same levels.
    """
    places = [level[:, 0].numel() for level in maps]
    anchors = len(rows) // sum(places)
    return [
        part.view(len(level), *level.shape[2:], anchors, -1)
        .permute(0, 3, 4, 1, 2)
        .flatten(0, 1)
        for level, part in zip(maps, rows.split([n * anchors for n in places]))
    ]
