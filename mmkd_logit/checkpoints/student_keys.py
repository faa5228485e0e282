"""Plain student keys in state dicts, whatever wrapped the student."""

from typing import Dict

from torch import Tensor

from ..messages import WrongValue

_MMRAZOR = ('architecture.', 'teacher.', 'distiller.')


def student_keys(state: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """Plain student keys of a state dict, old MMRazor ones included.

    MMRazor keeps the student under ``architecture.`` (1.x) or
    ``architecture.model.`` (0.x), the teacher beside it under ``teacher.``
    (1.x) or ``distiller.teacher.`` (0.x), and connectors in ``distiller.``.

    Args:
        state (dict[str, Tensor]): Weights of a plain model or of an MMRazor
            algorithm.

    Raises:
        ValueError: If it holds a teacher and no student.
    """
    if any(key.startswith(_MMRAZOR) for key in state):
        student = _below('architecture.', state)
        if not student:
            raise WrongValue(
                'the checkpoint has no student: expected keys that start '
                f'with architecture., got {", ".join(list(state)[:4])}'
            )
        # In 1.x the student's own keys may begin with `model.` too.
        old = not any(key.startswith('teacher.') for key in state)
        if old and all(key.startswith('model.') for key in student):
            student = _below('model.', student)
        state = student
    return {
        key: value
        for key, value in state.items()
        if not key.startswith('data_preprocessor.')
    }


def _below(prefix: str, state: Dict[str, Tensor]) -> Dict[str, Tensor]:
    return {
        key[len(prefix) :]: value
        for key, value in state.items()
        if key.startswith(prefix)
    }
