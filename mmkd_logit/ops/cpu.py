"""The hot path of the losses on a CPU, in C: see ``cpu.c``.

``pip install`` builds it where it finds a C compiler. Where there is none,
and for rows that it does not serve, the functions here return None and the
PyTorch code of ``chunked.py`` and ``top_classes.py`` takes their place.
"""

import ctypes
import warnings
import zlib
from ctypes import c_float, c_int64, c_void_p
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Optional, Tuple

import torch
from torch import Tensor

from .chunked import Spec, lies_by_class

#: What the C code writes, whatever torch's defaults are.
NEW = dict(dtype=torch.float32, device='cpu')
#: Not part of a wheel.
SOURCE = Path(__file__).with_name('cpu.c')
#: As there.
MAX_K = 15
#: Fewest logits that are worth a thread; they take some 40 microseconds.
SHARE = 1 << 15


class _Question(ctypes.Structure):
    """``Question`` of cpu.c."""

    _fields_ = [
        ('student', c_void_p),
        ('teacher', c_void_p),
        ('top', c_void_p),
        ('weights', c_void_p * 3),
        ('rows', c_void_p),
        ('parts', c_void_p),
        ('grad', c_void_p),
        ('by_class', c_int64),
        ('count', c_int64),
        ('classes', c_int64),
        ('k', c_int64),
        ('lead', c_int64),
        ('cross_entropy', c_int64),
        ('student_step', c_int64),
        ('teacher_step', c_int64),
        ('grad_step', c_int64),
        ('top_steps', c_int64 * 2),
        ('weight_steps', c_int64 * 3),
        ('room', c_void_p),
        ('tau', c_float),
    ]


class _Ranking(ctypes.Structure):
    """``Ranking`` of cpu.c."""

    _fields_ = [
        ('logits', c_void_p),
        ('top', c_void_p),
        ('steps', c_int64 * 4),
        ('count', c_int64),
        ('classes', c_int64),
        ('k', c_int64),
        ('sign', c_float),
    ]


class _Pairs(ctypes.Structure):
    """``Pairs`` of cpu.c."""

    _fields_ = [
        ('student', c_void_p),
        ('teacher', c_void_p),
        ('weights', c_void_p),
        ('rows', c_void_p),
        ('grad', c_void_p),
        ('count', c_int64),
        ('k', c_int64),
    ]


@lru_cache(maxsize=1)
def library() -> Optional[ctypes.CDLL]:
    """The compiled functions; None where they were not built."""
    found = find_spec('mmkd_logit.ops._cpu')
    if found is None:
        return None
    try:
        kernel = ctypes.CDLL(found.origin)
        kernel.checksum.restype = c_int64
        fits = not SOURCE.is_file() or (
            kernel.checksum() == zlib.crc32(SOURCE.read_bytes())
        )
    except (OSError, AttributeError):
        fits = False
    if not fits:
        warnings.warn(
            f'{found.origin} was not built from {SOURCE.name} as it is now '
            'and is left alone; the losses are slower without it. Build it '
            'again: pip install --no-deps -e .',
            stacklevel=2,
        )
        return None
    kernel.room_for.restype = c_int64
    kernel.room_for.argtypes = [c_int64] * 2
    for function in (kernel.group_kl, kernel.largest_classes, kernel.pair_kl):
        function.restype = c_int64
        function.argtypes = [c_void_p, c_int64, c_void_p]
    # of the OpenMP library that torch has loaded
    parallel = getattr(ctypes.CDLL(None), 'GOMP_parallel', None)
    kernel.parallel = parallel and ctypes.cast(parallel, c_void_p)
    return kernel


def _shares(logits: int) -> int:
    """Into how many shares a job is cut, one per thread."""
    return max(min(torch.get_num_threads(), logits // SHARE), 1)


def _needs_another_way(function: Any, ask: Any, shares: int) -> bool:
    """Call the C code; whether it left rows undone."""
    return function(ctypes.addressof(ask), shares, library().parallel) != 0


def one_pass(
    student: Tensor,
    teacher: Tensor,
    top: Optional[Tensor],
    spec: Spec,
    need_grad: bool,
) -> Optional[Tuple[Tensor, Tensor, Optional[Tensor]]]:
    """As :func:`mmkd_logit.ops.chunked.one_pass`.

    None for anything but float32 and ``kl_type='forward'``, for logits that
    lie neither row by row nor class by class, and if a row leaves the range
    of float32.
    """
    kernel = library()
    if kernel is None or not _served(student, teacher, top, spec):
        return None
    count, classes = student.shape
    by_class = lies_by_class(student)
    outer = 1 if by_class else 0
    out = torch.empty(4, count, **NEW)
    rows, parts = out[0], out[1:]
    grad = torch.empty_like(student) if need_grad else None
    k, top_steps = 0, (0, 0)
    if top is not None:
        k, top_steps = top.shape[1], top.stride()
    given = (spec.w_high, spec.w_top, spec.w_rest)
    weights = [
        w.to(**NEW).contiguous() if isinstance(w, Tensor) else c_float(w)
        for w in given
    ]
    shares = _shares(student.numel())
    room = torch.empty(shares * kernel.room_for(classes, k), **NEW)
    ask = _Question(
        student.data_ptr(),
        teacher.data_ptr(),
        top.data_ptr() if k else None,
        tuple(
            w.data_ptr() if isinstance(w, Tensor) else ctypes.addressof(w)
            for w in weights
        ),
        rows.data_ptr(),
        parts.data_ptr(),
        None if grad is None else grad.data_ptr(),
        by_class,
        count,
        classes,
        k,
        spec.lead if k > spec.lead else 0,
        spec.cross_entropy,
        student.stride(outer),
        teacher.stride(outer),
        0 if grad is None else grad.stride(outer),
        top_steps,
        tuple(int(isinstance(w, Tensor)) for w in given),
        room.data_ptr(),
        spec.tau,
    )
    if _needs_another_way(kernel.group_kl, ask, shares):
        return None
    return rows, parts, grad


def _served(
    student: Tensor, teacher: Tensor, top: Optional[Tensor], spec: Spec
) -> bool:
    """Whether the C code may read these; it looks at nothing itself."""
    if student.shape != teacher.shape or student.numel() == 0:
        return False
    inner = 0 if lies_by_class(student) else 1
    for logits in (student, teacher):
        if (
            logits.dtype != torch.float32
            or logits.device.type != 'cpu'
            or logits.stride(inner) != 1
        ):
            return False
    count = student.shape[:1]
    for weight in (spec.w_high, spec.w_top, spec.w_rest):
        if isinstance(weight, Tensor) and weight.shape != count:
            return False
    if top is not None and (
        top.dtype != torch.int64
        or top.device.type != 'cpu'
        or top.shape[:1] != count
        or (spec.cross_entropy and top.shape[1] > 1)
    ):
        return False
    return spec.kl_type == 'forward'


def top_classes(logits: Tensor, k: int, largest: bool) -> Optional[Tensor]:
    """As :func:`.top_classes.top_classes`, None if not served."""
    kernel = library()
    count, classes = logits.shape
    if (
        kernel is None
        or logits.dtype != torch.float32
        or logits.device.type != 'cpu'
        or not 0 < k <= min(classes, MAX_K)
    ):
        return None
    top = torch.empty(count, k, dtype=torch.long, device='cpu')
    ask = _Ranking(
        logits.data_ptr(),
        top.data_ptr(),
        (*logits.stride(), *top.stride()),
        count,
        classes,
        k,
        1.0 if largest else -1.0,
    )
    shares = _shares(logits.numel())
    if _needs_another_way(kernel.largest_classes, ask, shares):
        rows = (top[:, 0] < 0).nonzero().squeeze(1)
        top[rows] = logits[rows].topk(k, 1, largest)[1]
    return top


def pair_kl(
    student: Tensor, teacher: Tensor, weights: Tensor
) -> Optional[Tuple[Tensor, Tensor]]:
    """Weighted KL of the pairs of each row's logits, and its gradient.

    Args:
        student (Tensor): Logits over tau, shape (M, k).
        teacher (Tensor): Logits over tau, shape (M, k).
        weights (Tensor): Of the pairs i < j, shape (k, k).

    Returns:
        tuple[Tensor, Tensor] or None: Shapes (M,) and (M, k); None for
        anything but float32, and if logits of a row lie very far apart.
    """
    kernel = library()
    count, k = student.shape
    if (
        kernel is None
        or not student.dtype == teacher.dtype == torch.float32
        or not student.device.type == teacher.device.type == 'cpu'
        or student.shape != teacher.shape
        or weights.shape != (k, k)
        or k > MAX_K
    ):
        return None
    student, teacher = student.contiguous(), teacher.contiguous()
    weights = weights.to(**NEW).contiguous()
    rows, grad = torch.empty(count, **NEW), torch.empty_like(student)
    ask = _Pairs(
        *(x.data_ptr() for x in (student, teacher, weights, rows, grad)),
        count,
        k,
    )
    # a pair costs about as much as a logit
    if _needs_another_way(kernel.pair_kl, ask, _shares(count * k * k // 2)):
        return None
    return rows, grad
