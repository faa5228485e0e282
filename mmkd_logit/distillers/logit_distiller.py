"""The model that users put into a config: a student and frozen teachers."""

from contextlib import ExitStack
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import torch
from mmengine.config import ConfigDict
from torch import Tensor

from ..registry import MODELS
from ..structures.logit_pair import LogitPair
from ..structures.notes import Notes
from ..structures.teacher_pass import TeacherPass
from .build import build_model
from .build_terms import build_terms
from .cached_teacher import cached_teachers
from .compare import compare_pairs
from .describe import report_lines
from .self_teacher import SelfTeacher
from .stand_in import StandIn
from .step_log import split_parts
from .teacher import Teacher
from .teacher_mean import TeacherMean, check_mean
from .teachers import (
    Checkpoints,
    ClassMaps,
    ConfigSources,
    Options,
    check_mapped,
    make_teachers,
    prepare_teachers,
)
from .term import Term
from .term_watch import TermWatch, warn_of_poor_teacher


@MODELS.register_module()
class LogitDistiller(StandIn):
    """Train a student with the logits of a teacher, or of several.

    The student's own ``loss`` runs once and unchanged; readers record the
    logits and labels in it, the teacher gives its logits for the same rows,
    and each term adds one loss. Everything else behaves like the
    student: inference, names of parameters in optimizers and checkpoints,
    hooks that look for its attributes. The teacher is read from disk only
    when training starts.

    Args:
        student (dict): Config of the student's model.
        teacher (str | dict | list): Path of the teacher's config,
            ``'mmdet::...'``, a whole config, or a model's dict; ``'ema'``, or
            the dict of an averaged model of MMEngine, for the student's own
            average, see
            :class:`~mmkd_logit.distillers.self_teacher.SelfTeacher`; or a
            list of them for several teachers.
        teacher_ckpt (str | list): Path or URL of its weights, or ``'auto'``
            for those that the toolbox's metafile lists. Loaded strictly. One
            for each of several teachers.
        distill (dict[str, dict]): Name -> ``dict(loss=..., logits=...)``.
            A name starts with ``'loss'`` and is what the log shows;
            ``logits`` is a reader, found from the student's head if left out.
            With several teachers a term compares with their mean, or with one
            that it names: ``dict(loss=..., teacher=1)``.
        class_map (list | dict, optional): Teacher class of each student
            class, by index or name, if the student knows a subset. With
            several teachers a list of such maps, or None.
        trust_teacher_ckpt (bool): Read a checkpoint that is an arbitrary
            pickle, which can run any code in it. Defaults to False.
        teacher_mean (str): ``'probabilities'``, at temperature 1, or
            ``'logits'``: of what several teachers have a mean, see
            :mod:`~mmkd_logit.distillers.teacher_mean`.
            Defaults to 'probabilities'.
        teacher_options (dict | list, optional): How the teacher is computed,
            for example ``dict(dtype='bfloat16')``, see
            :class:`~mmkd_logit.distillers.teacher_options.TeacherOptions`;
            a dict for all, or a list with one for each.
        data_preprocessor (dict, optional): For a student without one of its
            own; MMEngine passes what MMPretrain's configs keep beside the
            model.
        teacher_cache (str, optional): Folder that ``tools/cache_teacher.py``
            wrote; the teacher's logits are read there and it is not run.

    Raises:
        ValueError: If a reader or loss does not fit the student's head.

    Examples:
        >>> model = dict(
        ...     _delete_=True,
        ...     type='mmkd_logit.LogitDistiller',
        ...     student=_base_.model,
        ...     teacher='mmdet::faster_rcnn/faster-rcnn_r101_fpn_1x_coco.py',
        ...     teacher_ckpt='auto',
        ...     distill=dict(loss_kd=dict(
        ...         loss=dict(type='mmkd_logit.DKDLoss', tau=1., beta=.25))))
    """

    def __init__(
        self,
        student: dict,
        teacher: Optional[ConfigSources] = None,
        teacher_ckpt: Optional[Checkpoints] = None,
        distill: Optional[Dict[str, dict]] = None,
        class_map: Optional[ClassMaps] = None,
        trust_teacher_ckpt: bool = False,
        teacher_mean: str = 'probabilities',
        teacher_options: Optional[Options] = None,
        data_preprocessor: Optional[dict] = None,
        teacher_cache: Optional[str] = None,
        init_cfg: Optional[dict] = None,
    ) -> None:
        if isinstance(student, dict):
            student = ConfigDict(student)
            if data_preprocessor:
                student.setdefault('data_preprocessor', data_preprocessor)
            student = build_model(student, 'student')
        super().__init__(student)
        self.init_cfg = init_cfg
        self.teachers = make_teachers(
            teacher,
            teacher_ckpt,
            trust_teacher_ckpt,
            class_map,
            self.student,
            teacher_options,
        )
        if teacher_cache:
            self.teachers = cached_teachers(self.teachers, teacher_cache)
        self.class_map = class_map
        self.teacher_mean = check_mean(teacher_mean)
        self.terms = build_terms(self.student, distill, len(self.teachers))
        self._means = {
            name: TeacherMean(name, teacher_mean, term.classes_are_independent)
            for name, term in self.terms.items()
            if len(term.teachers) > 1
        }
        self.watches = {
            name: TermWatch(name, term.loss.loss_weight > 0)
            for name, term in self.terms.items()
        }
        #: Whether the teacher must still be able to predict by itself.
        self.keep_whole_teacher = False
        self.listener: Optional[Callable[[str, LogitPair], None]] = None
        self._kd_factors: Dict[str, float] = {}
        # Names that the terms logged last; cascades and windows have several.
        self._logged: List[str] = []
        self._class_names: Optional[Sequence[str]] = None

    @property
    def teacher(self) -> Teacher:
        """The teacher; of several the first."""
        return self.teachers[0]

    # ------------------------------------------------------------ building

    def init_weights(self) -> None:
        """Initialise the student, and prepare the teacher before training."""
        if self.init_cfg:
            super().init_weights()
        else:
            self.student.init_weights()
        self.prepare()

    def prepare(self, class_names: Optional[Sequence[str]] = None) -> None:
        """Read the teacher, once, and compare it with the student.

        Args:
            class_names (list[str], optional): Classes of the training set.

        Raises:
            FileNotFoundError, ConnectionError: If the teacher's config or
                weights cannot be found or downloaded.
            ValueError: If teacher and student do not fit together.
        """
        if class_names is not None:
            self._class_names = class_names
        prepare_teachers(
            self.teachers,
            self.terms,
            self.student,
            class_names,
            self.keep_whole_teacher,
        )

    # ------------------------------------------------------------ training

    @property
    def kd_scale(self) -> float:
        """Product of the factors that hooks have set, 1.0 without any."""
        scale = 1.0
        for factor in self._kd_factors.values():
            scale *= factor
        return scale

    def set_kd_scale(self, factor: float, name: str = 'warmup') -> None:
        """Set one ramp factor, in [0, 1], of all terms.

        Args:
            factor (float): The factor from now on.
            name (str): Name of the schedule; the factors of all names are
                multiplied.
        """
        self._kd_factors[name] = float(factor)

    def forward(
        self,
        inputs: Tensor,
        data_samples: Optional[list] = None,
        mode: str = 'tensor',
    ) -> Any:
        """Like the student's; ``mode='loss'`` adds the distillation terms."""
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        return self.student(inputs, data_samples, mode=mode)

    def loss(
        self, inputs: Tensor, data_samples: Optional[list]
    ) -> Dict[str, Tensor]:
        """The student's own losses plus one entry per distillation term.

        Args:
            inputs (Tensor): Preprocessed batch, shape (B, 3, H, W).
            data_samples (list): Of the batch, with annotations.

        Returns:
            dict[str, Tensor]: Losses, and parts for the log (``kd/...``). The
            parts, times their weights, add up to their term.
        """
        scale = self.kd_scale
        if scale == 0 and self._logged:
            losses = self.student(inputs, data_samples, mode='loss')
            return {**losses, **self._nothing(inputs)}
        self.prepare()
        notes: Dict[str, dict] = {name: {} for name in self.terms}
        with ExitStack() as stack:
            for name, term in self.terms.items():
                term.reader.watch(self.student, notes[name], stack)
            losses = self.student(inputs, data_samples, mode='loss')
        looks = [
            teacher.look(inputs, data_samples, self.student)
            for teacher in self.teachers
        ]
        results: Dict[str, Tensor] = {}
        for name, term in self.terms.items():
            pairs = self._pairs(name, term, notes[name], looks)
            watch = self.watches[name]
            results.update(
                compare_pairs(name, term, pairs, scale, watch, self.listener)
            )
            if watch.is_due():
                self.check_terms(name)
        if self._kd_factors:
            results['kd/scale'] = inputs.new_full((), scale)
        if scale == 0:  # the first step, which gives the names
            self._logged = list(results)
            return {**losses, **self._nothing(inputs)}
        results = {**self._nothing(inputs), **results}
        self._logged = list(results)
        return {**losses, **results}

    def _pairs(
        self, name: str, term: Term, notes: Notes, looks: List[TeacherPass]
    ) -> Dict[str, LogitPair]:
        """Rows of one term, against its teacher or the mean of several."""
        found: List[Dict[str, LogitPair]] = []
        for index, reader in zip(term.teachers, term.readers):
            look = looks[index]
            look.mapped = False
            # The rows of the first teacher carry the gradient; readers may
            # replace notes by their own.
            is_last = len(found) + 1 == len(term.teachers)
            with torch.set_grad_enabled(torch.is_grad_enabled() and not found):
                pairs = reader.pairs(notes if is_last else dict(notes), look)
            check_mapped(reader, term, look)
            handed_on = self.teachers[index].options.handed_on
            for prefix, pair in pairs.items():
                pairs[prefix] = pair._replace(
                    teacher_logits=handed_on(pair.teacher_logits)
                )
            found.append(pairs)
        return found[0] if len(found) == 1 else self._means[name].join(found)

    def _nothing(self, inputs: Tensor) -> Dict[str, Tensor]:
        """Zeros for all that was logged before.

        A name that is left out would keep its last value in the log.
        """
        return {name: inputs.new_zeros(()) for name in self._logged}

    def parse_losses(
        self, losses: Dict[str, Tensor]
    ) -> Tuple[Tensor, Dict[str, Tensor]]:
        """Add up the losses; parts are logged and not added."""
        losses, parts = split_parts(losses)
        total, logged = super().parse_losses(losses)
        logged.update(parts)
        return total, logged

    def check_terms(self, name: Optional[str] = None) -> None:
        """Stop the run if a term is non-finite, zero or without gradient.

        Called every 50 steps and, by ``KDGuardHook``, before a checkpoint is
        written.

        Raises:
            RuntimeError: Naming the term.
        """
        for one in [name] if name else self.terms:
            if one in self._means:
                self._means[one].check()
            watch = self.watches[one]
            watch.check()
            if watch.steps == watch.every and self._learns_from_others(one):
                warn_of_poor_teacher(watch, self.terms[one].facts.num_classes)

    def _learns_from_others(self, name: str) -> bool:
        """Whether a term has a teacher that is not the student's average."""
        asked = [self.teachers[index] for index in self.terms[name].teachers]
        return not all(isinstance(one, SelfTeacher) for one in asked)

    def report(self) -> List[str]:
        """Lines that say what will be trained, for the log."""
        return report_lines(self, self._class_names)

    def _apply(self, fn: Callable, *args, **kwargs) -> 'LogitDistiller':
        """Move the teachers along with the student."""
        super()._apply(fn, *args, **kwargs)
        for teacher in self.teachers:
            teacher.apply(fn)
        return self
