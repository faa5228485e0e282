"""Image classifiers of MMPretrain, whatever their head."""

from contextlib import ExitStack, contextmanager
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor, nn

from ..registry import MODELS
from ..structures.head_facts import HeadFacts
from ..structures.logit_pair import LogitPair
from .base import LogitReader
from .sdd.cells import (
    check_reference,
    check_scales,
    pool_cells,
    scale_decoupled_rows,
)
from .upstream.observe import is_a, observe

#: Heads whose training logits are not those that they predict with.
_REFUSED = {
    'ArcFaceClsHead': "adds a margin to the target's logit in training",
    'RegressionHead': 'predicts numbers, not classes',
}
#: Heads that read tokens, not one vector that a map was pooled to.
_TOKEN_HEADS = ('VisionTransformerClsHead', 'DeiTClsHead', 'ConformerHead')


@MODELS.register_module()
class ClsLogits(LogitReader):
    """Class logits of each image, or of each cell of the last map.

    The student's logits are those that its head computed for its own loss.
    The teacher needs ``extract_feat`` and its head's forward, on the same
    image, mixed if mixup or cutmix mixed it. The label is ``gt_label``, or
    the largest entry of ``gt_score``. Heads with two outputs (Conformer)
    count with their sum, as in their own prediction; a DeiT's class and
    distillation tokens with the mean of their heads, for its own loss too.
    (MMPretrain warns that it cannot train this DeiT: it has no loss that
    gives the second head the teacher's class.)

    Multi-label heads are sigmoid heads. An image with n classes makes n rows
    of weight 1 / n with one label each, an image without any makes one row
    labelled "no class"; losses without labels do not notice. Heads that
    predict by softmax are softmax heads, even if they were trained by binary
    cross-entropy.

    Args:
        scales (Sequence[int]): Cells per side for scale decoupling (SDD):
            ``(1, 2)`` for similar, ``(1, 2, 4)`` for different
            architectures. The backbone's last map is pooled to these cells
            and each cell passes the model's own neck and head as a 1 x 1
            map, without dropout and without moving running statistics.
            ``(1, )`` takes the model's own logits. Defaults to (1, ).
        complementary_weight (float): Weight of cells in which the teacher is
            right or wrong unlike in the whole image. Defaults to 2.0.
        reference (str): ``'label'`` (the authors' code) or ``'teacher'``
            (the paper), see :func:`scale_decoupled_rows`.
            Defaults to 'label'.
        pool (str): ``'nested'`` (the authors' code) or ``'direct'``, see
            :func:`pool_cells`. Defaults to 'nested'.
        **kwargs: ``view`` of :class:`~mmkd_logit.heads.base.LogitReader`.

    Raises:
        ValueError: If the scales cannot be pooled, or the head's logits
            cannot be compared.

    Source:
        Scale decoupling: Wei et al., CVPR 2024,
        https://arxiv.org/abs/2403.13512, which has linear heads. Other heads
        and several labels per image are this project's extension.
    """

    family = (
        'mmpretrain image classifiers whose head is a ClsHead or a '
        'MultiLabelClsHead (linear, stacked linear, ViT, DeiT, Conformer, ...)'
    )

    def __init__(
        self,
        scales: Sequence[int] = (1,),
        complementary_weight: float = 2.0,
        reference: str = 'label',
        pool: str = 'nested',
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        check_scales(scales, pool)
        check_reference(reference, labels=())
        self.scales = tuple(sorted(scales))
        self.complementary_weight = complementary_weight
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
            raise ValueError(
                f'{type(model).__name__} with head {type(head).__name__} '
                'gives no class logits that can be read; expected '
                f'{self.family}'
            )
        for name, reason in _REFUSED.items():
            if is_a(model.head, 'mmpretrain', name):
                raise ValueError(
                    f'{name} {reason}, so its logits cannot be compared with '
                    "a teacher's; take a LinearClsHead"
                )
        if self.has_cells:
            self._check_map(model)
        count = _num_classes(model.head)
        use_sigmoid = is_a(model.head, 'mmpretrain', 'MultiLabelClsHead')
        return HeadFacts(count, count, use_sigmoid)

    def _check_map(self, model: nn.Module) -> None:
        """Refuse what is known to have no map, before any image is seen."""
        if not is_a(model, 'mmpretrain', 'ImageClassifier') or is_a(
            model.head, 'mmpretrain', *_TOKEN_HEADS
        ):
            raise ValueError(
                f'scale decoupling (scales={self.scales}) needs a backbone '
                'that ends in a map and a head that reads its mean, but '
                f'{type(model.backbone).__name__} with '
                f'{type(model.head).__name__} classifies tokens; remove '
                '`scales`, or choose a network with global average pooling'
            )
        if is_a(model.neck, 'mmpretrain', 'HRFuseScales'):
            raise ValueError(
                'scale decoupling needs one last map, but HRFuseScales '
                'merges several; remove `scales`'
            )

    def watch(
        self, student: nn.Module, notes: Dict[str, Any], stack: ExitStack
    ) -> None:
        def note(key: str) -> Any:
            return lambda arguments, result: notes.update({key: result})

        stack.enter_context(observe(student.head, 'forward', note('logits')))
        if self.has_cells:
            notes['student'] = student
            stack.enter_context(
                observe(student.backbone, 'forward', note('maps'))
            )

    def pairs(
        self, notes: Dict[str, Any], teacher: Any
    ) -> Dict[str, LogitPair]:
        logits = _one(self.noted(notes, 'logits', 'head.forward'))
        model = teacher.model
        if not self.has_cells:
            theirs = teacher.once(
                'class logits', lambda: _one(model.head(teacher.feats))
            )
            targets = _targets(teacher.data_samples, model.head, logits)
            return {'': _weighed(LogitPair(logits, theirs), *targets)}

        maps = self.noted(notes, 'maps', 'backbone.forward')
        ours = self.cell_logits(notes['student'], maps)
        theirs = teacher.once(
            f'logits of cells {self.scales} {self.pool}',
            lambda: self.cell_logits(
                model,
                teacher.once(
                    'backbone maps',
                    lambda: model.extract_feat(
                        teacher.inputs, stage='backbone'
                    ),
                ),
            ),
        )
        labels, images, weight = _targets(
            teacher.data_samples, model.head, logits
        )
        if images is not None:
            ours, theirs = ours[images], theirs[images]
        pair = scale_decoupled_rows(
            ours, theirs, labels, self.complementary_weight, self.reference
        )
        if weight is not None:
            cells = ours.shape[2]
            pair = pair._replace(
                weight=pair.weight * weight.repeat_interleave(cells),
                avg_factor=float(len(logits) * cells),
            )
        return {'': pair}

    def cell_logits(
        self, model: nn.Module, maps: Union[Tensor, Sequence[Tensor]]
    ) -> Tensor:
        """Logits (B, C, cells) of the cells of a backbone's last map."""
        last = maps[-1] if isinstance(maps, (tuple, list)) else maps
        name = type(model.backbone).__name__
        if not isinstance(last, Tensor) or last.dim() != 4:
            shape = tuple(last.shape) if isinstance(last, Tensor) else 'tokens'
            raise ValueError(
                f'scale decoupling pools a last map (B, C, H, W), but {name} '
                f'gives {shape}; remove `scales`, or choose a network that '
                'ends in a map'
            )
        side, scale = min(last.shape[2:]), max(self.scales)
        # the published pairs with a 2 x 2 map use scale 4, which repeats
        # cells; finer than that, or from a 1 x 1 map, says nothing new
        most = 2 * side if self.pool == 'nested' and side > 1 else side
        if scale > most:
            raise ValueError(
                f'the last map of {name} has {last.shape[2]} x '
                f'{last.shape[3]} positions, too few for {scale} x {scale} '
                'cells; choose smaller `scales` or larger images'
            )
        cells = pool_cells(last, self.scales, self.pool)
        B, C, N = cells.shape
        feats: Any = (cells.transpose(1, 2).reshape(B * N, C, 1, 1),)
        with _without_side_effects(model):
            if model.with_neck:
                feats = model.neck(feats)
            logits = _one(model.head(feats))
        return logits.view(B, N, -1).transpose(1, 2)


@contextmanager
def _without_side_effects(model: nn.Module) -> Iterator[None]:
    """Neck and head use no random numbers and keep their statistics."""
    modules = [
        module
        for part in (model.neck, model.head)
        if part is not None
        for module in part.modules()
        if module.training
    ]
    for module in modules:
        module.training = False
    try:
        yield
    finally:
        for module in modules:
            module.training = True


def _one(logits: Union[Tensor, Tuple[Tensor, ...]]) -> Tensor:
    """One tensor (B, C); several outputs are summed, as in prediction."""
    return logits if isinstance(logits, Tensor) else sum(logits)


def _num_classes(head: nn.Module) -> int:
    """Classes of a head, from its config or from its last layer.

    Raises:
        ValueError: If it has neither.
    """
    count = getattr(head, 'num_classes', None)
    if count is None:
        layers = [
            module
            for module in head.modules()
            if isinstance(module, (nn.Linear, nn.Conv2d))
        ]
        if not layers:
            raise ValueError(
                f'{type(head).__name__} has no classification layer of its '
                'own and no `num_classes`; put the classifier into the head'
            )
        count = layers[-1].weight.shape[0]
    return int(count)


def _targets(
    data_samples: Optional[List[Any]], head: nn.Module, logits: Tensor
) -> Tuple[Tensor, Optional[Tensor], Optional[Tensor]]:
    """Label of each row; for several labels also its image and weight."""
    soft = 'gt_score' in data_samples[0]
    targets = [
        (sample.gt_score if soft else sample.gt_label).to(logits.device)
        for sample in data_samples
    ]
    if not is_a(head, 'mmpretrain', 'MultiLabelClsHead'):
        labels = torch.stack(targets).argmax(1) if soft else torch.cat(targets)
        return labels, None, None
    if soft:
        targets = [target.nonzero()[:, 0] for target in targets]
    nothing = logits.new_full((1,), logits.shape[1], dtype=torch.long)
    targets = [target if len(target) else nothing for target in targets]
    counts = torch.tensor([len(target) for target in targets])
    images = torch.arange(len(counts)).repeat_interleave(counts)
    weight = (1 / counts)[images]
    return (
        torch.cat(targets),
        images.to(logits.device),
        weight.to(logits.device),
    )


def _weighed(
    pair: LogitPair,
    labels: Tensor,
    images: Optional[Tensor],
    weight: Optional[Tensor],
) -> LogitPair:
    """Add labels; repeat the rows of images with several."""
    if images is None:
        return pair._replace(labels=labels)
    return LogitPair(
        pair.student_logits[images],
        pair.teacher_logits[images],
        labels,
        weight,
        float(len(pair.student_logits)),
    )
