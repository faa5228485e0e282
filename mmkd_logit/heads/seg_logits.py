"""Segmentors of MMSegmentation whose head gives one logit per class."""

from contextlib import ExitStack
from functools import partial
from typing import Any, Dict, Optional, Sequence, Tuple

import torch
from mmengine.dist import get_rank
from mmengine.logging import MMLogger
from torch import Tensor, nn

from ..registry import MODELS
from ..structures.head_facts import HeadFacts
from ..structures.logit_pair import LogitPair
from .base import LogitReader
from .sdd.cells import check_reference
from .sdd.windows import check_windows, window_maps, window_pairs
from .upstream.decode_heads import (
    auxiliary_heads,
    check_auxiliary_classes,
    is_sigmoid,
    main_head,
    main_logits,
    main_map,
)
from .upstream.maps import (
    channels_outside,
    check_label_values,
    confidence,
    map_rows,
    mean_over_processes,
    pick_pixels,
    predicted_labels,
    resize_labels,
    resize_logits,
    same_layout,
    sample_pixels,
)
from .upstream.observe import is_a, observe

#: Label of pixels that are left out, whatever the head's ``ignore_index``.
_IGNORED = -1


@MODELS.register_module()
class SegLogits(LogitReader):
    """Logits of each pixel of a decode head, or of each window.

    The student's logits are those that its decode head hands to its own loss,
    at their own resolution; of a cascade (OCRNet) those of the last stage.
    The teacher runs its encoder and decode head only. Where its map has
    another size it is resized bilinearly to the student's, which the log says
    once. Labels are resized by nearest.

    Rows come image by image, row by row of the map. Pixels that are left out
    stay among them with weight 0, and the mean is over the others: taking
    them out would copy both maps, need a sorted scatter in the backward pass
    and stall the GPU. With several processes the divisor is averaged over
    them, so that two give the gradients of one.

    A binary head (``out_channels=1``) is a sigmoid head of one class, its
    label 1; pixels with label 0 have no class.

    Args:
        resolution (str): ``'logits'`` compares at the student's own
            resolution, ``'labels'`` after resizing both maps to the labels'
            size, which takes as much memory as the student's own loss.
            Defaults to 'logits'.
        ignored (str): What happens to pixels with the head's
            ``ignore_index``: ``'drop'``, or ``'teacher'`` to keep them with
            the teacher's class as label. Defaults to 'drop'.
        teacher_errors (str): ``'keep'``, or ``'drop'`` to leave out pixels
            that the teacher classifies wrongly. Defaults to 'keep'.
        min_confidence (float): Leave out pixels where the probability of the
            teacher's class is smaller. Defaults to 0.0, none.
        share (float): Compare this random share of each image's pixels, in
            (0, 1]. The choice uses random numbers of its own. Defaults to
            1.0, all.
        auxiliary_weight (float): Weight of the same comparison between the
            auxiliary heads of student and teacher; 0.0 leaves them alone.
            The authors' code of GDKD has 0.4 with a ResNet student. Defaults
            to 0.0.
        windows (Sequence[int]): Sides of scale-decoupling windows in pixels
            of the compared map, see
            :func:`~mmkd_logit.heads.sdd.windows.window_maps`. Each size is
            logged by itself, the smallest as ``loss_kd``, others as
            ``window2.loss_kd``; each is divided by the number of windows of
            all sizes, so that their sum is the mean over all of them.
            Defaults to (1, ), no scale decoupling.
        complementary_weight (float): Weight of a complementary window.
            Defaults to 2.0.
        reference (str): ``'label'`` or ``'teacher'``, what makes a window
            complementary. Defaults to 'label'.
        seed (int): Of the random choice of pixels; a resumed run starts it
            again. Defaults to 0.
        **kwargs: ``view`` of :class:`~mmkd_logit.heads.base.LogitReader`.

    Raises:
        ValueError: If an option is none of these, or a head's logits are not
            a map of classes.

    Source:
        Pixels at the resolution of the logits, the auxiliary heads and
        ``teacher_errors`` follow Zheng and Cheng, TNNLS 2025,
        https://arxiv.org/abs/2512.04625 (the authors' code for Cityscapes).
        Windows, resizing the teacher, and binary heads are this project's
        extensions.
    """

    family = (
        'mmseg segmentors with one logit per class and pixel '
        '(EncoderDecoder, last stage of CascadeEncoderDecoder)'
    )

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
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        _one_of('resolution', resolution, ('logits', 'labels'))
        _one_of('ignored', ignored, ('drop', 'teacher'))
        _one_of('teacher_errors', teacher_errors, ('keep', 'drop'))
        if not 0 < share <= 1:
            raise ValueError(f'share must be in (0, 1], got {share}')
        if not 0 <= min_confidence < 1:
            raise ValueError(
                f'min_confidence must be in [0, 1), got {min_confidence}'
            )
        if auxiliary_weight < 0:
            raise ValueError(
                f'auxiliary_weight must be >= 0, got {auxiliary_weight}'
            )
        check_windows(windows)
        check_reference(reference, labels=())
        self.windows = tuple(windows)
        if self.has_windows and share < 1:
            raise ValueError(
                'windows need whole maps; remove `windows` or `share`'
            )
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

    # ------------------------------------------------------------ building

    @classmethod
    def fits(cls, model: nn.Module) -> bool:
        return is_a(
            model, 'mmseg', 'EncoderDecoder', 'MultimodalEncoderDecoder'
        )

    def facts(self, model: nn.Module) -> HeadFacts:
        head = self._heads(model)['']
        return HeadFacts(head.num_classes, head.out_channels, is_sigmoid(head))

    def _heads(self, model: nn.Module) -> Dict[str, nn.Module]:
        """Heads that are read, by the prefix of their logged name.

        Raises:
            ValueError: If ``model`` has none whose logits can be read.
        """
        if not self.fits(model):
            raise ValueError(
                f'{type(model).__name__} is no segmentor whose logits can be '
                f'read; expected {self.family}'
            )
        main = main_head(model)
        if not self.auxiliary_weight:
            return {'': main}
        others = auxiliary_heads(model, main)
        if not others:
            raise ValueError(
                f'auxiliary_weight={self.auxiliary_weight}, but '
                f'{type(model).__name__} with {type(main).__name__} has '
                'no auxiliary head for the same classes; set '
                'auxiliary_weight=0'
            )
        return {'': main, **others}

    def check(self, student: nn.Module, teacher: nn.Module) -> None:
        ours, theirs = self._heads(student), self._heads(teacher)
        check_auxiliary_classes(student, ours[''])
        if len(ours) != len(theirs):
            raise ValueError(
                f'the student has {len(ours) - 1} auxiliary heads, the '
                f'teacher {len(theirs) - 1}; auxiliary heads are compared '
                'one by one, set auxiliary_weight=0'
            )
        columns = [heads[''].out_channels for heads in (ours, theirs)]
        labelled = (
            self.has_windows
            or self.ignored == 'teacher'
            or self.teacher_errors == 'drop'
        )
        if columns[0] != columns[1] and labelled:
            raise ValueError(
                f'the student has {columns[0]} classes, the teacher '
                f"{columns[1]}; `windows`, ignored='teacher' and "
                "teacher_errors='drop' need the same classes in both"
            )

    def prune(self, teacher: nn.Module) -> Tuple[str, ...]:
        return () if self.auxiliary_weight else ('auxiliary_head',)

    # ------------------------------------------------------------ training

    def watch(
        self, student: nn.Module, notes: Dict[str, Any], stack: ExitStack
    ) -> None:
        for prefix, head in self._heads(student).items():
            self._watch_head(prefix, head, notes, stack)

    def _watch_head(
        self,
        prefix: str,
        head: nn.Module,
        notes: Dict[str, Any],
        stack: ExitStack,
    ) -> None:
        notes[f'{prefix}head'] = head

        def note_logits(arguments: Dict[str, Any], result: Any) -> None:
            maps = list(arguments.values())[0]
            notes[f'{prefix}logits'] = main_map(head, maps)

        def note_labels(arguments: Dict[str, Any], result: Any) -> None:
            if 'labels' not in notes:
                maps = result if isinstance(result, Tensor) else result[0]
                notes['labels'] = maps.squeeze(1)
                self._check_labels(notes['labels'], head)

        stack.enter_context(observe(head, 'loss_by_feat', note_logits))
        # K-Net's stages share the loss of an inner head
        inner = getattr(head, 'kernel_generate_head', head)
        stack.enter_context(observe(inner, '_stack_batch_gt', note_labels))

    def _check_labels(self, labels: Tensor, head: nn.Module) -> None:
        """On the CPU always; elsewhere only once, because it stalls."""
        if labels.device.type == 'cpu' or not self._checked_labels:
            binary = head.out_channels == 1
            check_label_values(
                labels,
                max(head.num_classes, 2) if binary else head.num_classes,
                head.ignore_index,
            )
        self._checked_labels = True

    def pairs(
        self, notes: Dict[str, Any], teacher: Any
    ) -> Dict[str, LogitPair]:
        pairs = {}
        self._steps += 1
        for prefix, teacher_head in self._heads(teacher.model).items():
            where = f'{"auxiliary" if prefix else "decode"}_head.loss_by_feat'
            size = self.noted(notes, f'{prefix}logits', where).shape[2:]
            labels = self.noted(notes, 'labels', '_stack_batch_gt')
            if self.resolution == 'labels':
                size = labels.shape[1:]
            head = notes[f'{prefix}head']
            theirs = teacher.once(
                f'seg map {prefix}{tuple(size)}',
                partial(
                    self._teacher_map, teacher, prefix, teacher_head, size
                ),
            )
            # popped, so that a copy of the logits takes their place
            found = self._compare(
                resize_logits(
                    same_layout(notes.pop(f'{prefix}logits')),
                    size,
                    head.align_corners,
                ),
                theirs,
                resize_labels(labels, size),
                head,
            )
            for name, pair in found.items():
                if prefix:
                    pair = weighed(pair, self.auxiliary_weight)
                pairs[prefix + name] = pair
        return pairs

    def _teacher_map(
        self, teacher: Any, prefix: str, head: nn.Module, size: Tuple[int, int]
    ) -> Tensor:
        """The teacher's logits (B, C, *size)."""
        if prefix:
            maps = head(teacher.feats)
        else:
            maps = main_logits(teacher.model, teacher.feats)
        maps = main_map(head, maps)
        if maps.shape[2:] != size and self.resolution == 'logits':
            self._tell_once(
                f"the teacher's {prefix}logits, {_size(maps)}, are resized "
                f"to the student's {tuple(size)[0]} x {tuple(size)[1]}"
            )
        maps = resize_logits(maps, size, head.align_corners)
        return channels_outside(maps)

    def _tell_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            MMLogger.get_current_instance().info(text)

    def _compare(
        self, student: Tensor, teacher: Tensor, labels: Tensor, head: nn.Module
    ) -> Dict[str, LogitPair]:
        """Rows of two maps of one size."""
        labels, kept = self._targets(teacher, labels, head)
        if self.has_windows:
            if kept is not None:
                labels = labels.masked_fill(~kept, _IGNORED)
            maps = window_maps(
                student,
                teacher,
                labels,
                self.windows,
                _IGNORED,
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
        kept = None
        if head.ignore_index is not None:
            kept = labels != head.ignore_index
        if head.out_channels == 1:
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

    def _generator(self, like: Tensor) -> torch.Generator:
        """Random numbers of this step and process, not those of the run."""
        generator = torch.Generator(like.device)
        return generator.manual_seed(
            (self.seed * 1_000_003 + get_rank()) * 1_000_003 + self._steps
        )


def weighed(pair: LogitPair, factor: float) -> LogitPair:
    """The same pair, counting ``factor`` times."""
    weight = pair.weight
    if weight is None:
        weight = pair.student_logits.new_ones((), dtype=torch.float32)
        weight = weight.expand(len(pair.student_logits))
    return pair._replace(weight=weight * factor)


def _both(kept: Optional[Tensor], also: Tensor) -> Tensor:
    return also if kept is None else kept & also


def _size(maps: Tensor) -> str:
    return f'{maps.shape[2]} x {maps.shape[3]}'


def _one_of(name: str, value: str, allowed: Tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(
            f'{name} must be {" or ".join(map(repr, allowed))}, got {value!r}'
        )
