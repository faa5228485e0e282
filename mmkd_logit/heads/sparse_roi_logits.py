"""Sparse R-CNN and QueryInst of MMDetection: learned proposals."""

from contextlib import ExitStack
from functools import partial
from typing import Any, Dict, List, NamedTuple, Tuple

import torch
from torch import Tensor, nn

from ..messages import WrongValue
from ..registry import MODELS
from ..structures.head_facts import HeadFacts
from ..structures.logit_pair import LogitPair
from ..structures.notes import Notes
from ..structures.teacher_pass import TeacherPass
from .base import LogitReader
from .upstream.class_loss import mean_over_gpus
from .upstream.detr_student import Matching, pair_objects
from .upstream.observe import Arguments, is_a, observe
from .upstream.roi_heads import stage_weights

STAGES = ('all', 'last')


class StageCall(NamedTuple):
    """Input of one stage's loss.

    Attributes:
        logits (Tensor): Class logits of all proposals, shape (B * P, C).
        samples (list): MMDetection's ``SamplingResult`` of each image.
        labels (Tensor): Shape (B * P,).
        weight (Tensor): Shape (B * P,).
    """

    logits: Tensor
    samples: list
    labels: Tensor
    weight: Tensor


class Stage(NamedTuple):
    """What one stage of a teacher says of its own proposals.

    Attributes:
        logits (Tensor): In the student's classes, shape (B, P, C).
        boxes (list[Tensor]): Refined boxes of each image, shape (P, 4).
    """

    logits: Tensor
    boxes: List[Tensor]


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
        return is_a(getattr(model, 'roi_head', None), 'mmdet', 'SparseRoIHead')

    def facts(self, model: nn.Module) -> HeadFacts:
        head = self._heads(model)[-1]
        use_sigmoid = bool(head.loss_cls.use_sigmoid)
        return HeadFacts(
            head.num_classes, head.num_classes + (not use_sigmoid), use_sigmoid
        )

    @classmethod
    def _heads(cls, model: nn.Module) -> List[nn.Module]:
        """The box head of each stage."""
        roi_head = getattr(model, 'roi_head', None)
        heads = list(getattr(roi_head, 'bbox_head', None) or [])
        wrong = [head for head in heads if not is_a(head, 'mmdet', 'DIIHead')]
        if not cls.fits(model) or wrong:
            found = (
                'no `roi_head`'
                if roi_head is None
                else f'a {type(roi_head).__name__}'
                + (f' with {type(wrong[0]).__name__}' if wrong else '')
            )
            raise WrongValue(
                f'{type(model).__name__} has {found}; learned proposals can '
                'be read from SparseRoIHead with DIIHead (Sparse R-CNN, '
                'QueryInst), and both student and teacher need one'
            )
        return heads

    def check(self, student: nn.Module, teacher: nn.Module) -> None:
        ours, theirs = self._heads(student), self._heads(teacher)
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
        heads = self._heads(student)
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
            student, teacher_logits = _same_objects(call, matchings)
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


def matched(teacher: TeacherPass, stage: int) -> List[Matching]:
    """The teacher's proposals and their objects, by its own matcher."""
    from mmengine.structures import InstanceData

    stages = teacher.once('proposals', partial(all_stages, teacher))
    assigner = teacher.model.roi_head.bbox_assigner[stage]
    matchings = []
    for logits, boxes, sample in zip(*stages[stage], teacher.data_samples):
        result = assigner.assign(
            pred_instances=InstanceData(
                bboxes=boxes, scores=logits, priors=boxes
            ),
            gt_instances=sample.gt_instances,
            gt_instances_ignore=None,
            img_meta=sample.metainfo,
        )
        matchings.append(Matching(logits, result.gt_inds))
    return matchings


def all_stages(teacher: TeacherPass) -> List[Stage]:
    """Every stage of the teacher, as its own prediction runs them."""
    from mmdet.structures.bbox import bbox2roi

    feats, roi_head = teacher.feats, teacher.model.roi_head
    metas = [sample.metainfo for sample in teacher.data_samples]
    proposals = teacher.model.rpn_head.predict(feats, teacher.data_samples)
    boxes = [one.bboxes for one in proposals]
    features = torch.stack([one.features for one in proposals])
    stages = []
    for stage in range(len(roi_head.bbox_head)):
        result = roi_head._bbox_forward(
            stage, feats, bbox2roi(boxes), features, metas
        )
        boxes, features = result['detached_proposals'], result['object_feats']
        stages.append(Stage(teacher.classes(result['cls_score'], 2), boxes))
    return stages


def _same_objects(
    call: StageCall, matchings: List[Matching]
) -> Tuple[Tensor, Tensor]:
    """Rows of the student that have a row of the teacher, and those.

    Returns:
        tuple[Tensor, Tensor]: Place in the student's (B * P, C), shape (M,),
        and the teacher's logits (M, C).
    """
    images = call.logits.chunk(len(call.samples))
    places, rows = [], []
    for image, sample, other in zip(
        range(len(images)), call.samples, matchings
    ):
        number = len(images[image])
        owners = sample.pos_inds.new_zeros(number)
        owners[sample.pos_inds] = sample.pos_assigned_gt_inds + 1
        mine, theirs, _ = pair_objects(
            Matching(images[image], owners), other, sample.num_gts
        )
        places.append(image * number + mine)
        rows.append(other.logits[theirs])
    return torch.cat(places), torch.cat(rows)
