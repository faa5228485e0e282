"""Image classifiers of MMPretrain, whatever their head."""

from contextlib import ExitStack
from typing import Any, Dict, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor, nn

from ..messages import WrongValue
from ..registry import MODELS
from ..structures.head_facts import HeadFacts
from ..structures.logit_pair import LogitPair
from ..structures.notes import Notes
from ..structures.teacher_pass import TeacherPass
from .base import LogitReader
from .batch_part import check_batch_part, part_of_batch
from .sdd.cells import check_reference, check_scales, scale_decoupled_rows
from .sdd.map_cells import cell_logits, maps_of, watch_maps
from .upstream.classifiers import (
    num_classes,
    one_output,
    targets_of,
    with_targets,
)
from .upstream.observe import is_a, observe
from .upstream.tokens import DEIT_LAYERS, deit_logits, no_map

#: Heads whose training logits are not those that they predict with.
_REFUSED = {
    'ArcFaceClsHead': "adds a margin to the target's logit in training",
    'RegressionHead': 'predicts numbers, not classes',
}
#: Logit of the classes that are not the teacher's; its softmax is exactly 0.
_OFF = -1e4


@MODELS.register_module()
class ClsLogits(LogitReader):
    """Class logits of each image, or of each cell of the last map.

    The student's logits are those that its head computed for its own loss.
    The teacher needs ``extract_feat`` and its head's forward, on the same
    image, after mixup or cutmix. The label is ``gt_label``, or the largest
    entry of ``gt_score``. Heads with two outputs (Conformer) count with their
    sum, as in their own prediction, and a DeiT's class and distillation tokens
    with the mean of their heads, unless ``token`` names one of the two.

    Multi-label heads are sigmoid heads. An image with n classes makes n rows
    of weight 1 / n with one label each, an image without any makes one row
    labelled "no class", which is the same to losses without labels. Heads that
    predict by softmax are softmax heads, even if they were trained by binary
    cross-entropy.

    Args:
        scales (Sequence[int]): Cells per side for scale decoupling (SDD):
            ``(1, 2)`` for similar, ``(1, 2, 4)`` for different
            architectures. The backbone's last map is pooled to these cells
            and each cell passes the model's own neck and head as a 1 x 1
            map, without dropout and without moving running statistics.
            Patch tokens form such a map where the network reads their mean:
            Swin, ViT with ``out_type='featmap'`` and a pooling neck, and
            ViT, BEiT, EVA-02 with ``out_type='avg_featmap'``, whose cells
            pass the norm after the mean. A class token has no cells.
            ``(1, )`` takes the model's own logits. Defaults to (1, ).
        complementary_weight (float): Weight of cells in which the teacher is
            right or wrong unlike in the whole image. Defaults to 2.0.
        consistent_weight (float): Weight of the other cells; the whole image
            weighs 1. 0 keeps only the complementary ones. Defaults to 1.0.
        reference (str): ``'label'`` (the authors' code) or ``'teacher'``
            (the paper), see :func:`scale_decoupled_rows`.
            Defaults to 'label'.
        pool (str): ``'nested'`` (the authors' code) or ``'direct'``, see
            :func:`pool_cells`. Defaults to 'nested'.
        token (str, optional): Which head of a DeiT student learns:
            ``'cls'`` or ``'dist'``. A DeiT teacher is read at the same head,
            any other one as it predicts. Two terms teach the two heads.
            Defaults to None, the mean of both.
        hard (bool): Whether rows hold the teacher's class instead of its
            distribution, as logits 0 for this class and -1e4 for the others.
            With ``KDLoss(tau=1.0)`` this is the cross-entropy with the
            teacher's class, DeiT's hard distillation:
            ``logits=dict(type='ClsLogits', token='dist', hard=True)``.
            Defaults to False.
        batch_part (tuple[int, int], optional): ``(index, parts)``: read one
            of so many equal parts of a batch, counted from 0. ``(1, 2)`` is
            the second of two views, which
            :func:`~mmkd_logit.launch.collate.collate_views` puts behind the
            first. Defaults to None, the whole batch.
        **kwargs: ``view`` of :class:`~mmkd_logit.heads.base.LogitReader`.

    Raises:
        ValueError: If the scales cannot be pooled, or the head's logits
            cannot be compared.

    Note:
        MMPretrain warns that it cannot train a distilled DeiT, because its
        own loss has no teacher: it is the cross-entropy of the labels with
        the mean of both heads and stays so here. The paper gives the class
        token alone the labels, so its recipe is matched in the distillation
        terms, not in the model's own loss.

    Source:
        Scale decoupling: Wei et al., CVPR 2024,
        https://arxiv.org/abs/2403.13512, which has linear heads. Other heads
        and several labels per image are this project's extension.
    """

    recipes = 'imagenet'
    family = (
        'mmpretrain image classifiers whose head is a ClsHead or a '
        'MultiLabelClsHead (linear, stacked linear, ViT, DeiT, Conformer, ...)'
    )

    def __init__(
        self,
        scales: Sequence[int] = (1,),
        complementary_weight: float = 2.0,
        consistent_weight: float = 1.0,
        reference: str = 'label',
        pool: str = 'nested',
        token: Optional[str] = None,
        hard: bool = False,
        batch_part: Optional[Tuple[int, int]] = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        check_scales(scales, pool)
        self.batch_part = check_batch_part(batch_part, scales)
        check_reference(reference, labels=())
        if token not in (None, *DEIT_LAYERS):
            raise WrongValue(
                "token must be 'cls' or 'dist' (the heads of a DeiT), or "
                f'None for the mean of both, got {token!r}'
            )
        self.token = token
        self.hard = hard
        self.scales = tuple(sorted(scales))
        for name, weight in (
            ('complementary_weight', complementary_weight),
            ('consistent_weight', consistent_weight),
        ):
            if not 0 <= weight < float('inf'):
                raise WrongValue(
                    f'{name} must be a number >= 0, got {weight!r}; 0 leaves '
                    'these cells out'
                )
        self.complementary_weight = complementary_weight
        self.consistent_weight = consistent_weight
        self.reference = reference
        self.pool = pool

    @property
    def has_cells(self) -> bool:
        """Whether maps are cut into cells at all."""
        return self.scales != (1,)

    @classmethod
    def fits(cls, model: nn.Module) -> bool:
        return is_a(model, 'mmpretrain', 'BaseClassifier') and is_a(
            getattr(model, 'head', None),
            'mmpretrain',
            'ClsHead',
            'MultiLabelClsHead',
        )

    def facts(self, model: nn.Module) -> HeadFacts:
        if not self.fits(model):
            head = getattr(model, 'head', None)
            named = 'no `head`' if head is None else type(head).__name__
            raise WrongValue(
                f'{type(model).__name__} has {named}; class logits can be '
                f'read from {self.family}'
            )
        for name, reason in _REFUSED.items():
            if is_a(model.head, 'mmpretrain', name):
                raise WrongValue(
                    f'{name} {reason}, so its logits cannot be compared with '
                    "a teacher's; take a LinearClsHead"
                )
        reason = no_map(model) if self.has_cells else None
        if reason is not None:
            raise WrongValue(
                f'scale decoupling (scales={self.scales}) needs a backbone '
                f'that ends in a map and a head that reads its mean: {reason}'
            )
        if self.has_cells and is_a(model.neck, 'mmpretrain', 'HRFuseScales'):
            raise WrongValue(
                'scale decoupling needs one last map, but HRFuseScales '
                'merges several; remove `scales`'
            )
        count = num_classes(model.head)
        use_sigmoid = is_a(model.head, 'mmpretrain', 'MultiLabelClsHead')
        if self.hard and use_sigmoid:
            raise WrongValue(
                f'hard=True takes one class of each image, but '
                f'{type(model.head).__name__} has several; remove `hard`'
            )
        return HeadFacts(count, count, use_sigmoid)

    def check(self, student: nn.Module, teacher: nn.Module) -> None:
        if self.token and not is_a(student.head, 'mmpretrain', 'DeiTClsHead'):
            raise WrongValue(
                f'token={self.token!r} names a head of a DeiTClsHead, but the '
                f"student's head is {type(student.head).__name__}; remove "
                '`token`'
            )
        if (
            self.hard
            and not self.classes_are_mapped
            and num_classes(student.head) != num_classes(teacher.head)
        ):
            raise WrongValue(
                "hard=True needs the teacher's class among the student's "
                f'{num_classes(student.head)} classes, but the teacher has '
                f'{num_classes(teacher.head)}; remove `hard`'
            )

    def teacher_options(self) -> Dict[str, Any]:
        if self.has_cells:
            return dict(scales=self.scales, pool=self.pool)
        return dict(token=self.token)

    def watch(
        self, student: nn.Module, notes: Notes, stack: ExitStack
    ) -> None:
        def note(key: str) -> Any:
            return lambda arguments, result: notes.update({key: result})

        classifier = student.head
        if self.token:
            classifier = getattr(classifier.layers, DEIT_LAYERS[self.token])
        stack.enter_context(observe(classifier, 'forward', note('logits')))
        if self.has_cells:
            notes['student'] = student
            watch_maps(student.backbone, notes, stack)

    def pairs(
        self, notes: Notes, teacher: TeacherPass
    ) -> Dict[str, LogitPair]:
        logits = one_output(self.noted(notes, 'logits', 'head.forward'))
        model = teacher.model
        if not self.has_cells:
            theirs = self._teacher_classes(
                teacher.once(
                    f'class logits {self.token}',
                    lambda: teacher.classes(
                        self._own_logits(model.head, teacher.feats)
                    ),
                )
            )
            samples = teacher.data_samples
            if self.batch_part is not None:
                part = part_of_batch(len(logits), *self.batch_part)
                logits, theirs = logits[part], theirs[part]
                samples = samples[part]
            targets = targets_of(samples, model.head, logits)
            return {'': with_targets(LogitPair(logits, theirs), *targets)}

        maps = self.noted(notes, 'maps', 'backbone.forward')
        ours = self.cell_logits(notes['student'], maps)
        theirs = self._teacher_classes(
            teacher.once(
                f'logits of cells {self.scales} {self.pool}',
                lambda: teacher.classes(
                    self.cell_logits(
                        model,
                        teacher.once(
                            'backbone maps',
                            lambda: maps_of(model, teacher.inputs),
                        ),
                    )
                ),
            )
        )
        labels, images, weight = targets_of(
            teacher.data_samples, model.head, logits
        )
        if images is not None:
            ours, theirs = ours[images], theirs[images]
        pair = scale_decoupled_rows(
            ours,
            theirs,
            labels,
            self.complementary_weight,
            self.reference,
            self.consistent_weight,
        )
        if weight is not None:
            cells = ours.shape[2]
            pair = pair._replace(
                weight=pair.weight * weight.repeat_interleave(cells),
                avg_factor=float(len(logits) * cells),
            )
        return {'': pair}

    def _own_logits(self, head: nn.Module, feats: Any) -> Tensor:
        """The teacher's logits as it predicts, or of the chosen token."""
        if self.token and is_a(head, 'mmpretrain', 'DeiTClsHead'):
            return deit_logits(head, feats, self.token)
        return one_output(head(feats))

    def _teacher_classes(self, logits: Tensor) -> Tensor:
        """Logits (B, K, ...), or those of the largest class alone."""
        if not self.hard:
            return logits
        largest = logits.argmax(1, keepdim=True)
        return torch.full_like(logits, _OFF).scatter_(1, largest, 0.0)

    def cell_logits(
        self, model: nn.Module, maps: Union[Tensor, Sequence[Tensor]]
    ) -> Tensor:
        """:func:`~mmkd_logit.heads.sdd.map_cells.cell_logits` of a model."""
        return cell_logits(model, maps, self.scales, self.pool)
