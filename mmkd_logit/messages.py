"""Mistakes of a user: how they are marked, and what may have been meant.

A tool shows an exception that carries :class:`UserMistake` as one sentence;
every other exception is a bug, of this package or of another, and keeps its
traceback.
"""

import os
from difflib import get_close_matches
from itertools import islice
from typing import Iterable

#: Entries of a folder among which a near name is looked for.
_ENTRIES = 5000


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


def near_path(path: str, root: str = '') -> str:
    """A question with the nearest path that is there, or nothing.

    Each part of the path that is not there is replaced by the entry of its
    folder whose name is nearest.

    Args:
        path (str): A file or folder, as it was written.
        root (str): Folder that it is looked for in, if it is no whole path.
            Defaults to '', where this process runs.

    Returns:
        str: To be put behind a sentence: ``'; did you mean ...?'`` or ''.
    """
    written = os.path.expanduser(os.path.normpath(path))
    found = ''
    for part in written.split(os.sep):
        here = os.path.join(root, found)
        step = os.path.join(found, part or os.sep)
        if not os.path.exists(os.path.join(root, step)):
            near = get_close_matches(part, _entries(here), 1, 0.8)
            if not near:
                return ''
            step = os.path.join(found, near[0])
        found = step
    whole = os.path.join(root, found)
    looks_like_file = bool(os.path.splitext(path)[1])
    if found == written or looks_like_file != os.path.isfile(whole):
        return ''
    return f'; did you mean {found!r}?'


def _entries(folder: str) -> list:
    try:
        with os.scandir(folder or '.') as entries:
            return [entry.name for entry in islice(entries, _ENTRIES)]
    except OSError:
        return []


class UserMistake(Exception):
    """Marks an exception whose message tells a user what to change."""


class WrongValue(UserMistake, ValueError):
    """A setting, file or shape that cannot be used."""


class WrongType(UserMistake, TypeError):
    """A setting of another type than expected."""


class MissingFile(UserMistake, FileNotFoundError):
    """A file or folder that is not there."""


class NotWritable(UserMistake, OSError):
    """A file or folder that cannot be written."""


class NoConnection(UserMistake, ConnectionError):
    """A file that cannot be downloaded."""


class MissingPart(UserMistake, ImportError):
    """A package that is missing, broken or at odds with another."""


class StoppedRun(UserMistake, RuntimeError):
    """A training that was stopped before it lost or wasted anything."""


class OtherVersion(UserMistake, AttributeError):
    """A toolbox that lacks a call which the tested versions have."""
