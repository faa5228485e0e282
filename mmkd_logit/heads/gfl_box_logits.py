"""Box distributions of GFL heads: localisation distillation."""

from contextlib import ExitStack
from typing import Dict, List, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from ..messages import WrongValue
from ..registry import MODELS
from ..structures.head_facts import HeadFacts
from ..structures.logit_pair import LogitPair
from ..structures.notes import Notes
from ..structures.teacher_pass import TeacherPass
from .base import LogitReader
from .upstream.class_loss import (
    ClassCall,
    joined,
    mean_over_gpus,
    watch_class_loss,
)
from .upstream.dense_heads import largest_prob
from .upstream.dense_maps import (
    check_same_grid,
    left_out,
    map_rows,
    teacher_class_maps,
)
from .upstream.observe import Arguments, observe, upstream_class
from .upstream.priors import check_same_priors

_CLASS_LAYERS = ('cls_convs', 'gfl_cls')


@MODELS.register_module()
class GFLBoxLogits(LogitReader):
    """Distance distributions of the four sides of a GFL head's boxes.

    A row is one side (left, top, right, bottom) of one location's box: a
    softmax over ``reg_max + 1`` distances, so every softmax loss of this
    project applies. The label is the lower of the two bins between which the
    target distance lies.

    Args:
        region (str): ``'positive'`` takes the locations that the student's
            assigner gave to an object, the main distillation region;
            ``'all'`` takes every location. There are no labels in
            ``'all'``: use a loss that needs none. Defaults to 'positive'.
        weighting (str): Weight of a location: the largest class probability
            of the ``'student'`` (as in GFL's own box losses), of the
            ``'teacher'``, or ``'none'``. Defaults to 'student'.
        normalize (bool): Divide the weighted sum by 4 and by the sum of the
            weights (mean over GPUs, at least 1), as GFL does; False divides
            by 4 only, which makes the term stronger where objects are many.
            With ``weighting='none'`` the divisors are 4 and the number of
            rows. Defaults to True.

    Source:
        LD, Zheng et al., CVPR 2022, https://arxiv.org/abs/2102.12252;
        weights and divisors as in the code of GDKD, Zheng and Cheng, 2025,
        https://arxiv.org/abs/2512.04625 (``weighted_sum``,
        ``weighted_sum_nonorm`` with ``normalize=False``, ``mean`` with
        ``weighting='none'``). ``region='all'`` with ``weighting='teacher'``
        is the box term of CrossKD, Wang et al., CVPR 2024,
        https://arxiv.org/abs/2306.11369, without its crossed heads.
    """

    family = 'mmdet dense detectors with GFLHead (box distributions)'

    def __init__(
        self,
        region: str = 'positive',
        weighting: str = 'student',
        normalize: bool = True,
    ) -> None:
        if region not in ('positive', 'all'):
            raise WrongValue(
                f"region must be 'positive' or 'all', got {region!r}"
            )
        if weighting not in ('student', 'teacher', 'none'):
            raise WrongValue(
                "weighting must be 'student', 'teacher' or 'none', got "
                f'{weighting!r}'
            )
        self.region = region
        self.weighting = weighting
        self.normalize = normalize

    @classmethod
    def fits(cls, model: nn.Module) -> bool:
        """Never: class logits are the default of these heads."""
        return False

    def facts(self, model: nn.Module) -> HeadFacts:
        head = gfl_head(model)
        return HeadFacts(
            head.num_classes,
            head.reg_max + 1,
            classes_are_columns=False,
            by_class=False,
            has_labels=self.region == 'positive',
        )

    def check(self, student: nn.Module, teacher: nn.Module) -> None:
        ours, theirs = gfl_head(student), gfl_head(teacher)
        if ours.reg_max != theirs.reg_max:
            raise WrongValue(
                f"the student's box distributions have reg_max="
                f"{ours.reg_max}, the teacher's {theirs.reg_max}; both need "
                'the same bins: take another teacher, or train the student '
                f'with reg_max={theirs.reg_max}'
            )
        check_same_priors(ours, theirs)

    def prune(self, teacher: nn.Module) -> Tuple[str, ...]:
        if self.weighting == 'teacher':
            return ()
        return tuple(f'bbox_head.{name}' for name in _CLASS_LAYERS)

    def watch(
        self, student: nn.Module, notes: Notes, stack: ExitStack
    ) -> None:
        head = gfl_head(student)
        watch_class_loss(head, notes, stack)
        notes['dfl'] = []
        stack.enter_context(
            observe(
                head.loss_dfl,
                'forward',
                lambda arguments, _: notes['dfl'].append(arguments),
            )
        )
        stack.enter_context(
            observe(
                head,
                'loss_by_feat',
                lambda arguments, _: notes.update(
                    boxes=arguments['bbox_preds']
                ),
            )
        )

    def pairs(
        self, notes: Notes, teacher: TeacherPass
    ) -> Dict[str, LogitPair]:
        seen: List[ClassCall] = self.noted(
            notes, 'class loss', 'bbox_head.loss_cls'
        )
        boxes = self.noted(notes, 'boxes', 'bbox_head.loss_by_feat')
        head = teacher.model.bbox_head
        bins = head.reg_max + 1
        labels = joined([call.labels for call in seen])
        keep = labels < notes['num_classes']
        box_maps = teacher.once(
            'dense boxes', lambda: distance_maps(head, teacher.feats)
        )
        check_same_grid(box_maps, 4 * bins, len(labels))

        if self.region == 'positive':
            student_rows, bin_labels = positive_sides(notes['dfl'], boxes)
            teacher_rows = map_rows(box_maps, 4 * bins, keep)
            counts = 1.0
        else:
            student_rows = torch.cat(
                [level.movedim(1, -1).reshape(-1, 4 * bins) for level in boxes]
            )
            teacher_rows = map_rows(box_maps, 4 * bins)
            bin_labels = keep = None
            counts = torch.cat([call.weight for call in seen]) > 0
        student_rows = student_rows.reshape(-1, bins)

        weight = None
        if self.weighting != 'none':
            weight = self._trust(seen, keep, teacher) * counts
            divisor = mean_over_gpus(weight.sum()) if self.normalize else 1.0
            weight = weight[:, None].expand(-1, 4).flatten()
        else:
            divisor = max(len(student_rows), 1) if self.normalize else 1.0
        return {
            '': LogitPair(
                student_rows,
                teacher_rows.reshape(-1, bins),
                bin_labels,
                weight,
                4 * divisor,
            )
        }

    def _trust(
        self,
        seen: List[ClassCall],
        keep: Optional[Tensor],
        teacher: TeacherPass,
    ) -> Tensor:
        """Largest class probability of each location, (P,)."""
        head = teacher.model.bbox_head
        if self.weighting == 'teacher':
            maps = teacher.once(
                'dense classes', lambda: teacher_class_maps(head, teacher)
            )
            channels = seen[0].logits.shape[1]
            rows = map_rows(maps, channels, keep)
        else:
            rows = joined([call.logits.detach() for call in seen])
            rows = rows if keep is None else rows[keep]
        use_sigmoid = head.use_sigmoid_cls
        count = rows.shape[1] - (not use_sigmoid)
        return largest_prob(rows, use_sigmoid, count)


def gfl_head(model: nn.Module) -> nn.Module:
    """``model.bbox_head``, if it predicts box distributions.

    Raises:
        ValueError: If it does not.
    """
    head = getattr(model, 'bbox_head', None)
    if upstream_class(head) not in ('GFLHead', 'LDHead'):
        named = 'no `bbox_head`' if head is None else type(head).__name__
        raise WrongValue(
            'GFLBoxLogits needs a GFLHead or an LDHead, with box '
            'distributions of `reg_max + 1` bins, in student and teacher; '
            f'{type(model).__name__} has {named}'
        )
    return head


def distance_maps(head: nn.Module, feats: Sequence[Tensor]) -> List[Tensor]:
    """Box distributions of each level, (B, 4 * bins, H, W)."""
    with left_out(head, _CLASS_LAYERS):
        return list(head(feats)[1])


def positive_sides(
    calls: List[Arguments], boxes: List[Tensor]
) -> Tuple[Tensor, Tensor]:
    """What GFL's distribution loss received on all levels.

    Args:
        calls (list[dict]): Arguments of its calls, one per level that has
            an object.
        boxes (list[Tensor]): Box distributions of the levels, for the
            gradient path of a batch without objects.

    Returns:
        tuple[Tensor, Tensor]: Rows (4 P, bins) and lower bins (4 P,).
    """
    if not calls:
        nothing = boxes[0].flatten()[:0]
        return nothing, nothing.long()
    rows = torch.cat([call['pred'] for call in calls])
    distances = torch.cat([call['target'] for call in calls])
    return rows, distances.long().clamp(0, rows.shape[1] - 1)
