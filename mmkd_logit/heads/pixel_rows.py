"""Which pixels of two logit maps become rows, and with what weight."""

from typing import Dict, Optional, Sequence, Tuple

import torch
from mmengine.dist import get_rank
from mmengine.logging import MessageHub
from torch import Tensor, nn

from ..messages import WrongValue
from ..structures.logit_pair import LogitPair
from .base import LogitReader
from .sdd.cells import check_reference
from .sdd.windows import check_windows, window_maps, window_pairs
from .upstream.decode_heads import IGNORED, ignore_index, is_binary, is_sigmoid
from .upstream.maps import (
    confidence,
    map_rows,
    mean_over_processes,
    pick_pixels,
    predicted_labels,
    sample_pixels,
)

#: Logit of a pixel that a row over pixels leaves out; fits half precision.
_LEFT_OUT = -3e4


class PixelReader(LogitReader):
    """A reader of maps; the options are those of :class:`SegLogits`.

    A subclass finds the maps of student and teacher, :meth:`_compare` makes
    rows of them.
    """

    def __init__(
        self,
        resolution: str = 'logits',
        ignored: str = 'drop',
        teacher_errors: str = 'keep',
        min_confidence: float = 0.0,
        share: float = 1.0,
        auxiliary_weight: float = 0.0,
        windows: Sequence[int] = (1,),
        complementary_weight: float = 2.0,
        reference: str = 'label',
        seed: int = 0,
        rows: str = 'pixel',
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        _one_of('rows', rows, ('pixel', 'channel'))
        _one_of('resolution', resolution, ('logits', 'labels'))
        _one_of('ignored', ignored, ('drop', 'teacher'))
        _one_of('teacher_errors', teacher_errors, ('keep', 'drop'))
        if not 0 < share <= 1:
            raise WrongValue(f'share must be in (0, 1], got {share}')
        if not 0 <= min_confidence < 1:
            raise WrongValue(
                f'min_confidence must be in [0, 1), got {min_confidence}'
            )
        if auxiliary_weight < 0:
            raise WrongValue(
                f'auxiliary_weight must be >= 0, got {auxiliary_weight}'
            )
        check_windows(windows)
        check_reference(reference, labels=())
        self.windows = tuple(windows)
        if self.has_windows and share < 1:
            raise WrongValue(
                'windows need whole maps; remove `windows` or `share`'
            )
        if self.has_windows and rows == 'channel':
            raise WrongValue(
                'windows are rows of pixels; remove `windows` or '
                "rows='channel'"
            )
        self.rows = rows
        self.resolution = resolution
        self.ignored = ignored
        self.teacher_errors = teacher_errors
        self.min_confidence = min_confidence
        self.share = share
        self.auxiliary_weight = auxiliary_weight
        self.complementary_weight = complementary_weight
        self.reference = reference
        self.seed = seed
        self._steps = 0
        self._checked_labels = False
        self._told: set = set()

    @property
    def has_windows(self) -> bool:
        """Whether maps are cut into windows at all."""
        return self.windows != (1,)

    def rows_by_teacher(self) -> Optional[str]:
        if self.ignored == 'teacher':
            return "ignored='teacher' takes labels from the teacher"
        drops = self.teacher_errors == 'drop' or self.min_confidence > 0
        if drops and (
            self.share < 1 or self.has_windows or self.rows == 'channel'
        ):
            return (
                'the teacher decides which pixels count (`teacher_errors`, '
                '`min_confidence`), and with `share`, `windows` or '
                "rows='channel' which rows there are"
            )
        return None

    def _compare(
        self, student: Tensor, teacher: Tensor, labels: Tensor, head: nn.Module
    ) -> Dict[str, LogitPair]:
        """Rows of two maps of one size."""
        labels, kept = self._targets(teacher, labels, head)
        if self.has_windows:
            if kept is not None:
                labels = labels.masked_fill(~kept, IGNORED)
            maps = window_maps(
                student,
                teacher,
                labels,
                self.windows,
                IGNORED,
                self.complementary_weight,
                self.reference,
                use_sigmoid=student.shape[1] == 1,
            )
            del student
            return window_pairs(maps, self.windows)
        if self.share < 1:
            allowed = torch.ones_like(labels, dtype=torch.bool)
            allowed = allowed if kept is None else kept
            places = sample_pixels(
                allowed, self.share, self._generator(labels)
            )
            student, teacher, labels = (
                pick_pixels(maps, places)
                for maps in (student, teacher, labels)
            )
            kept = None if kept is None else pick_pixels(kept, places)
        if self.rows == 'channel':
            return {'': channel_rows(student, teacher, kept)}
        pair = LogitPair(
            map_rows(student), map_rows(teacher), labels.flatten()
        )
        if kept is not None:
            weight = kept.flatten().to(torch.float32)
            pair = pair._replace(
                weight=weight, avg_factor=mean_over_processes(weight.sum())
            )
        return {'': pair}

    def _targets(
        self, teacher: Tensor, labels: Tensor, head: nn.Module
    ) -> Tuple[Tensor, Optional[Tensor]]:
        """Labels in [0, C) and the mask of kept pixels, None for all."""
        kept, ignored = None, ignore_index(head)
        if ignored is not None:
            kept = labels != ignored
        if is_binary(head):
            labels = 1 - labels
        if kept is not None:
            if self.ignored == 'teacher':
                labels = torch.where(kept, labels, predicted_labels(teacher))
                kept = None
            else:
                labels = labels.masked_fill(~kept, 0)
        if self.teacher_errors == 'drop':
            kept = _both(kept, predicted_labels(teacher) == labels)
        if self.min_confidence:
            sure = confidence(teacher, is_sigmoid(head)) >= self.min_confidence
            kept = _both(kept, sure)
        return labels, kept

    def _count_step(self) -> None:
        """Count this step; a resumed run begins at its iteration."""
        if not self._steps:
            hub = MessageHub.get_current_instance()
            self._steps = hub.get_info('iter', 0)
        self._steps += 1

    def _generator(self, like: Tensor) -> torch.Generator:
        """Random numbers of this step and process, not those of the run."""
        generator = torch.Generator(like.device)
        return generator.manual_seed(
            (self.seed * 1_000_003 + get_rank()) * 1_000_003 + self._steps
        )


def channel_rows(
    student: Tensor, teacher: Tensor, kept: Optional[Tensor] = None
) -> LogitPair:
    """One row per image and class: its logits at all pixels.

    Args:
        student (Tensor): Raw scores, shape (B, C, H, W).
        teacher (Tensor): Raw scores, shape (B, C, H, W).
        kept (Tensor, optional): Pixels that count, shape (B, H, W). Others
            have the logit -30000 on both sides, whose softmax over pixels is
            exactly 0 at temperatures up to 40. An image without any weighs
            nothing.

    Returns:
        LogitPair: B * C rows of H * W logits, image by image, without
        labels.

    Examples:
        >>> import torch
        >>> maps = torch.arange(12.).view(1, 3, 2, 2)
        >>> channel_rows(maps, maps).student_logits.shape
        torch.Size([3, 4])
    """
    weight = divisor = None
    if kept is not None:
        some = kept.flatten(1).any(1)
        left_out = ~kept & some[:, None, None]
        student, teacher = (
            maps.masked_fill(left_out[:, None], _LEFT_OUT)
            for maps in (student, teacher)
        )
        weight = some.float().repeat_interleave(student.shape[1])
        divisor = mean_over_processes(weight.sum())
    rows = (maps.flatten(2).flatten(0, 1) for maps in (student, teacher))
    return LogitPair(*rows, weight=weight, avg_factor=divisor)


def weighed(pair: LogitPair, factor: float) -> LogitPair:
    """The same pair, counting ``factor`` times."""
    weight = pair.weight
    if weight is None:
        weight = pair.student_logits.new_ones((), dtype=torch.float32)
        weight = weight.expand(len(pair.student_logits))
    return pair._replace(weight=weight * factor)


def _both(kept: Optional[Tensor], also: Tensor) -> Tensor:
    return also if kept is None else kept & also


def _one_of(name: str, value: str, allowed: Tuple[str, ...]) -> None:
    if value not in allowed:
        raise WrongValue(
            f'{name} must be {" or ".join(map(repr, allowed))}, got {value!r}'
        )
