"""Class logits of MMDetection's YOLO heads: class times objectness."""

from contextlib import ExitStack
from typing import Callable, ClassVar, Dict, List, Optional, Tuple

import torch
from torch import Tensor, nn

from ..messages import WrongValue
from ..ops.joint_logit import joint_logit
from ..registry import MODELS
from ..structures.head_facts import HeadFacts
from ..structures.logit_pair import LogitPair
from ..structures.notes import Notes
from ..structures.teacher_pass import TeacherPass
from .object_rows import IGNORED, ObjectRowsReader
from .upstream.class_loss import mean_over_gpus
from .upstream.observe import upstream_class
from .upstream.priors import check_same_priors
from .upstream.yolo_heads import (
    YOLOMaps,
    box_layers,
    teacher_maps,
    watch_yolov3,
    watch_yolox,
    yolo_head,
)


class YOLOLogits(ObjectRowsReader):
    """The base class of the readers of YOLO heads."""

    #: Name of the head in MMDetection.
    kind: ClassVar[str] = ''
    #: How to observe it.
    watch_head: ClassVar[Callable[..., None]]

    @classmethod
    def fits(cls, model: nn.Module) -> bool:
        return upstream_class(getattr(model, 'bbox_head', None)) == cls.kind

    def facts(self, model: nn.Module) -> HeadFacts:
        head = yolo_head(model, self.kind)
        return HeadFacts(head.num_classes, head.num_classes, use_sigmoid=True)

    def check(self, student: nn.Module, teacher: nn.Module) -> None:
        check_same_priors(
            yolo_head(student, self.kind), yolo_head(teacher, self.kind)
        )

    def prune(self, teacher: nn.Module) -> Tuple[str, ...]:
        head = yolo_head(teacher, self.kind)
        return tuple(f'bbox_head.{name}' for name in box_layers(head))

    def watch(
        self, student: nn.Module, notes: Notes, stack: ExitStack
    ) -> None:
        head = yolo_head(student, self.kind)
        notes['num_classes'] = head.num_classes
        type(self).watch_head(head, notes, stack)

    def _targets(self, notes: Notes) -> Tuple[Tensor, Optional[Tensor]]:
        """Labels (M,) and weight (M,) or None of all priors."""
        raise NotImplementedError

    def pairs(
        self, notes: Notes, teacher: TeacherPass
    ) -> Dict[str, LogitPair]:
        maps = self.noted(notes, 'maps', 'bbox_head.loss_by_feat')
        labels, weight = self._targets(notes)
        head = teacher.model.bbox_head
        theirs = teacher.once('yolo maps', lambda: _mapped(teacher, head))
        _check_same_maps(maps, theirs)
        positives = mean_over_gpus(
            (labels < notes['num_classes']).sum().float()
        )
        classes = notes['num_classes']
        if self.has_windows:
            if weight is not None:
                labels = labels.masked_fill(weight == 0, IGNORED)
            pair, places = self.windowed(
                level_maps(joint_rows(maps), maps),
                teacher.once(
                    'yolo windows',
                    lambda: level_maps(joint_rows(theirs), theirs),
                ),
                [level[:, 0] for level in level_maps(labels[:, None], maps)],
                use_sigmoid=True,
            )
            return {'': self.weighed(pair, positives, classes, True, places)}
        keep = None
        if self.rows == 'positive':
            keep = (labels < notes['num_classes']).nonzero()[:, 0]
            labels = labels[keep]
            weight = None if weight is None else weight[keep]
        student_logits = joint_rows(maps, keep)
        with torch.no_grad():
            teacher_logits = (
                teacher.once('yolo rows', lambda: joint_rows(theirs))
                if keep is None
                else joint_rows(theirs, keep)
            )
        pair = LogitPair(student_logits, teacher_logits, labels, weight)
        return {'': self.weighed(pair, positives, classes, True)}


@MODELS.register_module()
class YOLOXLogits(YOLOLogits):
    """Joint logits of class and objectness at every location of YOLOX.

    A row holds, for each class c, the logit of ``sigmoid(c) * sigmoid(o)``,
    the score by which YOLOX ranks its boxes, see
    :func:`~mmkd_logit.ops.joint_logit.joint_logit`; it is exact, so nothing
    is lost and locations without an object need no mask. Rows come image by
    image, then level by level, row by row of the map. The label is the class
    that SimOTA gave to the location, or ``num_classes``. YOLOX divides its
    own losses by the number of positive locations (mean over GPUs, at least
    1).

    The student's class loss gets positives only, so its ``loss_by_feat`` and
    its assigner are observed, not that loss. The teacher runs backbone, neck
    and head without the box predictor, at the same strides.

    Args:
        **kwargs: ``rows``, ``windows``, ``weighting`` and the other options of
            :class:`~mmkd_logit.heads.object_rows.ObjectRowsReader`.

    Source:
        YOLOX, Ge et al., 2021, https://arxiv.org/abs/2107.08430. Distilling
        the joint logit is this project's extension.
    """

    recipes = 'dense'
    family = 'mmdet YOLOX (YOLOXHead)'
    kind = 'YOLOXHead'
    watch_head = staticmethod(watch_yolox)

    def _targets(self, notes: Notes) -> Tuple[Tensor, Optional[Tensor]]:
        return torch.cat(notes['labels']), None


@MODELS.register_module()
class YOLOV3Logits(YOLOLogits):
    """Joint logits of class and objectness at every anchor of YOLOv3.

    As :class:`YOLOXLogits`, anchor by anchor at each location. Anchors that
    overlap an object of which another anchor is in charge have weight 0, as in
    the student's objectness loss. YOLOv3 adds its own losses up without a
    divisor; here the number of positive anchors (mean over GPUs, at least 1)
    takes its place, as in the other dense heads.

    Args:
        **kwargs: ``rows``, ``windows``, ``weighting`` and the other options of
            :class:`~mmkd_logit.heads.object_rows.ObjectRowsReader`.

    Source:
        YOLOv3, Redmon and Farhadi, 2018, https://arxiv.org/abs/1804.02767.
        Distilling the joint logit is this project's extension.
    """

    recipes = 'dense'
    family = 'mmdet YOLOv3 (YOLOV3Head)'
    kind = 'YOLOV3Head'
    watch_head = staticmethod(watch_yolov3)

    def _targets(self, notes: Notes) -> Tuple[Tensor, Optional[Tensor]]:
        return tuple(
            torch.cat(parts, dim=1).flatten()
            for parts in zip(*notes['targets'])
        )


def _mapped(teacher: TeacherPass, head: nn.Module) -> YOLOMaps:
    """The teacher's maps in the student's classes."""
    maps = teacher_maps(head, teacher.feats)
    return maps._replace(classes=teacher.classes(maps.classes, 2))


def level_maps(rows: Tensor, maps: YOLOMaps) -> List[Tensor]:
    """Rows (M, C) of a batch -> (B * A, C, H, W) of each level.

    Args:
        rows (Tensor): Image by image, level by level, row by row of the map,
            anchor by anchor.
        maps (YOLOMaps): Any maps of the same batch.
    """
    batch, priors = maps.objectness.shape
    places = [height * width for height, width in maps.sizes]
    anchors = priors // sum(places)
    levels = rows.view(batch, priors, -1).split(
        [anchors * number for number in places], dim=1
    )
    return [
        level.reshape(batch, *size, anchors, -1)
        .permute(0, 3, 4, 1, 2)
        .flatten(0, 1)
        for level, size in zip(levels, maps.sizes)
    ]


def joint_rows(maps: YOLOMaps, keep: Optional[Tensor] = None) -> Tensor:
    """Joint logits of a batch, (M, K).

    Args:
        maps (YOLOMaps): Of a student or teacher.
        keep (Tensor, optional): Indices of the rows to take; None for all.
    """
    classes = maps.classes.flatten(0, 1)
    objectness = maps.objectness.flatten()[:, None]
    if keep is not None:
        classes, objectness = classes[keep], objectness[keep]
    return joint_logit(classes, objectness)


def _check_same_maps(student: YOLOMaps, teacher: YOLOMaps) -> None:
    """Refuse maps of other sizes.

    Raises:
        ValueError: Naming both.
    """
    if student.sizes != teacher.sizes:
        raise WrongValue(
            f"the student's maps have the sizes {student.sizes}, the "
            f"teacher's {teacher.sizes}; both need the same strides and "
            'input size'
        )
