"""Find terms that do nothing, or diverge, without stalling the GPU."""

import math
from typing import Dict, Optional, Sequence

import torch
from mmengine.logging import MMLogger
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
        name (str): Name of the term, for messages.
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

        def keep_largest(gradient: Tensor) -> None:
            if gradient.numel():
                self.gradient = torch.maximum(
                    self.gradient, gradient.detach().abs().amax().float()
                )

        logits.register_hook(keep_largest)
        return pair._replace(student_logits=logits)

    def record(
        self,
        value: Optional[Tensor],
        pairs: Sequence[LogitPair],
        facts: HeadFacts,
    ) -> None:
        """Record one value of the term, before the ramp factor.

        Args:
            value (Tensor, optional): The term in this step; None if its
                reader found nothing to compare.
            pairs (list[LogitPair]): Rows that it was computed from; the first
                are those of the main head, its pixels rather than windows.
            facts (HeadFacts): What is known of the rows.
        """
        if value is None:
            self.steps += 1
            return
        with torch.no_grad():
            value = value.detach().float()
            if self.largest is None:
                self.largest = torch.zeros_like(value)
                self.bad_step = torch.zeros_like(value)
                self.ranges = value.new_zeros(4)
            self._look_for_bad_logits(value, pairs)
            self.largest = torch.maximum(
                self.largest, value.abs().nan_to_num()
            )
            if self.is_young:
                self._count_right(pairs[0], facts)
        self.steps += 1

    def _look_for_bad_logits(
        self, value: Tensor, pairs: Sequence[LogitPair]
    ) -> None:
        """Record the first step with a value or a logit that is not finite.

        A loss can be finite where its gradient is not, so the logits are
        checked as well.
        """
        both = [
            [pair.student_logits.detach() for pair in pairs],
            [pair.teacher_logits for pair in pairs],
        ]
        if value.device.type == 'cpu':
            # A sum is quick, and not finite if any of its terms is not.
            sums = [_sum(logits) for whose in both for logits in whose]
            bad = ~(value + sum(sums)).isfinite() & (self.bad_step == 0)
            if not bad:
                return
            ranges = torch.stack([*_range(both[0]), *_range(both[1])])
        else:  # branching on `bad` would stall a GPU
            ranges = torch.stack([*_range(both[0]), *_range(both[1])])
            fine = value.isfinite() & ranges.isfinite().all()
            bad = ~fine & (self.bad_step == 0)
        step = torch.full_like(value, self.steps + 1)
        self.ranges = torch.where(bad, ranges, self.ranges)
        self.bad_step = torch.where(bad, step, self.bad_step)

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
            raise StoppedRun(self._describe_bad(bad))
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

    def _describe_bad(self, step: int) -> str:
        """What was not finite, in which step, and what to try."""
        ranges = self.ranges.tolist()
        least_s, most_s, least_t, most_t = ranges
        student, teacher = (
            all(map(math.isfinite, part)) for part in (ranges[:2], ranges[2:])
        )
        if not teacher:
            advice = (
                "the teacher's own logits are not finite: check its weights, "
                'its input normalisation and, under AMP, whether it overflows'
            )
        elif not student:
            advice = (
                'the training itself has diverged: lower the learning rate, '
                'clip gradients, or warm the term up with KDWarmupHook'
            )
        else:
            advice = 'lower the temperature or the weights of the loss'
        return (
            f'{self.name} became NaN or infinite in step {step} of this '
            f'run, with student logits in [{least_s:.4g}, {most_s:.4g}] '
            f'and teacher logits in [{least_t:.4g}, {most_t:.4g}]; {advice}'
        )

    def teacher_accuracy(self) -> Optional[Dict[str, float]]:
        """How many labelled rows the teacher gets right, None if unknown."""
        if self.rows is None or not int(self.rows):
            return None
        return dict(
            rows=int(self.rows), accuracy=int(self.right) / int(self.rows)
        )


def warn_of_poor_teacher(watch: TermWatch, classes: int) -> None:
    """Say so in the log if the teacher's rows are right by chance at best.

    Args:
        watch (TermWatch): After its first steps.
        classes (int): Number of classes, without background.
    """
    seen = watch.teacher_accuracy()
    if seen and classes > 1 and seen['accuracy'] < 1.5 / classes:
        MMLogger.get_current_instance().warning(
            f"{watch.name}: the teacher's class was right for only "
            f'{seen["accuracy"]:.1%} of {seen["rows"]} labelled rows, '
            f'which is about chance for {classes} classes; check its '
            'weights, its class order and its input normalisation'
        )


def _sum(logits: Tensor) -> Tensor:
    """Sum of all logits, in float32 at least."""
    wide = torch.promote_types(logits.dtype, torch.float32)
    return logits.sum(dtype=wide).float()


def _range(maps: Sequence[Tensor]) -> Tensor:
    """Smallest and largest logit, (2,); 0 and 0 if there is none."""
    ranges = [
        torch.stack(logits.aminmax()).float()
        for logits in maps
        if logits.numel()
    ]
    if not ranges:
        return torch.zeros(2, device=maps[0].device)
    smallest, largest = torch.stack(ranges, 1)
    return torch.stack([smallest.amin(), largest.amax()])
