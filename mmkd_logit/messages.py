"""What someone may have meant by a name that is not known."""

from difflib import get_close_matches
from typing import Iterable


def did_you_mean(
    name: str, known: Iterable[str], scope: str = '', cutoff: float = 0.6
) -> str:
    """A question with the nearest known name, or nothing.

    Args:
        name (str): As it was written, with or without a scope.
        known (iterable[str]): What it could have been, without one.
        scope (str): Put before the answer. Defaults to ''.
        cutoff (float): Least likeness, from 0 to 1. Defaults to 0.6.
    """
    near = get_close_matches(
        name.rpartition('.')[2] if scope else name, sorted(known), 1, cutoff
    )
    scope = f'{scope}.' if scope else ''
    return f"did you mean '{scope}{near[0]}'?" if near else ''
