"""Notice terms that do nothing, or go wrong, without stalling the GPU."""

from typing import Dict, Optional

import torch
from torch import Tensor

from ..messages import StoppedRun
from ..ops.top_classes import largest_class
from ..structures.head_facts import HeadFacts
from ..structures.logit_pair import LogitPair


class TermWatch:
    """What one distillation term did since the run started.

    All numbers stay on the device; :meth:`check` reads them, every ``every``
    steps and before a checkpoint is written.

    Args:
        name (str): Of the term, for messages.
        expects_value (bool): Whether a value that is always 0 is a mistake;
            False for a term that is switched off by ``loss_weight=0``.
        every (int): Steps between two reads. Defaults to 50.
    """

    def __init__(
        self, name: str, expects_value: bool = True, every: int = 50
    ) -> None:
        self.name = name
        self.expects_value = expects_value
        self.every = every
        self.steps = 0
        self.largest: Optional[Tensor] = None  # |value| of the term
        self.gradient: Optional[Tensor] = None  # |gradient| at the logits
        self.bad_step: Optional[Tensor] = None  # first non-finite step
        self.ranges: Optional[Tensor] = None  # of both logits at that step
        self.rows: Optional[Tensor] = None  # foreground rows so far ...
        self.right: Optional[Tensor] = None  # ... that the teacher got right

    @property
    def is_young(self) -> bool:
        """Whether the first ``every`` steps are not over yet."""
        return self.steps < self.every

    def tap(self, pair: LogitPair) -> LogitPair:
        """Watch the gradient that this term alone sends to the logits."""
        if not (self.is_young and pair.student_logits.requires_grad):
            return pair
        logits = pair.student_logits.view_as(pair.student_logits)
        device = logits.device
        if self.gradient is None:
            self.gradient = torch.zeros((), device=device)

        def note(gradient: Tensor) -> None:
            if gradient.numel():
                self.gradient = torch.maximum(
                    self.gradient, gradient.detach().abs().amax().float()
                )

        logits.register_hook(note)
        return pair._replace(student_logits=logits)

    def note(
        self,
        value: Optional[Tensor],
        pair: Optional[LogitPair],
        facts: HeadFacts,
    ) -> None:
        """Remember one value of the term, before the ramp factor.

        Args:
            value (Tensor, optional): The term in this step; None if its
                reader found nothing to compare.
            pair (LogitPair, optional): What it was computed from; of several
                the first: the main head, its pixels rather than windows.
            facts (HeadFacts): Of the student's head.
        """
        if value is None:
            self.steps += 1
            return
        with torch.no_grad():
            value = value.detach().float()
            step = torch.full_like(value, self.steps + 1)
            if self.largest is None:
                self.largest = torch.zeros_like(value)
                self.bad_step = torch.zeros_like(value)
                self.ranges = value.new_zeros(4)
            bad_now = ~value.isfinite() & (self.bad_step == 0)
            # looking whether it is needed would stall a GPU
            needed = value.device.type != 'cpu' or bool(bad_now)
            if needed and pair.student_logits.numel():
                ranges = torch.stack(
                    [
                        extreme.float()
                        for logits in (
                            pair.student_logits.detach(),
                            pair.teacher_logits,
                        )
                        for extreme in logits.aminmax()
                    ]
                )
                self.ranges = torch.where(bad_now, ranges, self.ranges)
            self.bad_step = torch.where(bad_now, step, self.bad_step)
            self.largest = torch.maximum(
                self.largest, value.abs().nan_to_num()
            )
            if self.is_young:
                self._count_right(pair, facts)
        self.steps += 1

    def _count_right(self, pair: LogitPair, facts: HeadFacts) -> None:
        """Compare the teacher's classes with the labels of object rows."""
        if (
            pair.labels is None
            or not facts.classes_are_columns
            or facts.channels < 2
            or not len(pair.labels)
        ):
            return
        objects = pair.labels < facts.num_classes
        if pair.weight is not None:
            objects = objects & (pair.weight > 0)
        seen = largest_class(pair.teacher_logits[:, : facts.num_classes])
        hits = seen == pair.labels
        rows, right = objects.sum(), (hits & objects).sum()
        self.rows = rows if self.rows is None else self.rows + rows
        self.right = right if self.right is None else self.right + right

    def is_due(self) -> bool:
        """Whether :meth:`check` should run after this step."""
        return self.steps > 0 and self.steps % self.every == 0

    def check(self) -> None:
        """Stop a run whose term is non-finite, zero or without gradient.

        Raises:
            RuntimeError: Naming the term and what to try.
        """
        if self.largest is None:
            if self.expects_value and self.steps >= self.every:
                raise StoppedRun(
                    f'{self.name} was missing in the first {self.steps} '
                    'steps: its reader found no logits in this head'
                )
            return
        bad = int(self.bad_step)
        if bad:
            low_s, high_s, low_t, high_t = self.ranges.tolist()
            raise StoppedRun(
                f'{self.name} became NaN or infinite in step {bad} of this '
                f'run, with student logits in [{low_s:.4g}, {high_s:.4g}] '
                f'and teacher logits in [{low_t:.4g}, {high_t:.4g}]; if the '
                "student's range is not finite the training itself has "
                'diverged: lower the learning rate, clip gradients, or warm '
                'the term up with KDWarmupHook'
            )
        if not self.expects_value or self.steps < self.every:
            return
        if float(self.largest) == 0:
            raise StoppedRun(
                f'{self.name} was exactly 0 in its first {self.steps} steps; '
                'either no row was read (no labels, all pixels ignored), or '
                "the teacher is the student's own copy"
            )
        if self.gradient is None or float(self.gradient) == 0:
            raise StoppedRun(
                f'{self.name} sent no gradient to the student in its first '
                f'{self.steps} steps; its logits are detached or frozen'
            )

    def teacher_accuracy(self) -> Optional[Dict[str, float]]:
        """Share of labelled rows that the teacher gets right, if known."""
        if self.rows is None or not int(self.rows):
            return None
        return dict(
            rows=int(self.rows), accuracy=int(self.right) / int(self.rows)
        )
