"""Mistakes of a user: how they are marked, and what may have been meant.

A tool shows an exception that carries :class:`UserMistake` as one sentence;
every other exception is a bug, of this package or of another, and keeps its
traceback.
"""

from difflib import get_close_matches
from typing import Iterable


def did_you_mean(
    name: str, known: Iterable[str], scope: str = '', cutoff: float = 0.6
) -> str:
    """A question with the nearest known name, or nothing.

    Args:
        name (str): The name as it was written, with or without a scope.
        known (iterable[str]): The known names, without a scope.
        scope (str): Scope that the answer names. Defaults to ''.
        cutoff (float): Least similarity, from 0 to 1. Defaults to 0.6.
    """
    near = get_close_matches(
        name.rpartition('.')[2] if scope else name, sorted(known), 1, cutoff
    )
    scope = f'{scope}.' if scope else ''
    return f"did you mean '{scope}{near[0]}'?" if near else ''


class UserMistake(Exception):
    """Marks an exception whose message tells a user what to change."""


class WrongValue(UserMistake, ValueError):
    """A setting, file or shape that cannot be used."""


class WrongType(UserMistake, TypeError):
    """A setting of another type than expected."""


class MissingFile(UserMistake, FileNotFoundError):
    """A file or folder that is not there."""


class NoConnection(UserMistake, ConnectionError):
    """A file that cannot be downloaded."""


class MissingPart(UserMistake, ImportError):
    """A package that is missing, broken or at odds with another."""


class StoppedRun(UserMistake, RuntimeError):
    """A training that was stopped before it lost or wasted anything."""


class OtherVersion(UserMistake, AttributeError):
    """A toolbox that lacks a call which the tested versions have."""
