"""The hot path of the losses on a CPU, in C: see ``cpu.c``.

``pip install`` builds it where it finds a C compiler. Where there is none,
and for rows that it does not serve, the backends here return None and
PyTorch code takes their place.
"""

import ctypes
from ctypes import c_float
from typing import TYPE_CHECKING, Any, Optional

import torch
from torch import Tensor

from .chunked import lies_by_class
from .cpu_library import MAX_K, Pairs, Question, Ranking, library
from .dispatch import Answer, scaled_rows

if TYPE_CHECKING:
    from .group_kl import GroupQuestion
    from .pair_kl import PairQuestion
    from .top_classes import TopQuestion

#: Type and device of what the C code writes, whatever torch's defaults are.
NEW = dict(dtype=torch.float32, device='cpu')
#: Fewest logits that are worth a thread; they take some 40 microseconds.
WORTH_A_THREAD = 1 << 15


def _portions(logits: int) -> int:
    """Number of portions of a job, one per thread."""
    return max(min(torch.get_num_threads(), logits // WORTH_A_THREAD), 1)


def _rows_left(function: Any, job: ctypes.Structure, portions: int) -> bool:
    """Call the C code; return whether it left rows to another form."""
    address = ctypes.addressof(job)
    return function(address, portions, library().parallel) != 0


def group_kl(question: 'GroupQuestion', need_grad: bool) -> Optional[Answer]:
    """:func:`mmkd_logit.ops.group_kl.group_kl` in C.

    None for anything but float32 and ``kl_type='forward'``, for logits that
    lie neither row by row nor class by class, and if a row leaves the range
    of float32.
    """
    kernel = library()
    if kernel is None or not _served(question):
        return None
    student, teacher, top = question.student, question.teacher, question.top
    count, classes = student.shape
    by_class = lies_by_class(student)
    outer = 1 if by_class else 0
    out = torch.empty(4, count, **NEW)
    rows, parts = out[0], out[1:]
    grad = torch.empty_like(student) if need_grad else None
    k, top_steps = 0, (0, 0)
    if top is not None:
        k, top_steps = top.shape[1], top.stride()
    given = (question.w_high, question.w_top, question.w_rest)
    weights = [
        w.to(**NEW).contiguous() if isinstance(w, Tensor) else c_float(w)
        for w in given
    ]
    portions = _portions(student.numel())
    room = torch.empty(portions * kernel.room_for(classes, k), **NEW)
    job = Question(
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
        question.lead if k > question.lead else 0,
        question.cross_entropy,
        student.stride(outer),
        teacher.stride(outer),
        0 if grad is None else grad.stride(outer),
        top_steps,
        tuple(int(isinstance(w, Tensor)) for w in given),
        room.data_ptr(),
        question.tau,
    )
    if _rows_left(kernel.group_kl, job, portions):
        return None
    return Answer(rows, parts, None if grad is None else scaled_rows(grad))


def _served(question: 'GroupQuestion') -> bool:
    """Whether the C code can read these tensors; it does no checks."""
    student, teacher, top = question.student, question.teacher, question.top
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
    for weight in (question.w_high, question.w_top, question.w_rest):
        if isinstance(weight, Tensor) and weight.shape != count:
            return False
    if top is not None and (
        top.dtype != torch.int64
        or top.device.type != 'cpu'
        or top.shape[:1] != count
        or (question.cross_entropy and top.shape[1] > 1)
    ):
        return False
    return question.kl_type == 'forward'


def top_classes(question: 'TopQuestion', need_grad: bool) -> Optional[Answer]:
    """:func:`mmkd_logit.ops.top_classes.top_classes` in C.

    None for anything but float32 and for many classes. Rows with a NaN or
    with equal logits at the border follow ``torch.topk``.
    """
    logits, k, largest = question
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
    job = Ranking(
        logits.data_ptr(),
        top.data_ptr(),
        (*logits.stride(), *top.stride()),
        count,
        classes,
        k,
        1.0 if largest else -1.0,
    )
    if _rows_left(kernel.largest_classes, job, _portions(logits.numel())):
        rows = (top[:, 0] < 0).nonzero().squeeze(1)
        top[rows] = logits[rows].topk(k, 1, largest)[1]
    return Answer(top)


def pair_kl(question: 'PairQuestion', need_grad: bool) -> Optional[Answer]:
    """:func:`mmkd_logit.ops.pair_kl.pair_kl` in C.

    None for anything but float32, and if logits of a row lie very far apart.
    """
    student, teacher, weights = question
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
    job = Pairs(
        *(x.data_ptr() for x in (student, teacher, weights, rows, grad)),
        count,
        k,
    )
    # A pair costs about as much as a logit.
    if _rows_left(kernel.pair_kl, job, _portions(count * k * k // 2)):
        return None
    return Answer(rows, None, scaled_rows(grad))
