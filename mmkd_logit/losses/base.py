"""The base class of all losses: settings, weights, reduction, scale.

How to add a loss: one file with a function of rows and a class around it. ::

    def abc_loss(
        student_logits: Tensor,
        teacher_logits: Tensor,
        labels: Tensor,
        tau: float,
        alpha: float = 1.0,
        with_parts: bool = False,
    ) -> Rows:
        check_rows('abc_loss', student_logits, teacher_logits, tau)
        check_labels('abc_loss', labels, student_logits.shape)
        ...
        return (rows, dict(one=one, two=two)) if with_parts else rows


    @MODELS.register_module()
    class ABCLoss(LogitLoss):
        function = abc_loss
        defaults = dict(tau=4.0)
        part_weights = ('alpha',)
        needs_labels = True

- The function gives one value per row, shape (M,). It checks what it is given,
  detaches the teacher and computes in float32, or in float64 for float64
  logits. ``labels`` and ``with_parts`` are left out where there are none;
  parts are detached and come before their weights.
- Everything else in its signature is a setting. The class takes the names and
  the defaults from there, keeps each setting as an attribute and lists none of
  them again; ``inspect.signature(ABCLoss)`` shows them.
- A function that compares all rows together gives a scalar and takes
  ``weight``, shape (M,), which says how often each row counts. The class gives
  that value to every row, so that ``weight``, ``avg_factor`` and ``reduction``
  keep their meaning: a mean over rows of weight 1 is the scalar. The rows are
  those of one process in one step, including the cells of all scales.
- The class attributes of :class:`LogitLoss` and of
  :class:`~mmkd_logit.losses.settings.FunctionSettings` say what is refused
  when the loss is built; :meth:`check_settings` is for what they cannot say.
"""

import inspect
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

import torch
from torch import Tensor, nn

from ..messages import WrongValue
from .checks import check_choice, check_labels, check_row_weight, check_weights
from .fit import check_fit, check_parts, check_sigmoid, check_topk_scale
from .reduce import REDUCTIONS, Factor, reduce_rows
from .settings import FunctionSettings, Parts, Rows
from .standardize import standardize as standardize_rows
from .topk_scale import topk_scale as amplify_top

if TYPE_CHECKING:
    from ..structures.head_facts import HeadFacts


class LogitLoss(FunctionSettings, nn.Module):
    """A loss on rows of student and teacher logits.

    A subclass names its :attr:`function`; this class takes the settings from
    that function's signature, detaches the teacher, standardizes, weights,
    reduces and scales. A row is one distribution: an image, a RoI, a pixel, a
    side of a box.

    Args:
        *values: Settings of the function, in their order.
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
        topk_scale (dict, optional): Settings of
            :func:`~mmkd_logit.losses.topk_scale.topk_scale`, such as
            ``dict(k=5)``, with which the teacher's top classes are amplified
            first (the scaling module of TopKD). Defaults to None.
        **settings: Settings of the function, by name.
    """

    #: Whether labels must be given.
    needs_labels = False
    #: Whether a row's value depends on the other rows of the batch, so that
    #: rows may not be split, dropped or gathered from several images.
    whole_batch = False
    #: Fewest classes of a row that a softmax loss can compare, and the reason.
    min_classes = 2
    too_few = 'with one class a softmax is always 1'

    def __init__(
        self,
        *values: Any,
        loss_weight: float = 1.0,
        reduction: str = 'mean',
        standardize: bool = False,
        use_sigmoid: Optional[bool] = None,
        topk_scale: Optional[Dict[str, Any]] = None,
        **settings: Any,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        check_choice(name, 'reduction', reduction, REDUCTIONS)
        if self.function is None and self.sigmoid_function is not None:
            use_sigmoid = True
        check_sigmoid(self, use_sigmoid, standardize)
        check_weights(name, loss_weight=loss_weight)
        self.loss_weight = loss_weight
        self.reduction = reduction
        self.standardize = standardize
        self.use_sigmoid = use_sigmoid
        self.topk_scale = topk_scale
        if topk_scale is not None:
            check_topk_scale(name, topk_scale, bool(use_sigmoid))
        self.keep_settings(values, settings)

    def _need_classes_beside(
        self, letter: str, value: int, least: int, why: str
    ) -> None:
        """Refuse a group that is too small, or leaves no other class.

        Args:
            letter (str): Name of the setting.
            value (int): Classes in the group.
            least (int): Fewest classes that the group may have.
            why (str): Why the group needs that many.
        """
        if not isinstance(value, int) or value < least:
            raise WrongValue(
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
        weight: Optional[Tensor] = None,
    ) -> Rows:
        """Loss of each row, and the parts that a log may show.

        Args:
            student_logits (Tensor): Raw scores, shape (M, C).
            teacher_logits (Tensor): Raw scores, shape (M, C), detached.
            labels (Tensor, optional): Target class of each row, shape (M,).
            weight (Tensor, optional): How often each row counts, shape (M,);
                given to functions that compare all rows together.

        Returns:
            Tensor or tuple[Tensor, dict[str, Tensor]]: Shape (M,) each, or
            scalars; parts are detached and come before their weights.
        """
        function = self.sigmoid_function if self.use_sigmoid else self.function
        return self.call(
            function, student_logits, teacher_logits, labels, weight
        )

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
                long, in [0, C). A label out of range is an error on the CPU.
                On CUDA labels are not read, which would stall; a wrong one
                gives a wrong number or a device-side assert. Of soft labels,
                shape (M, C), the largest entry is the target.
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
        """Prepare the logits and call :meth:`rows`.

        The function refuses logits and labels that do not fit; this method
        refuses only what the function cannot know.
        """
        name, shape = type(self).__name__, student_logits.shape
        if labels is not None and labels.dim() == 2:
            labels = labels.argmax(1)
        if labels is None and self.needs_labels:
            check_labels(name, labels, shape)
        if len(shape) == 2:
            self._check_classes(shape[1])
        teacher_logits = teacher_logits.detach()
        if self.topk_scale is not None:
            teacher_logits = amplify_top(
                teacher_logits, labels, **self.topk_scale
            )
        if self.standardize:
            student_logits = standardize_rows(student_logits)
            teacher_logits = standardize_rows(teacher_logits)
        check_row_weight(name, weight, shape)
        extra = dict(weight=weight) if 'weight' in self.per_batch else {}
        rows = self.rows(student_logits, teacher_logits, labels, **extra)
        rows, parts = rows if isinstance(rows, tuple) else (rows, {})
        if rows.dim() == 0:
            rows = rows.expand(shape[0])
            parts = {key: part.expand(shape[0]) for key, part in parts.items()}
        return rows, parts

    def _reduced(
        self, rows: Tensor, weight: Optional[Tensor], avg_factor: Factor
    ) -> Tensor:
        loss = reduce_rows(rows, weight, self.reduction, avg_factor)
        return loss if self.loss_weight == 1 else self.loss_weight * loss

    @property
    def takes_sigmoid_rows(self) -> bool:
        """Whether independent classes can be compared as they are."""
        return self.supports_sigmoid and not self.standardize

    def check(self, facts: 'HeadFacts') -> None:
        """Refuse rows that this loss does not fit, before training.

        Where ``use_sigmoid`` is None it becomes that of the rows.

        Args:
            facts (HeadFacts): What is known of the rows.

        Raises:
            ValueError: If a softmax loss meets sigmoid rows or the reverse,
                or the rows have too few classes.
        """
        check_fit(self, facts)
        self.use_sigmoid = facts.use_sigmoid
        self._check_classes(facts.channels)
        check_parts(self, facts.channels)

    def idle_parts(self, channels: int) -> Dict[str, str]:
        """Weights that have no effect on rows of so many classes.

        Subclasses whose parts compare groups of classes override it; whoever
        builds a loss for a head shows :func:`~mmkd_logit.losses.fit.notices`.

        Args:
            channels (int): C, length of a row.

        Returns:
            dict[str, str]: Name of the setting -> the reason and what to
            change, which follow "has no effect: ".
        """
        return {}

    @property
    def amplified(self) -> int:
        """Top classes that TopKD's scaling module amplifies, 0 without it."""
        if self.topk_scale is None:
            return 0
        default = inspect.signature(amplify_top).parameters['k'].default
        return self.topk_scale.get('k', default)

    def _check_classes(self, channels: int) -> None:
        """Refuse rows with too few classes; subclasses may refuse more."""
        if not self.use_sigmoid and channels < self.min_classes:
            raise WrongValue(
                f'{type(self).__name__} needs at least {self.min_classes} '
                f'classes, got {channels}: {self.too_few}'
            )
