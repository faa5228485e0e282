"""Mask logits of Mask R-CNN and of Cascade Mask R-CNN."""

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
from .upstream.observe import Arguments, observe, upstream_class
from .upstream.roi_heads import stage_weights

_ROI_HEADS = ('StandardRoIHead', 'CascadeRoIHead')
_MASK_HEADS = ('FCNMaskHead',)


class StageMasks(NamedTuple):
    """Input of one stage's mask loss.

    Attributes:
        masks (Tensor): Mask logits of the positive RoIs, (P, classes, H, W).
        samples (list): MMDetection's ``SamplingResult`` of each image.
        targets (Tensor): 1 on the object, 0 elsewhere, (P, H, W).
    """

    masks: Tensor
    samples: list
    targets: Tensor


@MODELS.register_module()
class MaskLogits(LogitReader):
    """Mask logits of the student's positive RoIs.

    A row is one pixel of one RoI's mask in the channel of its own class: one
    sigmoid logit, label 0 on the object and 1 ("no class") elsewhere. The
    teacher pools and decodes the same RoIs with its own features. The mean is
    over the pixels, as in the mask head's own loss, and stages of a cascade
    are weighed by the student's ``stage_loss_weights``.

    One logit is two classes, object or not, so losses of the KD type apply:
    in both views (``view``) they give the same. A loss that needs three
    classes is refused.

    It is a term of its own, in addition to that of the class logits. No paper
    defines it; it is this project's extension.

    Args:
        **kwargs: ``view`` of :class:`~mmkd_logit.heads.base.LogitReader`.
    """

    family = 'mmdet Mask R-CNN and Cascade Mask R-CNN (mask logits)'

    @classmethod
    def fits(cls, model: nn.Module) -> bool:
        """Never: class logits are the default of these detectors."""
        return False

    def facts(self, model: nn.Module) -> HeadFacts:
        heads = mask_heads(model)
        return HeadFacts(
            _detected_classes(model),
            1,
            use_sigmoid=True,
            classes_are_columns=False,
            by_class=not heads[0].class_agnostic,
        )

    def check(self, student: nn.Module, teacher: nn.Module) -> None:
        ours, theirs = mask_heads(student), mask_heads(teacher)
        if len(ours) != len(theirs):
            raise WrongValue(
                f'the student has {len(ours)} mask heads, the teacher '
                f'{len(theirs)}; take a teacher with as many stages'
            )
        agnostic = [heads[0].class_agnostic for heads in (ours, theirs)]
        if agnostic[0] != agnostic[1]:
            kind = {True: 'one mask for all classes', False: 'one per class'}
            raise WrongValue(
                f"the student's mask head gives {kind[agnostic[0]]}, the "
                f"teacher's {kind[agnostic[1]]}; both need the same "
                '`class_agnostic`'
            )

    def prune(self, teacher: nn.Module) -> Tuple[str, ...]:
        return ('rpn_head', 'roi_head.bbox_head')

    def watch(
        self, student: nn.Module, notes: Notes, stack: ExitStack
    ) -> None:
        notes['stage weights'] = stage_weights(student.roi_head)
        for stage, head in enumerate(mask_heads(student)):
            stack.enter_context(
                observe(
                    head,
                    'loss_and_target',
                    partial(self._record, notes, stage),
                )
            )

    @staticmethod
    def _record(
        notes: Notes, stage: int, arguments: Arguments, result: Dict[str, Any]
    ) -> None:
        notes[f'stage {stage}'] = StageMasks(
            arguments['mask_preds'],
            arguments['sampling_results'],
            result['mask_targets'],
        )

    def pairs(
        self, notes: Notes, teacher: TeacherPass
    ) -> Dict[str, LogitPair]:
        roi_head = teacher.model.roi_head
        stages = len(mask_heads(teacher.model))
        pairs = {}
        for stage in range(stages):
            if stage and f'stage {stage}' not in notes:
                break  # a cascade stops where no proposal is left
            stage_masks: StageMasks = self.noted(
                notes, f'stage {stage}', 'mask_head.loss_and_target'
            )
            masks, samples, targets = stage_masks
            rois = positive_rois(samples)
            classes = torch.cat([one.pos_gt_labels for one in samples])
            teacher_masks = teacher.once(
                f'masks {stage}',
                partial(mask_maps, roi_head, stage, teacher, rois),
            )
            if masks.shape[2:] != teacher_masks.shape[2:]:
                raise WrongValue(
                    f'the student predicts masks of {tuple(masks.shape[2:])} '
                    f'pixels, the teacher of {tuple(teacher_masks.shape[2:])}'
                    '; both need the same RoI size and upsampling'
                )
            # mmdet's own targets are 0 or 1, an object pixel is class 0
            labels = (targets < 0.5).long().flatten()
            pair = LogitPair(
                own_class(masks, classes),
                own_class(teacher_masks, classes),
                labels,
            )
            if stages > 1:
                factor = notes['stage weights'][stage]
                weight = pair.student_logits.new_full((len(labels),), factor)
                pair = pair._replace(weight=weight)
            pairs[f's{stage}.' if stages > 1 else ''] = pair
        return pairs


def mask_heads(model: nn.Module) -> List[nn.Module]:
    """The mask head of each stage.

    Raises:
        ValueError: If there is none, or one of another kind.
    """
    roi_head = getattr(model, 'roi_head', None)
    heads = getattr(roi_head, 'mask_head', None)
    heads = list(heads) if isinstance(heads, nn.ModuleList) else [heads]
    kinds = {upstream_class(head) for head in heads}
    if upstream_class(roi_head) not in _ROI_HEADS or not kinds <= {
        *_MASK_HEADS
    }:
        found = ' and '.join(
            type(part).__name__
            for part in (roi_head, heads[0])
            if part is not None
        )
        raise WrongValue(
            f'MaskLogits needs {" or ".join(_ROI_HEADS)} with '
            f'{_MASK_HEADS[0]} in student and teacher; '
            f'{type(model).__name__} has {found or "no RoI head"}'
        )
    return heads


def mask_maps(
    roi_head: nn.Module, stage: int, teacher: TeacherPass, rois: Tensor
) -> Tensor:
    """Mask logits (P, classes, H, W) of given RoIs (P, 5)."""
    extractor, head = roi_head.mask_roi_extractor, roi_head.mask_head
    if isinstance(head, nn.ModuleList):
        extractor, head = extractor[stage], head[stage]
    feats = extractor(teacher.feats[: extractor.num_inputs], rois)
    if getattr(roi_head, 'with_shared_head', False):
        feats = roi_head.shared_head(feats)
    masks = head(feats)
    return masks if head.class_agnostic else teacher.classes(masks)


def positive_rois(samples: list) -> Tensor:
    """Positive RoIs (P, 5) of sampling results, in the mask head's order."""
    from mmdet.structures.bbox import bbox2roi

    return bbox2roi([one.pos_priors for one in samples])


def own_class(masks: Tensor, classes: Tensor) -> Tensor:
    """Each RoI's mask in its own class's channel, (P * H * W, 1).

    Args:
        masks (Tensor): Mask logits, (P, classes, H, W); one channel if the
            head is class-agnostic.
        classes (Tensor): Class of each RoI, (P,).
    """
    if masks.shape[1] == 1:
        classes = torch.zeros_like(classes)
    index = torch.arange(len(masks), device=masks.device)
    return masks[index, classes].reshape(-1, 1)


def _detected_classes(model: nn.Module) -> int:
    """Classes of the detector; a class-agnostic mask head has none."""
    heads = model.roi_head.bbox_head
    return (
        heads[0] if isinstance(heads, nn.ModuleList) else heads
    ).num_classes
