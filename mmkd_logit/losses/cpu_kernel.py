"""The hot path of the losses on a CPU, in C: see ``cpu_kernel.c``.

``pip install`` builds it where it finds a C compiler. Where there is none,
and for rows that it does not serve, the functions here return None and the
PyTorch code of ``onepass.py`` and ``top.py`` takes their place.
"""

import ctypes
import warnings
from ctypes import POINTER, c_float, c_int64, c_void_p
from functools import lru_cache
from importlib.util import find_spec
from threading import Thread
from typing import Callable, Optional, Tuple

import torch
from torch import Tensor

from .onepass import Spec

#: As in cpu_kernel.c.
VERSION, LANES, MAX_K = 1, 64, 15
#: Fewest logits that are worth a thread; one takes about half a millisecond.
SHARE = 1 << 19


class _Question(ctypes.Structure):
    """``Question`` of cpu_kernel.c."""

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
        ('tau', c_float),
    ]


@lru_cache(maxsize=1)
def library() -> Optional[ctypes.CDLL]:
    """The compiled functions; None where they were not built."""
    found = find_spec('mmkd_logit.losses._cpu_kernel')
    if found is None:
        return None
    kernel = ctypes.CDLL(found.origin)
    kernel.version.restype = c_int64
    if kernel.version() != VERSION:
        warnings.warn(
            f'{found.origin} was built from other sources and is left alone; '
            'the losses are slower without it. Build it again: '
            'pip install --no-deps -e .',
            stacklevel=2,
        )
        return None
    kernel.work_size.restype = c_int64
    kernel.work_size.argtypes = [c_int64] * 2
    kernel.group_kl.restype = c_int64
    kernel.group_kl.argtypes = [c_void_p, c_void_p, c_int64, c_int64]
    kernel.largest_classes.restype = c_int64
    kernel.largest_classes.argtypes = (
        [c_void_p, c_void_p, POINTER(c_int64)]
        + [c_int64, c_int64, c_float]
        + [c_int64] * 2
    )
    return kernel


def one_pass(
    student: Tensor,
    teacher: Tensor,
    top: Optional[Tensor],
    spec: Spec,
    need_grad: bool,
) -> Optional[Tuple[Tensor, Tensor, Optional[Tensor]]]:
    """As :func:`mmkd_logit.losses.onepass.one_pass`.

    None for anything but float32 and ``kl_type='forward'``, for logits that
    lie neither row by row nor class by class, and if a row leaves the range
    of float32.
    """
    kernel = library()
    by_class = student.stride(0) == 1 and student.stride(1) > 1
    inner, outer = (0, 1) if by_class else (1, 0)
    if (
        kernel is None
        or not student.dtype == teacher.dtype == torch.float32
        or not student.stride(inner) == teacher.stride(inner) == 1
        or spec.kl_type != 'forward'
        or student.numel() == 0
    ):
        return None
    count, classes = student.shape
    out = torch.empty(4, count)
    rows, parts = out[0], out[1:]
    grad = torch.empty_like(student) if need_grad else None
    k, top_steps = 0, (0, 0)
    if top is not None:
        k, top_steps = top.shape[1], top.stride()
    given = (spec.w_high, spec.w_top, spec.w_rest)
    weights = [
        w.float().contiguous() if isinstance(w, Tensor) else c_float(w)
        for w in given
    ]
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
        spec.tau,
    )
    size = kernel.work_size(classes, k)
    address = ctypes.addressof(ask)

    def work_on(begin: int, end: int) -> int:
        work = torch.empty(size)
        return kernel.group_kl(address, work.data_ptr(), begin, end)

    if _in_threads(work_on, count, classes):
        return None
    return rows, parts, grad


def top_classes(logits: Tensor, k: int, largest: bool) -> Optional[Tensor]:
    """As :func:`mmkd_logit.losses.top.top_classes`, None if not served."""
    kernel = library()
    count, classes = logits.shape
    if (
        kernel is None
        or logits.dtype != torch.float32
        or not 0 < k <= min(classes, MAX_K)
    ):
        return None
    top = torch.empty(count, k, dtype=torch.long)
    steps = (c_int64 * 4)(*logits.stride(), *top.stride())
    sign = 1.0 if largest else -1.0

    def work_on(begin: int, end: int) -> int:
        return kernel.largest_classes(
            logits.data_ptr(),
            top.data_ptr(),
            steps,
            classes,
            k,
            sign,
            begin,
            end,
        )

    if _in_threads(work_on, count, classes):
        rows = (top[:, 0] < 0).nonzero().squeeze(1)
        top[rows] = logits[rows].topk(k, 1, largest)[1]
    return top


def _in_threads(
    work_on: Callable[[int, int], int], count: int, classes: int
) -> int:
    """Sum of ``work_on(begin, end)`` over shares of the rows."""
    shares = max(min(torch.get_num_threads(), count * classes // SHARE), 1)
    tiles = -(-count // LANES)
    bounds = [tiles * i // shares * LANES for i in range(shares)] + [count]
    found = []
    others = [
        Thread(target=lambda *share: found.append(work_on(*share)), args=share)
        for share in zip(bounds[1:-1], bounds[2:])
    ]
    for thread in others:
        thread.start()
    found.append(work_on(0, bounds[1]))
    for thread in others:
        thread.join()
    return sum(found)
