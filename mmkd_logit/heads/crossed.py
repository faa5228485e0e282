"""CrossKD: the student's features through the rest of the teacher's head."""

from contextlib import ExitStack
from typing import Any, Callable, Dict, List, Optional, Tuple

import torch
from torch import Tensor, nn

from ..messages import WrongValue
from ..registry import MODELS
from ..structures.logit_pair import LogitPair
from ..structures.notes import Notes
from ..structures.teacher_pass import TeacherPass
from .dense_cls_logits import DenseClsLogits
from .gfl_box_logits import GFLBoxLogits, distance_maps, gfl_head
from .upstream.crossing import (
    Tower,
    box_tower,
    check_crossing,
    class_tower,
    cross,
    level_rows,
    watch_crossing,
)
from .upstream.dense_heads import class_channels, dense_head
from .upstream.dense_maps import check_same_grid, teacher_class_maps

_CROSSED = "the teacher's own head makes the student's rows of crossed heads"


@MODELS.register_module()
class CrossedClsLogits(DenseClsLogits):
    """Class logits that the teacher's head makes of the student's features.

    The student's features after layer ``after`` of its class tower, before
    the activation, take on the mean and deviation of the teacher's at the
    same place and pass the rest of the teacher's tower and its predictor, see
    :func:`~mmkd_logit.heads.upstream.crossing.cross`. These cross logits are
    the student's rows; the teacher's rows are its own logits. So the layers
    of the student before the crossing learn from the teacher, those after it
    from the ground truth alone, and the two do not compete at one output. The
    teacher's layers are frozen; gradients pass through them.

    Labels, weights and divisor are those of :class:`DenseClsLogits`, and any
    loss that takes its rows takes these. Both towers need the same width at
    the crossing.

    Args:
        after (int, optional): Layers of the student's tower before the
            crossing, from 0 (the features of the neck) to all of them. None
            takes the authors': 3, and 2 of FCOS. Defaults to None.
        **kwargs: Of :class:`DenseClsLogits`. The authors have
            ``divisor='student'``.

    Raises:
        ValueError: If a head is none of RetinaNet, FCOS, ATSS and GFL, or
            the towers do not fit.

    Source:
        Wang et al., CVPR 2024, https://arxiv.org/abs/2306.11369, with
        ``KDQFLLoss(beta=1.0)``, weight 1.0 (FCOS 0.4). The authors' code
        has no weights of rows for FCOS, and divides there by the sum of
        centerness targets; here the rows of all heads count alike. Features
        of one position (a batch of 1, a level of 1 x 1) have no deviation,
        which gives NaN there and 0 here.
    """

    family = 'mmdet RetinaNet, FCOS, ATSS and GFL, crossed heads'

    def __init__(self, after: Optional[int] = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        _check_after(after)
        self.after = after

    @classmethod
    def fits(cls, model: nn.Module) -> bool:
        return False  # only a config names this reader

    def facts(self, model: nn.Module) -> Any:
        class_tower(dense_head(model), self.after)
        return super().facts(model)

    def rows_by_teacher(self) -> Optional[str]:
        return _CROSSED

    def check(self, student: nn.Module, teacher: nn.Module) -> None:
        super().check(student, teacher)
        tower = class_tower(dense_head(student), self.after)
        check_crossing(tower, class_tower(dense_head(teacher), tower.after))

    def watch(
        self, student: nn.Module, notes: Notes, stack: ExitStack
    ) -> None:
        super().watch(student, notes, stack)
        tower = class_tower(dense_head(student), self.after)
        notes['crossing'] = watch_crossing(tower, stack)
        notes['after'] = tower.after

    def pairs(
        self, notes: Notes, teacher: TeacherPass
    ) -> Dict[str, LogitPair]:
        head = dense_head(teacher.model)
        tower = class_tower(head, notes['after'])
        theirs = _teacher_features(
            teacher,
            tower,
            'dense classes',
            lambda: teacher_class_maps(head, teacher),
        )
        channels = class_channels(head)
        crossed = [
            teacher.classes(level.unflatten(1, (-1, channels)), 2)
            for level in cross(tower, notes['crossing'], theirs)
        ]
        seen = self.noted(notes, 'class loss', 'bbox_head.loss_cls')
        sizes = [len(call.logits) for call in seen]
        channels = crossed[0].shape[2]
        check_same_grid(crossed, channels, sum(sizes))
        rows = level_rows([level.flatten(1, 2) for level in crossed], channels)
        notes['class loss'] = [
            call._replace(logits=part)
            for call, part in zip(seen, rows.split(sizes))
        ]
        return super().pairs(notes, teacher)


@MODELS.register_module()
class CrossedGFLBoxLogits(GFLBoxLogits):
    """Box distributions that the teacher's head makes of student features.

    The box tower of :class:`CrossedClsLogits`; rows, weights and divisor are
    those of :class:`GFLBoxLogits`.

    Args:
        after (int, optional): As in :class:`CrossedClsLogits`. Defaults to
            None, 3.
        **kwargs: Of :class:`GFLBoxLogits`. The authors have
            ``region='all'`` and ``weighting='teacher'``.

    Raises:
        ValueError: If a head is no GFL, or the towers do not fit.

    Source:
        Wang et al., CVPR 2024, https://arxiv.org/abs/2306.11369, with
        ``KDLoss(tau=1.0, loss_weight=4.0)``. Boxes that are no distributions
        (RetinaNet, FCOS, ATSS: a GIoU between boxes) are no rows of logits.
    """

    family = 'mmdet GFL, crossed heads (box distributions)'

    def __init__(self, after: Optional[int] = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        _check_after(after)
        self.after = after

    def facts(self, model: nn.Module) -> Any:
        box_tower(gfl_head(model), self.after)
        return super().facts(model)

    def rows_by_teacher(self) -> Optional[str]:
        return _CROSSED

    def check(self, student: nn.Module, teacher: nn.Module) -> None:
        super().check(student, teacher)
        check_crossing(
            *[box_tower(gfl_head(m), self.after) for m in (student, teacher)]
        )

    def watch(
        self, student: nn.Module, notes: Notes, stack: ExitStack
    ) -> None:
        super().watch(student, notes, stack)
        tower = box_tower(gfl_head(student), self.after)
        notes['crossing'] = watch_crossing(tower, stack)

    def pairs(
        self, notes: Notes, teacher: TeacherPass
    ) -> Dict[str, LogitPair]:
        head = teacher.model.bbox_head
        tower = box_tower(head, self.after)
        theirs = _teacher_features(
            teacher,
            tower,
            'dense boxes',
            lambda: distance_maps(head, teacher.feats),
        )
        notes['boxes'] = cross(tower, notes['crossing'], theirs)
        bins = head.reg_max + 1
        seen = self.noted(notes, 'class loss', 'bbox_head.loss_cls')
        labels = torch.cat([call.labels for call in seen])
        check_same_grid(notes['boxes'], 4 * bins, len(labels))
        rows = level_rows(notes['boxes'], 4 * bins)
        rows = rows[labels < notes['num_classes']].reshape(-1, bins)
        sizes = [len(call['pred']) for call in notes['dfl']]
        notes['dfl'] = [
            {**call, 'pred': part}
            for call, part in zip(notes['dfl'], rows.split(sizes))
        ]
        return super().pairs(notes, teacher)


def _teacher_features(
    teacher: TeacherPass,
    tower: Tower,
    key: str,
    function: Callable[[], List[Tensor]],
) -> List[Tensor]:
    """The teacher's features where heads cross.

    ``function`` runs its head; the maps that it returns are kept as ``key``,
    where the plain reader reads them.
    """

    def run() -> Tuple[List[Tensor], List[Tensor]]:
        with ExitStack() as stack:
            features = watch_crossing(tower, stack)
            return function(), features

    def both() -> Tuple[List[Tensor], List[Tensor]]:
        return teacher.once(f'{key}, crossed after {tower.after}', run)

    teacher.once(key, lambda: both()[0])
    return both()[1]


def _check_after(after: Optional[int]) -> None:
    if after is not None and after < 0:
        raise WrongValue(
            'after must be a number of layers >= 0, or None for the '
            f"authors', got {after}"
        )
