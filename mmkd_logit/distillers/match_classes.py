"""Compare the classes of teacher, student and dataset."""

import os
from collections.abc import Mapping
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from ..messages import WrongType, WrongValue, did_you_mean
from ..registry import type_name
from ..structures.class_columns import ClassColumns
from ..structures.head_facts import HeadFacts

ClassMap = Union[Sequence[int], Dict[Union[int, str], Union[int, str]]]
Names = Optional[Sequence[str]]

_REMEDY = (
    'fine-tune the teacher on these classes, or map a subset with '
    '`class_map={student class: teacher class, ...}`'
)


def check_class_count(student: HeadFacts, names: Names) -> None:
    """Refuse a student whose head has another number of classes than the data.

    Args:
        student (HeadFacts): Facts of the student's head.
        names (list[str], optional): Classes of the training set.

    Raises:
        ValueError: If both are known and differ.
    """
    counts = {student.num_classes}
    if student.classes_are_columns and student.channels == 1:
        counts.add(1)  # a head of one logit, whose class alone may be named
    if names and len(names) not in counts:
        raise WrongValue(
            f'the training set has {len(names)} classes, the '
            f"student's head {student.num_classes}; correct its "
            '`num_classes`, or `metainfo=dict(classes=...)` of the dataset'
        )


def match_classes(
    student: HeadFacts,
    teacher: HeadFacts,
    student_names: Names,
    teacher_names: Names,
    class_map: Optional[ClassMap],
) -> Optional[ClassColumns]:
    """Find the teacher's class for each class of the student.

    Args:
        student (HeadFacts): Facts of the student's head.
        teacher (HeadFacts): Facts of the teacher's head.
        student_names (list[str], optional): Classes of the training set.
        teacher_names (list[str], optional): Classes of the teacher's.
        class_map (list | dict, optional): Teacher class of each student
            class, by index or name.

    Returns:
        ClassColumns | None: None when they agree one to one.

    Raises:
        ValueError: If they do not mean the same and nothing maps them.
    """
    check_class_count(student, student_names)
    if student.use_sigmoid != teacher.use_sigmoid:
        kind = {True: 'sigmoid', False: 'softmax'}
        raise WrongValue(
            f"the student's head is a {kind[student.use_sigmoid]} one, the "
            f"teacher's a {kind[teacher.use_sigmoid]} one; their logits "
            'cannot be compared, choose a teacher with the same kind of '
            'classification loss'
        )
    if not (student.classes_are_columns and teacher.classes_are_columns):
        if student.channels != teacher.channels:
            raise WrongValue(
                f'student rows have {student.channels} bins, teacher rows '
                f'{teacher.channels}; both heads need the same `reg_max`'
            )
    if not student.by_class and class_map is None:
        return None
    if class_map is not None:
        return _mapped(
            class_map, student, teacher, student_names, teacher_names
        )
    if student.num_classes != teacher.num_classes:
        raise WrongValue(
            f'teacher has {teacher.num_classes} classes, '
            f'student {student.num_classes}; {_REMEDY}'
        )
    if student.channels != teacher.channels:
        raise WrongValue(
            f'teacher rows have {teacher.channels} logits, student rows '
            f'{student.channels}, for {student.num_classes} classes in both; '
            'one head has a background class and the other has none'
        )
    if _known(student_names, student) and _known(teacher_names, teacher):
        ours, theirs = list(student_names), list(teacher_names)
        if ours != theirs:
            raise WrongValue(_name_difference(ours, theirs))
    return None


def names_in(metainfo: Any) -> Optional[Tuple[str, ...]]:
    """Class names in the ``metainfo`` of a dataset; None if it has none.

    A string is one name. Datasets of MMDetection that were concatenated with
    other ``metainfo`` give a list of it, of which the longest counts.
    """
    known = metainfo if isinstance(metainfo, (list, tuple)) else [metainfo]
    found = []
    for one in known:
        one = one if isinstance(one, Mapping) else {}
        names = one.get('classes', one.get('CLASSES'))
        if names:
            found.append((names,) if isinstance(names, str) else tuple(names))
    return max(found, key=len) if found else None


def metainfo_of(dataset: Mapping) -> Mapping:
    """``metainfo`` of a dataset's config; {} if it has none.

    Raises:
        TypeError: If it is no dict, such as a list of names.
    """
    metainfo = dataset.get('metainfo')
    if metainfo is None:
        return {}
    if not hasattr(metainfo, 'get'):
        raise WrongType(
            f'`metainfo` of {type_name(dataset.get("type"))} is {metainfo!r}; '
            "expected a dict, such as metainfo=dict(classes=('cat', 'dog'))"
        )
    return metainfo


def as_names(names: Any) -> Optional[Tuple[str, ...]]:
    """Class names however they are written; a string is one name."""
    if names is None:
        return None
    if isinstance(names, str):
        if os.path.isfile(names):
            with open(names) as lines:
                return tuple(line.rstrip('\n\r') for line in lines)
        return (names,)
    return tuple(str(name) for name in names)


def what_was_compared(
    count: int, data_names: Names, teacher_names: Names, mapped: bool
) -> str:
    """Line for the report: whose classes were compared, and how.

    Args:
        count (int): Classes of the student's head.
        data_names (list[str], optional): Classes of the training set.
        teacher_names (list[str], optional): Classes of the teacher's.
        mapped (bool): Whether ``class_map`` joins teacher and student.
    """
    how = 'by `class_map`' if mapped else f'{count} each'
    if not mapped and teacher_names and len(teacher_names) != count:
        return (
            f'classes: student and teacher have {how}; names and their order '
            f'could not be compared, as the teacher names {len(teacher_names)}'
        )
    if data_names and teacher_names:
        return (
            f'classes: data, student and teacher have {how}; the names of '
            'data and teacher were compared, a student has none of its own'
        )
    unknown = [
        whose
        for whose, names in (
            ('the data', data_names),
            ('the teacher (checkpoint and config)', teacher_names),
        )
        if not names
    ]
    return (
        f'classes: student and teacher have {how}; names and their order '
        f'could not be compared, as {" and ".join(unknown)} '
        f'name{"s" if len(unknown) == 1 else ""} no classes'
    )


def _known(names: Names, facts: HeadFacts) -> bool:
    """Whether there is a name for each class of a head."""
    return names is not None and len(names) == facts.num_classes


def _name_difference(ours: List[str], theirs: List[str]) -> str:
    if sorted(ours) == sorted(theirs):
        index = next(i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b)
        return (
            'teacher and student have the same classes in another order: '
            f'class {index} is {ours[index]!r} for the student and '
            f'{theirs[index]!r} for the teacher; give the dataset '
            '`metainfo=dict(classes=...)` in the order of the teacher, '
            'or pass `class_map`'
        )
    strangers = [name for name in ours if name not in theirs]
    return (
        f'teacher and student have different classes: {strangers[:4]} of '
        f'the training set are unknown to the teacher, which knows '
        f'{theirs[:4]}...; {_REMEDY}'
    )


def _mapped(
    class_map: ClassMap,
    student: HeadFacts,
    teacher: HeadFacts,
    student_names: Names,
    teacher_names: Names,
) -> ClassColumns:
    if isinstance(class_map, dict):
        pairs = {
            _index(ours, student, student_names, 'student'): _index(
                theirs, teacher, teacher_names, 'teacher'
            )
            for ours, theirs in class_map.items()
        }
        missing = [i for i in range(student.num_classes) if i not in pairs]
        if missing:
            raise WrongValue(
                f'class_map leaves out student classes {missing[:5]}; it '
                'needs a teacher class for each of the '
                f'{student.num_classes}'
            )
        columns = [pairs[i] for i in range(student.num_classes)]
    else:
        columns = [
            _index(c, teacher, teacher_names, 'teacher') for c in class_map
        ]
        if len(columns) != student.num_classes:
            raise WrongValue(
                f'class_map has {len(columns)} entries, the student '
                f'{student.num_classes} classes; one entry each is needed'
            )
    if student.classes_are_columns:
        ours = student.channels - student.num_classes
        theirs = teacher.channels - teacher.num_classes
        if ours != theirs:
            raise WrongValue(
                'only one of teacher and student has a background '
                'class; `class_map` cannot change that'
            )
        if ours < 0:
            raise WrongValue(
                f'class_map needs a column for each class, but this head has '
                f'{student.channels} for {student.num_classes} classes; '
                'remove it, or give both heads `out_channels=2`'
            )
    return ClassColumns(columns, teacher.num_classes)


def _index(
    which: Union[int, str], facts: HeadFacts, names: Names, whose: str
) -> int:
    if isinstance(which, str):
        if not _known(names, facts):
            raise WrongValue(
                f'class_map names {which!r}, but the class names of the '
                f'{whose} are not known here; use class indices'
            )
        if which not in names:
            raise WrongValue(
                f'class_map names {which!r}, which is not a class of the '
                f'{whose}; {did_you_mean(which, names)}'.rstrip('; ')
            )
        return list(names).index(which)
    if not 0 <= which < facts.num_classes:
        raise WrongValue(
            f'class_map has index {which} for the {whose}, '
            f'expected 0 to {facts.num_classes - 1}'
        )
    return which
