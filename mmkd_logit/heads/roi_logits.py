"""Two-stage detectors of MMDetection: Faster, Mask and Cascade R-CNN."""

from contextlib import ExitStack
from functools import partial
from typing import Any, Dict, NamedTuple, Sequence, Tuple

import torch
from torch import Tensor, nn

from ..messages import WrongValue
from ..registry import MODELS
from ..structures.head_facts import HeadFacts
from ..structures.logit_pair import LogitPair
from ..structures.notes import Notes
from ..structures.teacher_pass import TeacherPass
from .base import LogitReader
from .sdd.cells import check_reference, scale_decoupled_rows
from .sdd.roi_cells import check_roi_cells, roi_cell_logits
from .upstream.observe import Arguments, is_a, observe, upstream_class
from .upstream.roi_heads import (
    PLAIN_POOLING,
    box_heads,
    owner_of_pooling,
    roi_context,
    roi_logits,
    stage_weights,
    without_box_branch,
)


class StageCall(NamedTuple):
    """Input of one stage's classification loss.

    Attributes:
        logits (Tensor): Class logits of the RoIs, shape (R, C).
        rois (Tensor): Image and box of each, shape (R, 5).
        labels (Tensor): Shape (R,).
        weight (Tensor): Shape (R,).
    """

    logits: Tensor
    rois: Tensor
    labels: Tensor
    weight: Tensor


@MODELS.register_module()
class RoILogits(LogitReader):
    """Class logits of the student's sampled RoIs.

    The teacher classifies the very RoIs that the student sampled, with its
    own features, RoI extractor and head; its RPN, box branch and losses do
    not run. Background is class ``num_classes``, an ordinary class of the
    softmax, as in the official code of DKD. The head's ``label_weights`` are
    the weights of the rows, and the mean is over the rows that count.

    With ``scales`` beyond 1 the RoIs are also cut into cells, which go
    through each model's own box head once more (the loss is the mean over
    RoIs and cells; a cell has its RoI's label and weight). Four cells cost
    about four passes of the box head in both models.

    Args:
        scales (Sequence[int]): Cells per side, with 1, the whole RoI, among
            them. Defaults to (1, ), no scale decoupling.
        cells (str): ``'quadrant'`` or ``'polyphase'`` (the authors' code),
            see :func:`~mmkd_logit.heads.sdd.roi_cells.pool_roi_cells`.
            Defaults to 'quadrant'.
        complementary_weight (float): Weight of a complementary cell; the
            authors' detection code has none. Defaults to 1.0.
        reference (str): ``'label'`` or ``'teacher'``, what makes a cell
            complementary, see
            :func:`~mmkd_logit.heads.sdd.cells.scale_decoupled_rows`.
            Defaults to 'label'.
        **kwargs: ``view`` of :class:`~mmkd_logit.heads.base.LogitReader`.

    Source:
        Zhao et al., CVPR 2022, https://arxiv.org/abs/2203.08679 (Faster
        R-CNN). Cascades, with one term per stage, weighed by the student's
        ``stage_loss_weights`` like its own losses, are this project's
        extension. Cells: Wei et al., CVPR 2024,
        https://arxiv.org/abs/2403.13512, and
        :mod:`mmkd_logit.heads.sdd.roi_cells`.
    """

    recipes = 'roi'
    family = (
        'mmdet two-stage detectors with StandardRoIHead or '
        'CascadeRoIHead (Faster, Mask, Cascade, Double-Head, Dynamic, Grid, '
        'Libra, Mask Scoring, PointRend, PISA R-CNN, HTC, SCNet)'
    )

    def __init__(
        self,
        scales: Sequence[int] = (1,),
        cells: str = 'quadrant',
        complementary_weight: float = 1.0,
        reference: str = 'label',
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        check_roi_cells(scales, cells)
        check_reference(reference, labels=())
        self.scales = tuple(scales)
        self.cells = cells
        self.complementary_weight = complementary_weight
        self.reference = reference

    @classmethod
    def fits(cls, model: nn.Module) -> bool:
        return is_a(
            getattr(model, 'roi_head', None),
            'mmdet',
            'StandardRoIHead',
            'CascadeRoIHead',
        )

    def facts(self, model: nn.Module) -> HeadFacts:
        head = box_heads(model)[0]
        loss = head.loss_cls
        use_sigmoid = bool(getattr(loss, 'use_sigmoid', False))
        if self.scales != (1,) and (
            owner_of_pooling(model.roi_head) not in PLAIN_POOLING
        ):
            raise WrongValue(
                f'{type(model.roi_head).__name__} pools its RoIs in a way of '
                f'its own, which cells (scales={self.scales}) do not know; '
                'take scales=(1, ), or a plain Faster, Mask or Cascade R-CNN'
            )
        if getattr(loss, 'custom_cls_channels', False):
            raise WrongValue(
                f'{type(loss).__name__} has class channels of its own '
                '(custom_cls_channels); RoI logits can be read for softmax '
                'or sigmoid classification losses only'
            )
        # a sigmoid head has a column for the background as well
        return HeadFacts(head.num_classes, head.num_classes + 1, use_sigmoid)

    def check(self, student: nn.Module, teacher: nn.Module) -> None:
        ours, theirs = box_heads(student), box_heads(teacher)
        if len(ours) != len(theirs):
            raise WrongValue(
                f"the student's RoI head has {len(ours)} stages, the "
                f"teacher's {len(theirs)}; a cascade is distilled from a "
                'cascade with as many stages'
            )

    def prune(self, teacher: nn.Module) -> Tuple[str, ...]:
        for head in box_heads(teacher):
            without_box_branch(head)
        return (
            'rpn_head',
            'roi_head.mask_head',
            'roi_head.mask_roi_extractor',
        )

    def watch(
        self, student: nn.Module, notes: Notes, stack: ExitStack
    ) -> None:
        notes['stage weights'] = stage_weights(student.roi_head)
        for stage, head in enumerate(box_heads(student)):
            if upstream_class(student.roi_head) == 'PISARoIHead':
                # PISA weighs its targets before it calls `loss` itself.
                method, record = 'loss', self._record_loss
            else:
                method, record = 'loss_and_target', self._record
            stack.enter_context(
                observe(head, method, partial(record, notes, stage))
            )
        if self.scales != (1,):
            roi_head = notes['roi_head'] = student.roi_head
            stack.enter_context(
                observe(
                    roi_head,
                    '_bbox_forward',
                    lambda arguments, _: notes.update(feats=arguments['x']),
                )
            )

    @staticmethod
    def _record(
        notes: Notes, stage: int, arguments: Arguments, result: Dict[str, Any]
    ) -> None:
        labels, label_weights = result['bbox_targets'][:2]
        notes[f'stage {stage}'] = StageCall(
            arguments['cls_score'], arguments['rois'], labels, label_weights
        )

    @staticmethod
    def _record_loss(
        notes: Notes, stage: int, arguments: Arguments, _: Any
    ) -> None:
        names = ('cls_score', 'rois', 'labels', 'label_weights')
        notes[f'stage {stage}'] = StageCall(
            *(arguments[name] for name in names)
        )

    def pairs(
        self, notes: Notes, teacher: TeacherPass
    ) -> Dict[str, LogitPair]:
        roi_head = teacher.model.roi_head
        stages = len(box_heads(teacher.model))
        context = teacher.once(
            'roi context', lambda: roi_context(roi_head, teacher.feats)
        )
        pairs = {}
        for stage in range(stages):
            if stage and f'stage {stage}' not in notes:
                break  # a cascade stops where no proposal is left
            call: StageCall = self.noted(
                notes, f'stage {stage}', 'bbox_head.loss_and_target'
            )
            teacher_logits = teacher.once(
                f'rois {stage}',
                partial(
                    self._teacher_logits, teacher, stage, call.rois, context
                ),
            )
            pair = LogitPair(
                call.logits,
                teacher_logits,
                call.labels,
                call.weight,
                call.weight.gt(0).sum().to(call.logits.dtype),
            )
            if self.scales != (1,):
                pair = self._with_cells(pair, notes, stage, teacher, call.rois)
            if stages > 1:
                factor = notes['stage weights'][stage]
                pair = pair._replace(weight=factor * pair.weight)
            pairs[f's{stage}.' if stages > 1 else ''] = pair
        return pairs

    @staticmethod
    def _teacher_logits(
        teacher: TeacherPass,
        stage: int,
        rois: Tensor,
        context: Dict[str, Tensor],
    ) -> Tensor:
        """The teacher's logits (R, C) in the student's classes."""
        roi_head = teacher.model.roi_head
        return teacher.classes(
            roi_logits(roi_head, stage, teacher.feats, rois, context)
        )

    def _with_cells(
        self,
        pair: LogitPair,
        notes: Notes,
        stage: int,
        teacher: TeacherPass,
        rois: Tensor,
    ) -> LogitPair:
        """Rows of the RoIs and of their cells."""
        feats = self.noted(notes, 'feats', 'roi_head._bbox_forward')
        settings = (rois, self.scales, self.cells)
        student_cells = roi_cell_logits(
            notes['roi_head'], stage, feats, *settings
        )
        teacher_cells = teacher.once(
            f'cells {stage} {settings[1:]}',
            lambda: [
                teacher.classes(cell)
                for cell in roi_cell_logits(
                    teacher.model.roi_head, stage, teacher.feats, *settings
                )
            ],
        )
        if self.cells == 'quadrant':  # polyphase cells include the whole RoI
            student_cells = [pair.student_logits, *student_cells]
            teacher_cells = [pair.teacher_logits, *teacher_cells]
        rows = scale_decoupled_rows(
            torch.stack(student_cells, 2),
            torch.stack(teacher_cells, 2),
            pair.labels,
            self.complementary_weight,
            self.reference,
        )
        times = len(student_cells)
        return rows._replace(
            weight=rows.weight * pair.weight.repeat_interleave(times),
            avg_factor=times * pair.avg_factor,
        )
