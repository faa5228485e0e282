"""Words for the report of what is trained."""

from typing import TYPE_CHECKING, List, Optional, Sequence

from torch import nn

from .match_classes import what_was_compared
from .self_teacher import SelfTeacher
from .teacher import Teacher
from .teachers import labels_of
from .term import Term

if TYPE_CHECKING:
    from .logit_distiller import LogitDistiller


def report_lines(
    distiller: 'LogitDistiller', class_names: Optional[Sequence[str]]
) -> List[str]:
    """What will be trained, once the teachers are read.

    Args:
        distiller (LogitDistiller): The distiller.
        class_names (list[str], optional): Classes of the training set.
    """
    student = distiller.student
    count = sum(p.numel() for p in student.parameters())
    lines = [
        f'student: {type(student).__name__}, {count / 1e6:.2f} M '
        f'parameters, init: {describe_init(student)}'
    ]
    classes = next(iter(distiller.terms.values())).facts.num_classes
    labels = labels_of(distiller.teachers)
    for label, teacher in zip(labels, distiller.teachers):
        if isinstance(teacher, SelfTeacher):
            settings = ', '.join(
                f'{key}={value}'
                for key, value in teacher.config.items()
                if key not in ('type', '_scope_')
            )
            lines.append(
                f'{label}: the average of this student, {teacher.source}'
                f'({settings})'
            )
            continue
        about = [
            teacher.input_map(student).describe(),
            what_was_compared(
                classes,
                class_names,
                teacher.classes,
                teacher.class_map is not None,
            ),
        ]
        lines.append(f'{label}: {describe_teacher(teacher)}')
        if len(labels) > 1:
            about = [f'{label}: {line}' for line in about]
        lines += about
    for name, term in distiller.terms.items():
        lines.append(
            f'{name}: {type(term.reader).__name__} -> '
            f'{type(term.loss).__name__}, '
            f'{describe_rows(term)}, loss_weight '
            f'{term.loss.loss_weight:g}' + _describe_teachers(term, distiller)
        )
    return lines


def describe_teacher(teacher: Teacher) -> str:
    """Network, size and files of a teacher."""
    return (
        f'{type(teacher.model).__name__}, '
        f'{teacher.num_parameters / 1e6:.2f} M parameters, '
        f'{teacher.source}, weights {teacher.path} (sha256 {teacher.sha256})'
    )


def _describe_teachers(term: Term, distiller: 'LogitDistiller') -> str:
    """Which of several teachers a term compares with."""
    if len(distiller.teachers) == 1:
        return ''
    if len(term.teachers) == 1:
        return f', with teacher {term.teachers[0]}'
    return (
        f', with the mean of the {distiller.teacher_mean} of teachers '
        f'{", ".join(map(str, term.teachers))}'
    )


def describe_rows(term: Term) -> str:
    """What the loss of a term compares, and what the head gave."""
    kind = 'sigmoid' if term.facts.use_sigmoid else 'softmax'
    rows = f'{kind} rows of {term.facts.channels}'
    if term.view == 'categorical':
        rows += (
            f' (categorical view of {term.facts.channels - 1} sigmoid classes)'
        )
    return rows


def describe_init(model: nn.Module) -> str:
    """What the student's config says about its first weights."""
    for part in (model, getattr(model, 'backbone', None)):
        init = getattr(part, 'init_cfg', None)
        for one in init if isinstance(init, list) else [init or {}]:
            if one.get('type') == 'Pretrained':
                return (
                    f'{one.get("checkpoint")}'
                    f'{" (backbone)" if part is not model else ""}'
                )
    return 'random'
