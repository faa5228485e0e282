"""Sparse R-CNN and QueryInst of MMDetection: learned proposals."""

from contextlib import ExitStack
from functools import partial
from typing import Any, Dict, Tuple

from torch import nn

from ..messages import WrongValue
from ..registry import MODELS
from ..structures.head_facts import HeadFacts
from ..structures.logit_pair import LogitPair
from ..structures.notes import Notes
from ..structures.teacher_pass import TeacherPass
from .base import LogitReader
from .upstream.class_loss import mean_over_gpus
from .upstream.observe import Arguments, observe
from .upstream.proposals import (
    StageCall,
    has_learned_proposals,
    matched,
    proposal_heads,
    same_objects,
)
from .upstream.roi_heads import stage_weights

STAGES = ('all', 'last')


@MODELS.register_module()
class SparseRoILogits(LogitReader):
    """Class logits of Sparse R-CNN's and QueryInst's proposals.

    Proposals are learned, so their number and their order are each model's
    own. In each stage, the proposal that the student's matcher gave to an
    object meets the proposal that the teacher's own matcher gave to the same
    object: one row per object, whose label is its class. Proposals without an
    object are left out, because no rule pairs them with the teacher's; so are
    objects that one of the two did not match (fewer proposals than objects).
    These are the queries of
    :class:`~mmkd_logit.heads.detr_logits.DETRLogits` again.

    Each stage is a term of its own with the prefix ``s0.``, ``s1.``, ...,
    weighed by the student's ``stage_loss_weights`` like its own losses, and
    its rows by the student's ``pos_weight``. The sum over proposals is
    divided by the number of objects that were matched (mean over GPUs, at
    least 1), as the head divides its own class loss.

    The teacher runs backbone, neck, and all stages up to the last one with
    their boxes, which its later stages pool and its matcher compares; no mask
    branch and no loss. It stays in eval mode: no dropout.

    Args:
        stages (str): ``'all'`` compares each stage with the same one of the
            teacher; ``'last'`` the last stage only, for heads with different
            numbers of stages. Defaults to ``'all'``.
        **kwargs: ``view`` of :class:`~mmkd_logit.heads.base.LogitReader`.

    Source:
        Sparse R-CNN, Sun et al., CVPR 2021,
        https://arxiv.org/abs/2011.12450; QueryInst, Fang et al., ICCV 2021,
        https://arxiv.org/abs/2105.01928. No paper defines logit distillation
        for them; pairs by object are this project's extension.
    """

    recipes = 'roi'
    family = (
        'mmdet detectors with SparseRoIHead and DIIHead (Sparse R-CNN, '
        'QueryInst)'
    )

    def __init__(self, stages: str = 'all', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if stages not in STAGES:
            raise WrongValue(f"stages must be 'all' or 'last', got {stages!r}")
        self.stages = stages

    @classmethod
    def fits(cls, model: nn.Module) -> bool:
        return has_learned_proposals(model)

    def facts(self, model: nn.Module) -> HeadFacts:
        head = proposal_heads(model)[-1]
        use_sigmoid = bool(head.loss_cls.use_sigmoid)
        return HeadFacts(
            head.num_classes, head.num_classes + (not use_sigmoid), use_sigmoid
        )

    def check(self, student: nn.Module, teacher: nn.Module) -> None:
        ours, theirs = proposal_heads(student), proposal_heads(teacher)
        if self.stages == 'all' and len(ours) != len(theirs):
            raise WrongValue(
                f"the student's RoI head has {len(ours)} stages, the "
                f"teacher's {len(theirs)}; `logits=dict("
                'type="mmkd_logit.SparseRoILogits", stages="last")` compares '
                'the last ones only'
            )
        if not teacher.roi_head.bbox_assigner:
            raise WrongValue(
                "the teacher's config has no train_cfg with an assigner, by "
                'which its proposals are given to objects; take the whole '
                'config of the detector, not one for inference'
            )

    def prune(self, teacher: nn.Module) -> Tuple[str, ...]:
        return ('roi_head.mask_head', 'roi_head.mask_roi_extractor')

    def watch(
        self, student: nn.Module, notes: Notes, stack: ExitStack
    ) -> None:
        notes['stage weights'] = stage_weights(student.roi_head)
        heads = proposal_heads(student)
        for stage, head in list(enumerate(heads))[self._which]:
            stack.enter_context(
                observe(
                    head,
                    'loss_and_target',
                    partial(self._record, notes, stage),
                )
            )
        notes['stages'] = len(heads)

    @property
    def _which(self) -> slice:
        """Stages to compare, of all."""
        return slice(None) if self.stages == 'all' else slice(-1, None)

    @staticmethod
    def _record(
        notes: Notes, stage: int, arguments: Arguments, result: Dict[str, Any]
    ) -> None:
        labels, weight = result['bbox_targets'][:2]
        notes[f'stage {stage}'] = StageCall(
            arguments['cls_score'],
            arguments['sampling_results'],
            labels,
            weight,
        )

    def pairs(
        self, notes: Notes, teacher: TeacherPass
    ) -> Dict[str, LogitPair]:
        ours = range(notes['stages'])[self._which]
        theirs = range(len(teacher.model.roi_head.bbox_head))[self._which]
        pairs = {}
        for stage, other in zip(ours, theirs):
            call: StageCall = self.noted(
                notes, f'stage {stage}', 'bbox_head.loss_and_target'
            )
            matchings = teacher.once(
                f'proposals {other}', partial(matched, teacher, other)
            )
            student, teacher_logits = same_objects(call, matchings)
            logits, labels, weight = (
                part[student]
                for part in (call.logits, call.labels, call.weight)
            )
            pairs[f's{stage}.'] = LogitPair(
                logits,
                teacher_logits,
                labels,
                notes['stage weights'][stage] * weight,
                mean_over_gpus(logits.new_tensor(float(len(labels)))),
            )
        return pairs
