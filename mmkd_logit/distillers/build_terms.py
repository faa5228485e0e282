"""Build the terms that ``distill`` of a config names."""

import copy
from logging import WARNING
from typing import Dict, Optional, Tuple

from mmengine.logging import print_log
from torch import nn

from ..heads.base import LogitReader
from ..heads.find import find_reader
from ..heads.upstream.foreign import check_foreign_heads
from ..losses.fit import notices
from ..messages import WrongValue
from .term import Term, build_parts, make_term


def build_terms(
    student: nn.Module, distill: Optional[Dict[str, dict]], teachers: int = 1
) -> Dict[str, Term]:
    """Build the readers and losses of all terms.

    Args:
        student (nn.Module): The model whose head is read.
        distill (dict[str, dict]): Name -> ``dict(loss=..., logits=...)``,
            with ``teacher``, the index of one teacher, if it compares with
            that one alone.
        teachers (int): Number of teachers. Defaults to 1.

    Raises:
        ValueError: If a reader or loss does not fit the student's head, or a
            teacher is named that is not there, or none names one.
    """
    if not distill:
        raise WrongValue(
            '`distill` is empty; expected at least one term such as '
            'distill=dict(loss_kd=dict(loss=dict(type='
            "'mmkd_logit.DKDLoss')))"
        )
    terms = {
        name: _build_term(student, name, cfg, teachers)
        for name, cfg in distill.items()
    }
    check_foreign_heads(student, *[term.reader for term in terms.values()])
    asked = {index for term in terms.values() for index in term.teachers}
    for index in range(teachers):
        if index not in asked:
            raise WrongValue(
                f'no term compares with teacher {index}; take it out of '
                f'`teacher`, or add a term with `teacher={index}`'
            )
    return terms


def _build_term(
    student: nn.Module, name: str, cfg: dict, teachers: int
) -> Term:
    reader, loss = build_parts(name, cfg)
    reader = reader or find_reader(student)
    asked = _teachers_of(name, cfg.get('teacher'), teachers)
    if len(asked) > 1:
        _check_rows_can_be_shared(name, reader)
    try:
        term = make_term(reader, loss, reader.facts(student))
    except ValueError as error:
        raise WrongValue(f'distill.{name}: {error}') from error
    for line in notices(loss, term.facts.channels):
        print_log(f'distill.{name}: {line}', 'current', WARNING)
    # A reader counts its steps and knows whether its teacher's classes are
    # mapped, so that each teacher has one of its own.
    others = tuple(copy.copy(reader) for _ in asked[1:])
    return term._replace(teachers=asked, other_readers=others)


def _teachers_of(
    name: str, asked: Optional[int], teachers: int
) -> Tuple[int, ...]:
    """Indices of the teachers that a term compares with."""
    if asked is None:
        return tuple(range(teachers))
    if isinstance(asked, bool) or not isinstance(asked, int):
        raise WrongValue(
            f'distill.{name}.teacher is {asked!r}; expected the index of one '
            'teacher, or nothing for the mean of all'
        )
    if not 0 <= asked < teachers:
        raise WrongValue(
            f'distill.{name}.teacher is {asked}, but the number of teachers '
            f'is {teachers}; expected 0'
            + (f' to {teachers - 1}' if teachers > 1 else '')
        )
    return (asked,)


def _check_rows_can_be_shared(name: str, reader: LogitReader) -> None:
    reason = reader.rows_by_teacher()
    if reason is not None:
        raise WrongValue(
            f'distill.{name}: {reason}, so there is no mean of several '
            'teachers for one row; write one term for each teacher, with '
            '`teacher=0`, `teacher=1` ... beside `loss`'
        )
