"""Segmentors with one logit per class and pixel, or per class and query."""

from contextlib import ExitStack
from functools import partial
from typing import Any, Dict, Tuple

from mmengine.logging import MMLogger
from torch import Tensor, nn

from ..messages import WrongValue
from ..registry import MODELS
from ..structures.head_facts import HeadFacts
from ..structures.logit_pair import LogitPair
from ..structures.notes import Notes
from ..structures.teacher_pass import TeacherPass
from .pixel_rows import PixelReader, weighed
from .upstream.decode_heads import (
    auxiliary_heads,
    channels,
    check_auxiliary_classes,
    ignore_index,
    is_binary,
    is_sigmoid,
    main_head,
    main_map,
)
from .upstream.maps import channels_outside, check_label_values
from .upstream.mask_heads import is_mask_head, noted_queries
from .upstream.observe import is_a, observe
from .upstream.seg_labels import label_size, labels_of_size, watch_labels
from .upstream.seg_maps import map_size, pixel_map, teacher_logits

#: Said of rows over pixels before an image is seen: more than losses need.
_MANY_PIXELS = 1024


@MODELS.register_module()
class SegLogits(PixelReader):
    """Logits of each pixel of a decode head, or of each window.

    The student's logits are those that its decode head hands to its own loss,
    at their own resolution; of a cascade (OCRNet) those of the last stage.
    The teacher runs its encoder and decode head only. Where its map has
    another size it is resized bilinearly to the student's, which the log says
    once. Labels are resized by nearest.

    Heads that classify masks (MaskFormer, Mask2Former, SAN) are read by their
    semantic map: :func:`~mmkd_logit.heads.upstream.mask_heads.semantic_map`
    makes log-probabilities of the classes of each pixel out of the last
    decoder layer, and these are its logits, rows of a softmax. Student and
    teacher may be of either kind, so that a Mask2Former teaches a SegFormer or
    learns from one. A student's map has the resolution of its mask logits, a
    quarter of the image; a teacher's mask logits are resized to the student's
    map before they are combined. Where there is no label map, as for the
    panoptic and instance models of MMDetection, labels are painted from the
    ground-truth masks, the smallest on top; pixels that no mask covers are
    ignored pixels: an instance model has no class for them, and its logits
    there are not trained.

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
            auxiliary heads of student and teacher; 0.0 leaves them out.
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
        seed (int): Seed of the random choice of pixels, which follows the
            iteration, in a resumed run too. Defaults to 0.
        rows (str): ``'pixel'``, a softmax over classes at each pixel; or
            ``'channel'``, a softmax over the pixels of an image for each
            class, as CWD has it, see
            :func:`~mmkd_logit.heads.pixel_rows.channel_rows`. Such rows have
            no labels, and do not compare the classes of a pixel.
            With ``KDLoss`` they are CWD: ``tau=4.0, loss_weight=3.0`` on
            Cityscapes, where the authors keep ignored pixels
            (``ignored='teacher'``). Defaults to 'pixel'.
        **kwargs: ``view`` of :class:`~mmkd_logit.heads.base.LogitReader`.

    Raises:
        ValueError: If an option is none of these, or a head's logits are not
            a map of classes.

    Source:
        Pixels at the resolution of the logits, the auxiliary heads and
        ``teacher_errors`` follow Zheng and Cheng, TNNLS 2025,
        https://arxiv.org/abs/2512.04625 (the authors' code for Cityscapes).
        ``rows='channel'``: CWD, Shu et al., ICCV 2021,
        https://arxiv.org/abs/2011.13256. Windows, resizing the teacher, and
        binary heads are this project's extensions.
    """

    recipes = 'seg'
    family = (
        'mmseg segmentors with one logit per class and pixel '
        '(EncoderDecoder, last stage of CascadeEncoderDecoder), or with '
        'masks and their classes (MaskFormerHead, Mask2FormerHead, '
        'SideAdapterCLIPHead); mmdet MaskFormer and Mask2Former'
    )

    # ------------------------------------------------------------ building

    @classmethod
    def fits(cls, model: nn.Module) -> bool:
        return is_a(
            model, 'mmseg', 'EncoderDecoder', 'MultimodalEncoderDecoder'
        ) or is_a(model, 'mmdet', 'MaskFormer')

    def facts(self, model: nn.Module) -> HeadFacts:
        head = self._heads(model)['']
        columns = channels(head)
        # one logit is two classes, whichever number the config has
        classes = head.num_classes if columns > 1 else 2
        if is_mask_head(head) and columns < 2:
            raise WrongValue(
                f'{type(head).__name__} with num_classes=1 has no map of '
                'classes to compare: of one class the share is 1 everywhere'
            )
        if self.rows == 'channel':
            return HeadFacts(
                classes,
                _MANY_PIXELS,
                classes_are_columns=False,
                has_labels=False,
                whole=not self._leaves_out(head),
            )
        return HeadFacts(classes, columns, is_sigmoid(head))

    def _leaves_out(self, head: nn.Module) -> bool:
        """Whether some pixels may not count."""
        dropped = self.ignored == 'drop' and ignore_index(head) is not None
        by_teacher = self.teacher_errors == 'drop' or self.min_confidence > 0
        return dropped or by_teacher

    def _heads(self, model: nn.Module) -> Dict[str, nn.Module]:
        """Heads that are read, by the prefix of their logged name.

        Raises:
            ValueError: If ``model`` has none whose logits can be read.
        """
        if not self.fits(model):
            raise WrongValue(
                f'{type(model).__name__} is no segmentor whose logits can be '
                f'read; expected {self.family}'
            )
        main = main_head(model)
        if not self.auxiliary_weight:
            return {'': main}
        others = auxiliary_heads(model, main)
        if not others:
            raise WrongValue(
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
            raise WrongValue(
                f'the student has {len(ours) - 1} auxiliary heads, the '
                f'teacher {len(theirs) - 1}; auxiliary heads are compared '
                'one by one, set auxiliary_weight=0'
            )
        columns = [channels(heads['']) for heads in (ours, theirs)]
        labelled = (
            self.has_windows
            or self.ignored == 'teacher'
            or self.teacher_errors == 'drop'
        )
        mapped = self.classes_are_mapped
        if columns[0] != columns[1] and labelled and not mapped:
            raise WrongValue(
                f'the student has {columns[0]} classes, the teacher '
                f"{columns[1]}; `windows`, ignored='teacher' and "
                "teacher_errors='drop' need the same classes in both"
            )

    def prune(self, teacher: nn.Module) -> Tuple[str, ...]:
        return () if self.auxiliary_weight else ('auxiliary_head',)

    def teacher_options(self) -> Dict[str, Any]:
        return dict(
            resolution=self.resolution, auxiliary=self.auxiliary_weight > 0
        )

    # ------------------------------------------------------------ training

    def watch(
        self, student: nn.Module, notes: Notes, stack: ExitStack
    ) -> None:
        for prefix, head in self._heads(student).items():
            self._watch_head(prefix, head, notes, stack)

    def _watch_head(
        self, prefix: str, head: nn.Module, notes: Notes, stack: ExitStack
    ) -> None:
        notes[f'{prefix}head'] = head

        def note_logits(arguments: Dict[str, Any], result: Any) -> None:
            if is_mask_head(head):
                notes[f'{prefix}logits'] = noted_queries(arguments)
            else:
                maps = list(arguments.values())[0]
                notes[f'{prefix}logits'] = main_map(head, maps)

        stack.enter_context(observe(head, 'loss_by_feat', note_logits))
        watch_labels(head, notes, stack, self._check_labels)

    def _check_labels(self, labels: Tensor, head: nn.Module) -> None:
        """Check label values: on the CPU always, elsewhere once."""
        if labels.device.type == 'cpu' or not self._checked_labels:
            count = head.num_classes
            check_label_values(
                labels,
                max(count, 2) if is_binary(head) else count,
                ignore_index(head),
            )
        self._checked_labels = True

    def pairs(
        self, notes: Notes, teacher: TeacherPass
    ) -> Dict[str, LogitPair]:
        pairs = {}
        self._count_step()
        for prefix, teacher_head in self._heads(teacher.model).items():
            where = f'{"auxiliary" if prefix else "decode"}_head.loss_by_feat'
            size = map_size(self.noted(notes, f'{prefix}logits', where))
            if self.resolution == 'labels':
                size = label_size(notes)
            head = notes[f'{prefix}head']
            theirs = teacher.once(
                f'seg map {prefix}{size}',
                partial(
                    self._teacher_map, teacher, prefix, teacher_head, size
                ),
            )
            # Taken out of the notes: a resized copy replaces the logits, and
            # both at once would take twice the memory.
            found = self._compare(
                pixel_map(head, notes.pop(f'{prefix}logits'), size),
                theirs,
                labels_of_size(notes, size),
                head,
            )
            for name, pair in found.items():
                if prefix:
                    pair = weighed(pair, self.auxiliary_weight)
                pairs[prefix + name] = pair
        return pairs

    def _teacher_map(
        self,
        teacher: TeacherPass,
        prefix: str,
        head: nn.Module,
        size: Tuple[int, int],
    ) -> Tensor:
        """The teacher's logits (B, C, *size)."""
        logits = teacher_logits(teacher, head, is_main=not prefix)
        found = map_size(logits)
        if found != size and self.resolution == 'logits':
            self._tell_once(
                f"the teacher's {prefix}logits, {found[0]} x {found[1]}, are "
                f"resized to the student's {size[0]} x {size[1]}"
            )
        maps = teacher.classes(pixel_map(head, logits, size))
        return channels_outside(maps)

    def _tell_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            MMLogger.get_current_instance().info(text)
