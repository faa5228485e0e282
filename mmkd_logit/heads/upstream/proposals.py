"""RoI heads of MMDetection with learned proposals, and their objects."""

from functools import partial
from typing import List, NamedTuple, Tuple

import torch
from torch import Tensor, nn

from ...messages import WrongValue
from ...structures.teacher_pass import TeacherPass
from .detr_student import Matching, pair_objects
from .observe import is_a


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


def has_learned_proposals(model: nn.Module) -> bool:
    """Whether it is a Sparse R-CNN or a QueryInst."""
    return is_a(getattr(model, 'roi_head', None), 'mmdet', 'SparseRoIHead')


def proposal_heads(model: nn.Module) -> List[nn.Module]:
    """The box head of each stage.

    Raises:
        ValueError: If it is another detector, or has other box heads.
    """
    roi_head = getattr(model, 'roi_head', None)
    found = 'no `roi_head`' if roi_head is None else type(roi_head).__name__
    if has_learned_proposals(model):
        heads = list(roi_head.bbox_head)
        wrong = [head for head in heads if not is_a(head, 'mmdet', 'DIIHead')]
        if not wrong:
            return heads
        found += f' with {type(wrong[0]).__name__}'
    raise WrongValue(
        f'{type(model).__name__} has {found}; learned proposals can be read '
        'from SparseRoIHead with DIIHead (Sparse R-CNN, QueryInst), and both '
        'student and teacher need one'
    )


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


def same_objects(
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
