"""Names and numbers of a step in the log."""

from typing import Dict, Tuple

from torch import Tensor

#: What MMEngine adds up to the total loss: every entry with this in its name.
_ADDED = 'loss'
#: The total, and the only loss of a classifier of MMPretrain.
_TOTAL = 'loss'
STUDENTS_OWN = 'loss_student'


def part_prefix(term: str) -> str:
    """First half of the logged names of a term's parts: ``kd/tckd``.

    MMEngine adds up and averages whatever has "loss" in its name, which is
    right for a term and wrong for its parts.

    Args:
        term (str): Such as ``'loss_kd'`` or ``'s0.loss_kd_box'``.
    """
    stage, dot, name = term.rpartition('.')
    return stage + dot + (name.replace(_ADDED, '').strip('_') or 'kd')


def split_parts(
    losses: Dict[str, Tensor],
) -> Tuple[Dict[str, Tensor], Dict[str, Tensor]]:
    """Separate the losses from the parts that are only logged.

    A loss of the student that has MMEngine's name for the total gets another
    one, so that the log shows both.
    """
    parts = {name: value for name, value in losses.items() if '/' in name}
    rest = {
        STUDENTS_OWN if name == _TOTAL else name: value
        for name, value in losses.items()
        if name not in parts
    }
    return rest, parts
