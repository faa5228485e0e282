"""What every logit loss shares: checks, weights, reduction, scale."""

from typing import Dict, NamedTuple, Optional, Tuple, Union

import torch
from torch import Tensor, nn

from .checks import check_labels, check_rows, check_weights
from .standardize import standardize as standardize_rows

Parts = Dict[str, Tensor]
Factor = Optional[Union[float, Tensor]]

REDUCTIONS = ('none', 'mean', 'sum')


def reduce_rows(
    rows: Tensor,
    weight: Optional[Tensor] = None,
    reduction: str = 'mean',
    avg_factor: Factor = None,
) -> Tensor:
    """Weight and reduce (M,); M = 0 gives 0.0 with a gradient path."""
    if weight is not None:
        rows = rows * weight
    if reduction == 'none':
        return rows
    if reduction == 'sum':
        if avg_factor is not None:
            raise ValueError(
                "avg_factor is the divisor of reduction='mean', got it with "
                "reduction='sum'; leave one of the two out"
            )
        return rows.sum()
    if avg_factor is None:
        return rows.mean() if len(rows) else rows.sum()
    if isinstance(avg_factor, Tensor):
        least = torch.finfo(rows.dtype).eps
        return rows.sum() / avg_factor.reshape(()).clamp(min=least)
    return rows.sum() / max(avg_factor, torch.finfo(rows.dtype).eps)


class LogitLoss(nn.Module):
    """A loss on rows of student and teacher logits.

    A subclass writes :meth:`rows`; this class checks, detaches the teacher,
    standardizes, weights, reduces and scales. A row is one distribution: an
    image, a RoI, a pixel, a side of a box.

    Args:
        loss_weight (float): Factor of the whole loss. Defaults to 1.0.
        reduction (str): ``'none'``, ``'mean'`` (per row) or ``'sum'``.
            Defaults to 'mean'.
        standardize (bool): Give both logits of a row mean 0 and standard
            deviation 1 first, see
            :func:`~mmkd_logit.losses.standardize.standardize` (LSKD).
            Defaults to False.
        use_sigmoid (bool, optional): Whether classes are independent
            Bernoulli variables. None takes it from the head in a
            distillation run and is False elsewhere. Defaults to None.
    """

    #: Whether :meth:`rows` reads ``labels``.
    needs_labels = False
    #: Whether a row's value depends on the other rows of the batch, so that
    #: rows may not be split, dropped or gathered from several images.
    whole_batch = False
    #: Smallest C for which the softmax loss says anything, and why.
    min_classes = 2
    too_few = 'with one class a softmax is always 1'
    #: Whether the loss is defined for independent Bernoulli classes.
    supports_sigmoid = False

    def __init__(
        self,
        loss_weight: float = 1.0,
        reduction: str = 'mean',
        standardize: bool = False,
        use_sigmoid: Optional[bool] = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if reduction not in REDUCTIONS:
            raise ValueError(
                f"{name}: reduction must be 'none', 'mean' or "
                f"'sum', got {reduction!r}"
            )
        if use_sigmoid and not self.supports_sigmoid:
            raise ValueError(
                f'{name} is defined for softmax only; remove use_sigmoid: '
                'sigmoid heads are compared in the categorical view, or '
                'class by class by KDLoss and DKDLoss'
            )
        if use_sigmoid and standardize:
            raise ValueError(
                f'{name}: standardize=True moves every logit of a row, which '
                'changes independent sigmoid classes; remove use_sigmoid, '
                'and a sigmoid head is compared in the categorical view'
            )
        check_weights(name, loss_weight=loss_weight)
        self.loss_weight = loss_weight
        self.reduction = reduction
        self.standardize = standardize
        self.use_sigmoid = use_sigmoid

    def _need_classes_beside(
        self, letter: str, value: int, least: int, why: str
    ) -> None:
        """Refuse a group of classes that leaves no other, or too few.

        Args:
            letter (str): Name of the setting.
            value (int): Classes in the group.
            least (int): Fewest, and ``why`` not fewer.
        """
        if not isinstance(value, int) or value < least:
            raise ValueError(
                f'{type(self).__name__}: {letter} must be a whole number in '
                f'[{least}, C - 1], got {value}; {why}'
            )
        self.min_classes = value + 1
        self.too_few = (
            f'{letter}={value} top classes must leave at least one other; '
            f'lower {letter}'
        )

    def rows(
        self,
        student_logits: Tensor,
        teacher_logits: Tensor,
        labels: Optional[Tensor],
    ) -> Union[Tensor, Tuple[Tensor, Parts]]:
        """Loss of each row, and the parts that a log may show.

        Args:
            student_logits (Tensor): Raw scores, shape (M, C).
            teacher_logits (Tensor): Raw scores, shape (M, C), detached.
            labels (Tensor, optional): Target class of each row, shape (M,).

        Returns:
            Tensor or tuple[Tensor, dict[str, Tensor]]: Shape (M,) each; parts
            are detached and come before their weights.
        """
        raise NotImplementedError

    def forward(
        self,
        student_logits: Tensor,
        teacher_logits: Tensor,
        labels: Optional[Tensor] = None,
        weight: Optional[Tensor] = None,
        avg_factor: Factor = None,
    ) -> Tensor:
        """Compare rows of two models.

        Args:
            student_logits (Tensor): Raw scores, shape (M, C).
            teacher_logits (Tensor): Raw scores, shape (M, C); no gradient
                flows into them.
            labels (Tensor, optional): Target class of each row, shape (M,),
                long, in [0, C). Out of range is an error on the CPU; on CUDA
                looking would stall, and it gives a wrong number or a
                device-side assert. Soft labels (M, C) stand for their
                largest entry.
            weight (Tensor, optional): Weight of each row, shape (M,).
            avg_factor (float or Tensor, optional): Divisor of ``'mean'``.
                Defaults to M.

        Returns:
            Tensor: A scalar, or shape (M,) with ``reduction='none'``, float32
            (float64 for float64 logits).

        Raises:
            TypeError: If the logits are not floating point.
            ValueError: If shapes, class count or labels do not fit.
        """
        rows, _ = self._rows_of(student_logits, teacher_logits, labels, weight)
        return self._reduced(rows, weight, avg_factor)

    def with_parts(
        self,
        student_logits: Tensor,
        teacher_logits: Tensor,
        labels: Optional[Tensor] = None,
        weight: Optional[Tensor] = None,
        avg_factor: Factor = None,
    ) -> Tuple[Tensor, Parts]:
        """:meth:`forward`, and the parts of the same pass.

        Returns:
            tuple[Tensor, dict[str, Tensor]]: The loss, and detached scalars
            such as ``'tckd'``: weighted and averaged like the loss, before
            their own weight and ``loss_weight``.
        """
        rows, parts = self._rows_of(
            student_logits, teacher_logits, labels, weight
        )
        loss = self._reduced(rows, weight, avg_factor)
        reduction = 'sum' if self.reduction == 'sum' else 'mean'
        with torch.no_grad():
            parts = {
                name: reduce_rows(part, weight, reduction, avg_factor)
                for name, part in parts.items()
            }
        return loss, parts

    def _rows_of(
        self,
        student_logits: Tensor,
        teacher_logits: Tensor,
        labels: Optional[Tensor],
        weight: Optional[Tensor],
    ) -> Tuple[Tensor, Parts]:
        """Checked, detached and standardized :meth:`rows`."""
        if labels is not None and labels.dim() == 2:
            labels = labels.argmax(1)
        self._check_input(student_logits, teacher_logits, labels, weight)
        teacher_logits = teacher_logits.detach()
        if self.standardize:
            student_logits = standardize_rows(student_logits)
            teacher_logits = standardize_rows(teacher_logits)
        rows = self.rows(student_logits, teacher_logits, labels)
        return rows if isinstance(rows, tuple) else (rows, {})

    def _reduced(
        self, rows: Tensor, weight: Optional[Tensor], avg_factor: Factor
    ) -> Tensor:
        loss = reduce_rows(rows, weight, self.reduction, avg_factor)
        return loss if self.loss_weight == 1 else self.loss_weight * loss

    @property
    def takes_sigmoid_rows(self) -> bool:
        """Whether independent classes can be compared as they are."""
        return self.supports_sigmoid and not self.standardize

    def check(self, facts: NamedTuple) -> None:
        """Refuse rows that this loss does not fit, before training.

        ``use_sigmoid``, if it was left open, becomes that of the rows.

        Args:
            facts (HeadFacts): What is known of the rows.

        Raises:
            ValueError: If one of softmax and sigmoid meets the other, or the
                rows have too few classes.
        """
        name = type(self).__name__
        if self.use_sigmoid and not facts.use_sigmoid:
            raise ValueError(
                f'{name} compares independent classes, but these rows are '
                'one softmax: this head ends in a softmax, or the reader has '
                "view='categorical'; remove use_sigmoid or the view, or take "
                'KDLoss'
            )
        if facts.use_sigmoid and not self.takes_sigmoid_rows:
            raise ValueError(
                f'{name}{"(standardize=True)" if self.standardize else ""} '
                'compares softmax distributions, but these rows are '
                "independent classes (sigmoid); take view='categorical' of "
                'the reader, or KDLoss or DKDLoss'
            )
        if facts.use_sigmoid and self.use_sigmoid is False:
            raise ValueError(
                f'{name}(use_sigmoid=False) compares softmax distributions, '
                "but this head's classes are independent (sigmoid); remove "
                "use_sigmoid, or give the reader view='categorical'"
            )
        if self.standardize and facts.channels < 3:
            raise ValueError(
                f'{name}: standardize=True leaves of two classes only which '
                'is larger, and no gradient; it needs rows of at least 3, '
                f'got {facts.channels}; remove standardize'
            )
        self.use_sigmoid = facts.use_sigmoid
        self._check_classes(facts.channels)

    def _check_classes(self, channels: int) -> None:
        """Refuse a row length; overridden where k or depth matter."""
        if not self.use_sigmoid and channels < self.min_classes:
            raise ValueError(
                f'{type(self).__name__} needs at least {self.min_classes} '
                f'classes, got {channels}: {self.too_few}'
            )

    def _check_input(
        self,
        student_logits: Tensor,
        teacher_logits: Tensor,
        labels: Optional[Tensor],
        weight: Optional[Tensor],
    ) -> None:
        """Everything that is known without reading a CUDA tensor."""
        name = type(self).__name__
        shape = student_logits.shape
        check_rows(name, student_logits, teacher_logits)
        self._check_classes(shape[1])
        if weight is not None and weight.shape != shape[:1]:
            raise ValueError(
                f'{name}: weight must have one value per row, shape '
                f'{tuple(shape[:1])}, got {tuple(weight.shape)}'
            )
        if self.needs_labels:
            check_labels(name, labels, shape, self.use_sigmoid)
