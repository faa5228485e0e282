"""The model that users put into their config: student plus frozen teacher."""

from contextlib import ExitStack
from logging import WARNING
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from mmengine.config import ConfigDict
from mmengine.logging import MMLogger, print_log
from torch import Tensor

from ..heads.find import find_reader
from ..heads.upstream.foreign import check_foreign_heads
from ..losses.fit import notices
from ..messages import WrongValue
from ..registry import MODELS
from ..structures.logit_pair import LogitPair
from ..structures.teacher_pass import TeacherPass
from .build import build_model
from .describe import describe_init, describe_rows
from .match_classes import ClassMap, match_classes, what_was_compared
from .stand_in import StandIn
from .step_log import part_prefix, split_parts
from .teacher import Teacher
from .teacher_config import ConfigSource
from .term import Term, build_parts, make_term
from .term_watch import TermWatch


@MODELS.register_module()
class LogitDistiller(StandIn):
    """Train a student with the logits of a teacher.

    The student's own ``loss`` runs once and unchanged; readers record the
    logits and labels in it, the teacher gives its logits for the same rows,
    and each term adds one loss. Everything else behaves like the
    student: inference, names of parameters in optimizers and checkpoints,
    hooks that look for its attributes. The teacher is read from disk only
    when training starts.

    Args:
        student (dict): Config of the student's model.
        teacher (str | dict): Path of the teacher's config, ``'mmdet::...'``,
            a whole config, or a model's dict.
        teacher_ckpt (str): Path or URL of its weights, or ``'auto'`` for
            those that the toolbox's metafile lists. Loaded strictly.
        distill (dict[str, dict]): Name -> ``dict(loss=..., logits=...)``.
            A name starts with ``'loss'`` and is what the log shows;
            ``logits`` is a reader, found from the student's head if left out.
        class_map (list | dict, optional): Teacher class of each student
            class, by index or name, if the student knows a subset.
        trust_teacher_ckpt (bool): Read a checkpoint that is an arbitrary
            pickle, which can run any code in it. Defaults to False.
        data_preprocessor (dict, optional): For a student without one of its
            own; MMEngine passes what MMPretrain's configs keep beside the
            model.

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
        teacher: Optional[ConfigSource] = None,
        teacher_ckpt: Optional[str] = None,
        distill: Optional[Dict[str, dict]] = None,
        class_map: Optional[ClassMap] = None,
        trust_teacher_ckpt: bool = False,
        data_preprocessor: Optional[dict] = None,
        init_cfg: Optional[dict] = None,
    ) -> None:
        if isinstance(student, dict):
            student = ConfigDict(student)
            if data_preprocessor:
                student.setdefault('data_preprocessor', data_preprocessor)
            student = build_model(student, 'student')
        super().__init__(student)
        self.init_cfg = init_cfg
        self.teacher = Teacher(teacher, teacher_ckpt, trust_teacher_ckpt)
        self.class_map = class_map
        self.terms = self._build_terms(distill)
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

    # ------------------------------------------------------------ building

    def _build_terms(
        self, distill: Optional[Dict[str, dict]]
    ) -> Dict[str, Term]:
        if not distill:
            raise WrongValue(
                '`distill` is empty; expected at least one term such as '
                'distill=dict(loss_kd=dict(loss=dict(type='
                "'mmkd_logit.DKDLoss')))"
            )
        terms = {}
        for name, cfg in distill.items():
            reader, loss = build_parts(name, cfg)
            reader = reader or find_reader(self.student)
            facts = reader.facts(self.student)
            try:
                term = terms[name] = make_term(reader, loss, facts)
            except ValueError as error:
                raise WrongValue(f'distill.{name}: {error}') from error
            for line in notices(loss, term.facts.channels):
                print_log(f'distill.{name}: {line}', 'current', WARNING)
        readers = [term.reader for term in terms.values()]
        check_foreign_heads(self.student, *readers)
        return terms

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
        if self.teacher.model is None:
            device = next(self.student.parameters()).device
            model = self.teacher.build(device)
            readers = [term.reader for term in self.terms.values()]
            check_foreign_heads(model, *readers)
            for reader in readers:
                reader.classes_are_mapped = self.class_map is not None
                reader.check(self.student, model)
            self._match_classes(class_names)
        elif class_names is not None:
            self._match_classes(class_names)
        if not self.teacher.is_pruned and not self.keep_whole_teacher:
            self._prune_teacher()

    def _match_classes(self, class_names: Optional[Sequence[str]]) -> None:
        self._class_names = class_names
        for term in self.terms.values():
            self.teacher.class_columns = match_classes(
                term.reader.facts(self.student),
                term.reader.facts(self.teacher.model),
                class_names,
                self.teacher.classes,
                self.class_map,
            )

    def _prune_teacher(self) -> None:
        """Drop the teacher's parts that no reader runs."""
        self.teacher.is_pruned = True
        teacher = self.teacher.model
        unused = [
            set(term.reader.prune(teacher)) for term in self.terms.values()
        ]
        for path in set.intersection(*unused):
            owner, _, child = path.rpartition('.')
            owner = teacher.get_submodule(owner)
            if child in owner._modules:
                delattr(owner, child)

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
        teacher = self.teacher.look(inputs, data_samples, self.student)
        results: Dict[str, Tensor] = {}
        for name, term in self.terms.items():
            teacher.mapped = False
            pairs = term.reader.pairs(notes[name], teacher)
            self._check_mapped(term, teacher)
            results.update(self._compare(name, term, pairs, scale))
        if self._kd_factors:
            results['kd/scale'] = inputs.new_full((), scale)
        if scale == 0:  # the first step, which gives the names
            self._logged = list(results)
            return {**losses, **self._nothing(inputs)}
        results = {**self._nothing(inputs), **results}
        self._logged = list(results)
        return {**losses, **results}

    def _check_mapped(self, term: Term, teacher: TeacherPass) -> None:
        """Refuse a reader that ignores ``class_map``."""
        if (
            self.teacher.class_columns is not None
            and term.facts.classes_are_columns
            and not teacher.mapped
        ):
            raise NotImplementedError(
                f'{type(term.reader).__name__}.pairs does not hand the '
                "teacher's logits through `teacher.classes(logits, dim)`, so "
                'it cannot be used with `class_map`'
            )

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

    def _compare(
        self, name: str, term: Term, pairs: Dict[str, LogitPair], scale: float
    ) -> Dict[str, Tensor]:
        """Losses and logged parts of one term."""
        watch = self.watches[name]
        results: Dict[str, Tensor] = {}
        total: Optional[Tensor] = None
        compared: List[LogitPair] = []
        for prefix, pair in pairs.items():
            pair = term.viewed(pair)
            if watch.steps == 0:
                m, c = pair.student_logits.shape
                MMLogger.get_current_instance().info(
                    f'{prefix}{name}: {m} rows of {c} logits in this batch'
                )
            if self.listener is not None:
                self.listener(prefix + name, pair)
            if term.loss.loss_weight == 0:
                # Even a gradient of zeros can change the order in which
                # gradients are added, and with it the student's last bits.
                pair = pair._replace(
                    student_logits=pair.student_logits.detach()
                )
            pair = watch.tap(pair)
            value, parts = term.loss.with_parts(*pair)
            results[prefix + name] = value * scale if scale != 1 else value
            for part, number in parts.items():
                part = f'{part_prefix(prefix + name)}/{part}'
                results[part] = number * scale if scale != 1 else number
            value = value.detach()
            total = value if total is None else total + value
            compared.append(pair)
        watch.record(total, compared, term.facts)
        if watch.is_due():
            self.check_terms(name)
        return results

    def check_terms(self, name: Optional[str] = None) -> None:
        """Stop the run if a term is non-finite, zero or without gradient.

        Called every 50 steps and, by ``KDGuardHook``, before a checkpoint is
        written.

        Raises:
            RuntimeError: Naming the term.
        """
        for watch in [self.watches[name]] if name else self.watches.values():
            watch.check()
            if watch.steps == watch.every:
                self._warn_of_poor_teacher(watch)

    def _warn_of_poor_teacher(self, watch: TermWatch) -> None:
        seen = watch.teacher_accuracy()
        classes = self.terms[watch.name].facts.num_classes
        if seen and classes > 1 and seen['accuracy'] < 1.5 / classes:
            MMLogger.get_current_instance().warning(
                f"{watch.name}: the teacher's class was right for only "
                f'{seen["accuracy"]:.1%} of {seen["rows"]} labelled rows, '
                f'which is about chance for {classes} classes; check its '
                'weights, its class order and its input normalisation'
            )

    def report(self) -> List[str]:
        """Lines that say what will be trained, for the log."""
        count = sum(p.numel() for p in self.student.parameters())
        lines = [
            f'student: {type(self.student).__name__}, {count / 1e6:.2f} M '
            f'parameters, init: {describe_init(self.student)}',
            f'teacher: {type(self.teacher.model).__name__}, '
            f'{self.teacher.num_parameters / 1e6:.2f} M parameters, '
            f'{self.teacher.source}, weights {self.teacher.path} '
            f'(sha256 {self.teacher.sha256})',
            self.teacher.input_map(self.student).describe(),
            what_was_compared(
                next(iter(self.terms.values())).facts.num_classes,
                self._class_names,
                self.teacher.classes,
                self.class_map is not None,
            ),
        ]
        for name, term in self.terms.items():
            lines.append(
                f'{name}: {type(term.reader).__name__} -> '
                f'{type(term.loss).__name__}, '
                f'{describe_rows(term)}, loss_weight '
                f'{term.loss.loss_weight:g}'
            )
        return lines

    def _apply(self, fn: Callable, *args, **kwargs) -> 'LogitDistiller':
        """Move the teacher along with the student."""
        super()._apply(fn, *args, **kwargs)
        self.teacher.apply(fn)
        return self
