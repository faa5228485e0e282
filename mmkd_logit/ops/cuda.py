"""Grouped KL on CUDA: value and gradient from one pass over the logits.

This file is imported for CUDA tensors only; ``group_kl.py`` uses its plain
form where Triton 3 is absent, or where ``first_use.py`` finds that a kernel
fails or computes something else. A program of the kernel holds some whole
rows in registers; of rows with more than :data:`WHOLE` classes it reads one
block after another. Any strides serve: rows (M, C), or the rows of a
(B, C, H, W) map, of which neighbouring threads read the long axis.

The gradient is kept in the type of the logits, half of the memory and of the
traffic for half precision, and is scaled in place on the way back.

Checked in Triton's interpreter and compiled for compute capability 8.0 and
9.0; it has not run on a GPU yet.
"""

import math
from typing import TYPE_CHECKING, Optional

import torch
import triton
from torch import Tensor

from .cuda_kernel import group_kl_kernel
from .cuda_long_kernel import long_group_kl_kernel
from .dispatch import Answer, scaled_rows
from .group_kl_plain import KL_TYPES

if TYPE_CHECKING:
    from .group_kl import GroupQuestion

if int(triton.__version__.split('.')[0]) < 3:
    raise ImportError(f'needs triton >= 3, found {triton.__version__}')

LOG2E = math.log2(math.e)
LN2 = math.log(2)
#: Most classes of a row that one program holds at once: a thread then keeps
#: four arrays of 16 numbers.
WHOLE = 4096
#: Classes of a longer row that are read at once.
BLOCK = 4096
#: Elements of the tile that one program works on.
TILE = 1024


def group_kl(question: 'GroupQuestion', need_grad: bool) -> Optional[Answer]:
    """:func:`mmkd_logit.ops.group_kl.group_kl` on CUDA, in float32.

    None for float64, and for the cross-entropy of three groups, which has no
    meaning.
    """
    student, teacher, top = question.student, question.teacher, question.top
    known = student.dtype in (torch.float32, torch.float16, torch.bfloat16)
    count, classes = student.shape
    k = 0 if top is None else top.shape[1]
    lead = question.lead if k > question.lead else 0
    if not known or not classes or (question.cross_entropy and lead):
        return None
    new = dict(dtype=torch.float32, device=student.device)
    rows, parts = torch.empty(count, **new), torch.empty(3, count, **new)
    grad = torch.empty_like(student) if need_grad else None
    pullback = None if grad is None else scaled_rows(grad)
    if count == 0:
        return Answer(rows, parts, pullback)
    weights = (question.w_high, question.w_top, question.w_rest)
    per_row = [isinstance(weight, Tensor) for weight in weights]
    block = triton.next_power_of_2(classes)
    tile_rows = max(1, min(TILE // block, triton.next_power_of_2(count)))
    forward, reverse = KL_TYPES[question.kl_type]
    where_to = student if grad is None else grad
    arguments = (
        student,
        teacher,
        rows if top is None else top.contiguous(),
        *(w if own else rows for w, own in zip(weights, per_row)),
        rows,
        parts,
        where_to,
        count,
        classes,
        *student.stride(),
        *teacher.stride(),
        *where_to.stride(),
        *(w.stride(0) if own else 0 for w, own in zip(weights, per_row)),
        *(0.0 if own else float(w) for w, own in zip(weights, per_row)),
        LOG2E / question.tau,
        float(question.tau),
        question.tau**2 * LN2,
    )
    kernel, programs = group_kl_kernel, triton.cdiv(count, tile_rows)
    if classes > WHOLE:
        kernel, programs, block = long_group_kl_kernel, count, BLOCK
        tile_rows = triton.next_power_of_2(max(k, 1))
    half = student.dtype == torch.float16
    with torch.cuda.device_of(student):
        kernel[(programs,)](
            *arguments,
            HIGH_PER_ROW=per_row[0],
            TOP_PER_ROW=per_row[1],
            REST_PER_ROW=per_row[2],
            K=k,
            LEAD=lead,
            FORWARD=forward,
            REVERSE=reverse,
            CROSS_ENTROPY=question.cross_entropy,
            NEED_GRAD=need_grad,
            LIMIT=torch.finfo(torch.float16).max if half else 0.0,
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
