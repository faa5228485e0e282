"""All teachers of a distiller: made, read, compared and pruned one by one."""

from contextlib import contextmanager
from typing import Dict, Iterator, List, Optional, Sequence, Union

from torch import nn

from ..heads.base import LogitReader
from ..heads.upstream.foreign import check_foreign_heads
from ..messages import UserMistake, WrongValue
from ..structures.teacher_pass import TeacherPass
from .match_classes import ClassMap, check_class_count, match_classes
from .self_teacher import SelfTeacher, self_teacher_config
from .teacher import Teacher
from .teacher_config import ConfigSource
from .teacher_options import TeacherOptions, read_options
from .term import Term

#: One value, or one for each teacher.
ConfigSources = Union[ConfigSource, Sequence[ConfigSource]]
Checkpoints = Union[str, Sequence[Optional[str]]]
ClassMaps = Union[ClassMap, Sequence[Optional[ClassMap]]]
Options = Union[dict, Sequence[Optional[dict]]]


def make_teachers(
    teacher: Optional[ConfigSources],
    ckpt: Optional[Checkpoints],
    trusted: bool = False,
    class_map: Optional[ClassMaps] = None,
    student: Optional[nn.Module] = None,
    options: Optional[Options] = None,
) -> List[Teacher]:
    """One :class:`Teacher` for each config; nothing is read.

    Args:
        teacher (str | dict | list): A config, or a list of them.
        ckpt (str | list): Its checkpoint, or a list with one for each;
            ``'auto'`` alone counts for all.
        trusted (bool): Read checkpoints that are arbitrary pickles.
        class_map (list | dict, optional): Of one teacher; of several a list
            with one map or None for each.
        student (nn.Module, optional): The model that ``teacher='ema'``
            follows; None to look at what is named only.
        options (dict | list, optional): Of the computation, of all teachers
            or a list with one dict or None for each.

    Raises:
        TypeError: If an option is of another type.
        ValueError: If the lists are of different lengths, an option is
            unknown, or an average of the student is given a checkpoint.
    """
    if not isinstance(teacher, (list, tuple)):
        if isinstance(ckpt, (list, tuple)):
            raise WrongValue(
                f'teacher_ckpt is a list of {len(ckpt)} and teacher is not; '
                'give a list of as many configs, or one checkpoint'
            )
        read = read_options(options, 'teacher_options')
        return [
            _make_teacher(teacher, ckpt, trusted, class_map, student, read)
        ]
    count = len(teacher)
    if not count:
        raise WrongValue('teacher is an empty list; name at least one config')
    ckpts = [ckpt] * count if ckpt in (None, 'auto') else ckpt
    if isinstance(ckpts, str) or len(ckpts) != count:
        raise WrongValue(
            f'teacher has {count} entries, teacher_ckpt is {ckpt!r}; give a '
            "list with one checkpoint for each, or 'auto'"
        )
    maps = [None] * count if class_map is None else class_map
    if isinstance(maps, dict) or not _is_list_of_maps(maps, count):
        raise WrongValue(
            f'class_map is {class_map!r}; with {count} teachers it is a list '
            f'of {count}, the map of each, or None'
        )
    several = options
    if not isinstance(options, (list, tuple)):
        several = [options] * count
    if len(several) != count:
        raise WrongValue(
            f'teacher has {count} entries, teacher_options {len(several)}; '
            'give a list with one dict or None for each, or one for all'
        )
    return [
        _make_teacher(
            one,
            path,
            trusted,
            one_map,
            student,
            read_options(more, f'teacher_options.{index}'),
        )
        for index, (one, path, one_map, more) in enumerate(
            zip(teacher, ckpts, maps, several)
        )
    ]


def _make_teacher(
    source: Optional[ConfigSource],
    ckpt: Optional[str],
    trusted: bool,
    class_map: Optional[ClassMap],
    student: Optional[nn.Module],
    options: TeacherOptions,
) -> Teacher:
    average = self_teacher_config(source)
    if average is None:
        return Teacher(source, ckpt, trusted, class_map, options)
    if ckpt not in (None, 'auto') or class_map is not None:
        name = 'class_map' if ckpt in (None, 'auto') else 'teacher_ckpt'
        raise WrongValue(
            f'teacher={source!r} is an average of the student, which begins '
            f'with its weights and has its classes; remove `{name}`'
        )
    return SelfTeacher(student, average, options)


def _is_list_of_maps(maps: Sequence, count: int) -> bool:
    return len(maps) == count and all(
        one is None or isinstance(one, (dict, list, tuple)) for one in maps
    )


def readers_of(terms: Dict[str, Term], index: int) -> List[LogitReader]:
    """The readers that ask one teacher."""
    return [
        reader
        for term in terms.values()
        for number, reader in zip(term.teachers, term.readers)
        if number == index
    ]


def labels_of(teachers: Sequence[Teacher]) -> List[str]:
    """``'teacher'``, or ``'teacher 0'``, ``'teacher 1'`` of several."""
    if len(teachers) == 1:
        return ['teacher']
    return [f'teacher {index}' for index in range(len(teachers))]


def prepare_teachers(
    teachers: Sequence[Teacher],
    terms: Dict[str, Term],
    student: nn.Module,
    class_names: Optional[Sequence[str]] = None,
    keep_whole: bool = False,
) -> None:
    """Read each teacher, once, compare it with the student, and prune it.

    Args:
        teachers (list[Teacher]): All of them.
        terms (dict[str, Term]): The terms, which say what is needed of each.
        student (nn.Module): The student.
        class_names (list[str], optional): Classes of the training set.
        keep_whole (bool): Whether they must still be able to predict.

    Raises:
        FileNotFoundError, ConnectionError: If a config or weights cannot be
            found or downloaded.
        ValueError: If a teacher and the student do not fit together.
    """
    if class_names is not None:
        for term in terms.values():  # the student's mistake, no teacher's
            check_class_count(term.reader.facts(student), class_names)
    for index, label in enumerate(labels_of(teachers)):
        teacher, readers = teachers[index], readers_of(terms, index)
        is_new = teacher.model is None
        with _named_in_mistakes(label):
            if is_new:
                build_teacher(teacher, readers, student)
            if is_new or class_names is not None:
                compare_classes(teacher, readers, student, class_names)
        if not teacher.is_pruned and not keep_whole:
            prune_teacher(teacher, readers)


def build_teacher(
    teacher: Teacher, readers: Sequence[LogitReader], student: nn.Module
) -> None:
    """Read one teacher, and compare its head with the student's.

    Raises:
        FileNotFoundError, ConnectionError: If its config or weights cannot be
            found or downloaded.
        ValueError: If teacher and student do not fit together.
    """
    model = teacher.build(next(student.parameters()).device)
    with _with_its_config(teacher):
        check_foreign_heads(model, *readers)
        for reader in readers:
            reader.classes_are_mapped = teacher.class_map is not None
            reader.check(student, model)


def compare_classes(
    teacher: Teacher,
    readers: Sequence[LogitReader],
    student: nn.Module,
    class_names: Optional[Sequence[str]],
) -> None:
    """Find the teacher's class of each class of the student.

    Raises:
        ValueError: If they do not mean the same and nothing maps them.
    """
    with _with_its_config(teacher):
        for reader in readers:
            teacher.class_columns = match_classes(
                reader.facts(student),
                reader.facts(teacher.model),
                class_names,
                teacher.classes,
                teacher.class_map,
            )


def prune_teacher(teacher: Teacher, readers: Sequence[LogitReader]) -> None:
    """Drop the parts of a teacher that none of its readers runs."""
    teacher.is_pruned = True
    model = teacher.model
    unused = [set(reader.prune(model)) for reader in readers]
    for path in set.intersection(*unused):
        owner, _, child = path.rpartition('.')
        owner = model.get_submodule(owner)
        if child in owner._modules:
            delattr(owner, child)


def check_mapped(reader: LogitReader, term: Term, look: TeacherPass) -> None:
    """Refuse a reader that ignores ``class_map``."""
    if look.maps_classes and term.facts.classes_are_columns:
        if not look.mapped:
            raise NotImplementedError(
                f'{type(reader).__name__}.pairs does not hand the '
                "teacher's logits through `teacher.classes(logits, dim)`, so "
                'it cannot be used with `class_map`'
            )


@contextmanager
def _named_in_mistakes(label: str) -> Iterator[None]:
    """Say which of several teachers a mistake is about."""
    try:
        yield
    except UserMistake as error:
        if label == 'teacher':
            raise
        raise type(error)(f'{label}: {error}') from error


@contextmanager
def _with_its_config(teacher: Teacher) -> Iterator[None]:
    """Name the config of a teacher that does not fit."""
    try:
        yield
    except UserMistake as error:
        name = teacher.source
        if isinstance(teacher.config, str):
            name = f'teacher config {name!r}'
        raise type(error)(f'{name}: {error}') from error
