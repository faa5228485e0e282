"""A fast backend of the grouped KL is compared with the plain form once.

A kernel that was compiled for a GPU which nobody tried may fail, and it may
also run and compute something else. So the first question of each kind is
answered twice, on a few of its rows. Where the answers differ a warning says
so, and questions of that kind go to the next backend from then on.
"""

import warnings
from typing import TYPE_CHECKING, Dict, Optional, Tuple

import torch
from torch import Tensor

from .dispatch import Answer, Backend
from .group_kl_plain import group_kl_plain

if TYPE_CHECKING:
    from .group_kl import GroupQuestion

#: Fewest rows of the comparison, and logits if rows are short: as many as a
#: kernel may take at once, so that the compared code is that of many rows.
ROWS, LOGITS = 16, 1024
#: Largest difference, in units of the largest value.
NEAR = {torch.float32: 1e-3, torch.float16: 1e-2, torch.bfloat16: 3e-2}


class FirstUse:
    """A backend that is trusted after it has agreed with the plain form.

    Args:
        backend (Callable): Serves what :data:`NEAR` has a type for.
        name (str): What the warning calls it.
    """

    def __init__(self, backend: Backend, name: str) -> None:
        self.backend = backend
        self.name = name
        self.trusted: Dict[tuple, bool] = {}

    def __call__(
        self, question: 'GroupQuestion', need_grad: bool
    ) -> Optional[Answer]:
        """The backend's answer; None if it is not trusted."""
        if question.student.dtype not in NEAR:
            return None
        kind = _kind(question, need_grad)
        trusted = self.trusted.get(kind)
        if trusted is None:
            if not question.student.numel():
                return self.backend(question, need_grad)
            trusted = self.trusted[kind] = self._try(question, need_grad)
        return self.backend(question, need_grad) if trusted else None

    def _try(self, question: 'GroupQuestion', need_grad: bool) -> bool:
        """Compare a few rows; this waits for the GPU."""
        sample = _some_rows(question)
        try:
            answer = self.backend(sample, need_grad)
            if answer is None:
                return False
            found = _opened(answer, need_grad)
        except torch.cuda.OutOfMemoryError:
            raise
        except Exception as error:  # no C compiler, an unknown GPU, ...
            self._warn(f'does not work here: {error}')
            return False
        wanted = _plain(sample, need_grad)
        near = NEAR[question.student.dtype]
        # Rounding grows with the logits, and cancels in none of the forms.
        size = max(_largest(sample.student), _largest(sample.teacher))
        noise = 1e-5 * (1 + size) * max(question.tau, 1) * _weight(sample)
        if all(map(lambda *ab: _close(*ab, near, noise), found, wanted)):
            return True
        self._warn(
            'gives other numbers than the plain form on this device '
            f'({question.student.shape[1]} classes of '
            f'{question.student.dtype})'
        )
        return False

    def _warn(self, why: str) -> None:
        warnings.warn(
            f'{self.name} {why}; slower PyTorch code takes its place',
            stacklevel=2,
        )


def _kind(question: 'GroupQuestion', need_grad: bool) -> Tuple:
    """What decides which code is compiled."""
    student, top = question.student, question.top
    weights = (question.w_high, question.w_top, question.w_rest)
    return (
        student.dtype,
        student.device,
        (student.shape[1] - 1).bit_length(),  # kernels pad to 2**n
        student.stride(1) == 1,
        question.teacher.dtype,
        question.teacher.stride(1) == 1,
        0 if top is None else top.shape[1],
        question.lead,
        question.kl_type,
        question.cross_entropy,
        tuple(isinstance(weight, Tensor) for weight in weights),
        need_grad,
    )


def _some_rows(question: 'GroupQuestion') -> 'GroupQuestion':
    """The same question to some of its rows."""
    count, classes = question.student.shape
    step = -(-count // max(ROWS, LOGITS // classes))

    def some(value: object) -> object:
        # A step, not an index, keeps the layout in memory.
        return value[::step] if isinstance(value, Tensor) else value

    return question._replace(
        student=some(question.student.detach()),
        teacher=some(question.teacher),
        top=some(question.top),
        w_high=some(question.w_high),
        w_top=some(question.w_top),
        w_rest=some(question.w_rest),
    )


def _opened(answer: Answer, need_grad: bool) -> Tuple[Tensor, ...]:
    """Rows, parts and the gradient of the sum of the rows."""
    rows, parts, pullback = answer
    if not need_grad:
        return rows, parts
    return rows, parts, pullback(torch.ones_like(rows), True)


def _plain(question: 'GroupQuestion', need_grad: bool) -> Tuple[Tensor, ...]:
    with torch.enable_grad():
        leaf = question.student.float().requires_grad_(need_grad)
        rows, parts = group_kl_plain(question._replace(student=leaf))
        if not need_grad:
            return rows, parts
        return rows, parts, torch.autograd.grad(rows.sum(), leaf)[0]


def _close(found: Tensor, wanted: Tensor, near: float, noise: float) -> bool:
    """Whether two tensors are the same but for rounding.

    What is not finite in both, and the same there, counts as the same.
    """
    found, wanted = found.float(), wanted.float()
    same = (found == wanted) | (found.isnan() & wanted.isnan())
    gap = (found - wanted).abs().masked_fill(same, 0.0)
    allowed = near * _largest(wanted) + noise
    return bool((gap <= allowed).all())


def _largest(values: Tensor) -> float:
    """Largest finite absolute value, 0 without one."""
    values = values.detach().float()
    finite = values.abs().masked_fill(~values.isfinite(), 0.0)
    return float(finite.amax()) if finite.numel() else 0.0


def _weight(question: 'GroupQuestion') -> float:
    """The largest weight of a part."""
    weights = (question.w_high, question.w_top, question.w_rest)
    return max(
        _largest(w) if isinstance(w, Tensor) else abs(w) for w in weights
    )
