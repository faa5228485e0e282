"""Grouped KL on CUDA: value and gradient from one pass over the logits.

This file is imported for CUDA tensors only; ``group_kl.py`` uses its plain
form where Triton 3 is absent or fails. A program of the kernel holds some
whole rows in registers, so any strides serve: rows (M, C), or the rows of a
(B, C, H, W) map, of which neighbouring threads read the long axis.

Checked in Triton's interpreter and compiled for compute capability 8.0 and
9.0; it has not run on a GPU yet.
"""

import math
from typing import TYPE_CHECKING, Optional

import torch
import triton
from torch import Tensor

from .cuda_kernel import group_kl_kernel
from .dispatch import Answer, scaled_rows
from .group_kl_plain import KL_TYPES

if TYPE_CHECKING:
    from .group_kl import GroupQuestion

if int(triton.__version__.split('.')[0]) < 3:
    raise ImportError(f'needs triton >= 3, found {triton.__version__}')

LOG2E = math.log2(math.e)
LN2 = math.log(2)
#: Most classes of a row that fit into one program.
MAX_CLASSES = 16384
#: Elements of the tile that one program works on.
TILE = 1024


def group_kl(question: 'GroupQuestion', need_grad: bool) -> Optional[Answer]:
    """:func:`mmkd_logit.ops.group_kl.group_kl` on CUDA, in float32.

    None for float64, and for rows that do not fit into one program.
    """
    student, teacher, top = question.student, question.teacher, question.top
    known = student.dtype in (torch.float32, torch.float16, torch.bfloat16)
    if not known or not 0 < student.shape[1] <= MAX_CLASSES:
        return None
    count, classes = student.shape
    new = dict(dtype=torch.float32, device=student.device)
    rows, parts = torch.empty(count, **new), torch.empty(3, count, **new)
    grad = (
        torch.empty_like(student, dtype=torch.float32) if need_grad else None
    )
    pullback = None if grad is None else scaled_rows(grad)
    if count == 0:
        return Answer(rows, parts, pullback)
    weights = [
        w.to(**new) if isinstance(w, Tensor) else torch.full((1,), w, **new)
        for w in (question.w_high, question.w_top, question.w_rest)
    ]
    block = triton.next_power_of_2(classes)
    tile_rows = max(1, min(TILE // block, triton.next_power_of_2(count)))
    forward, reverse = KL_TYPES[question.kl_type]
    k = 0 if top is None else top.shape[1]
    where_to = student if grad is None else grad
    arguments = (
        student,
        teacher,
        rows if top is None else top.contiguous(),
        *weights,
        rows,
        parts,
        where_to,
        count,
        classes,
        *student.stride(),
        *teacher.stride(),
        *where_to.stride(),
        *(w.stride(0) if len(w) > 1 else 0 for w in weights),
        LOG2E / question.tau,
        question.tau,
        question.tau**2 * LN2,
    )
    with torch.cuda.device_of(student):
        group_kl_kernel[(triton.cdiv(count, tile_rows),)](
            *arguments,
            K=k,
            LEAD=question.lead if k > question.lead else 0,
            FORWARD=forward,
            REVERSE=reverse,
            CROSS_ENTROPY=question.cross_entropy,
            NEED_GRAD=need_grad,
            WIDE=_span(student, teacher, where_to) >= 2**31,
            ROWS=tile_rows,
            BLOCK=block,
            num_warps=4 if tile_rows * block <= 1024 else 8,
        )
    return Answer(rows, parts, pullback)


def _span(*tensors: Tensor) -> int:
    """Largest offset of an element, which decides the type of indices."""
    return max(
        sum((n - 1) * stride for n, stride in zip(x.shape, x.stride()))
        for x in tensors
    )
