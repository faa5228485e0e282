"""Grouped KL on the CPU: value and gradient in one pass over the logits.

This form serves what ``cpu.py`` does not, or everything where the C code was
not built. The mathematics is that of ``group_kl_plain.py``, arranged for
speed:

- Powers of two instead of e, because PyTorch's ``exp2`` is the faster one;
  the logits are scaled by ``log2(e) / tau`` once.
- No maximum is subtracted. The sums say afterwards whether any group left the
  range of the data type; such rows (huge logits, classes at -inf) are
  computed by the plain form instead.
- Rows go in chunks that fit the cache, with two buffers of a chunk's size
  beside the gradient.
- Rows that lie class by class in memory, as those of a (B, C, H, W) map do,
  are worked on that way: the long axis stays the inner one.
"""

from typing import TYPE_CHECKING, Optional, Union

import torch
from torch import Tensor

from .chunk import Chunk
from .dispatch import Answer, scaled_rows
from .group_kl_plain import group_kl_plain

if TYPE_CHECKING:
    from .group_kl import GroupQuestion

Weight = Union[float, Tensor]

#: Elements of a chunk; 1 MiB in float32, about one L2 cache. Twice that in
#: maps, whose rows are short and many.
CHUNK = 1 << 18


def lies_by_class(rows: Tensor) -> bool:
    """Whether (M, C) lies class by class in memory, as a map's rows do."""
    return rows.stride(0) == 1 and rows.stride(1) > 1


def group_kl(question: 'GroupQuestion', need_grad: bool) -> Optional[Answer]:
    """:func:`mmkd_logit.ops.group_kl.group_kl` of rows on the CPU.

    Rows and parts are float32, or float64 for float64 logits, and so is the
    gradient, which lies in memory as the student's logits do.
    """
    student, teacher, top = question.student, question.teacher, question.top
    if student.device.type != 'cpu':
        return None
    by_class = lies_by_class(student)
    if by_class:
        student, teacher = student.t(), teacher.t()
        if top is not None:
            # torch 2.1 gathers wrongly where t() leaves strides of (1, 1)
            top = top.reshape(1, -1) if top.shape[1] == 1 else top.t()
    dim = 0 if by_class else 1
    count = student.shape[1 - dim]
    # Beside two chunks there are some twenty numbers per row of a chunk.
    size = min(2 * CHUNK, max(student.numel() // 8, CHUNK // 8))
    chunks = max(-(-student.numel() // (size if by_class else CHUNK)), 1)
    step = max(-(-count // chunks), 1)

    dtype = torch.float64 if student.dtype == torch.float64 else torch.float32
    new = dict(dtype=dtype, device=student.device)
    grad = torch.empty_like(student, dtype=dtype) if need_grad else None
    row_shape = (1, count) if by_class else (count, 1)
    parts = torch.zeros(3, *row_shape, **new)
    weights = [
        weight.to(dtype).reshape(row_shape)
        if isinstance(weight, Tensor)
        else weight
        for weight in (question.w_high, question.w_top, question.w_rest)
    ]
    whole = [student, teacher, top, parts, grad, *weights]
    work = None
    for start in range(0, count, step):
        size = min(step, count - start)
        if work is None or work.size != size:
            work = None  # frees its buffers before the next ones are made
            work = Chunk(question, student, top, dim, size, size < count, new)
        chunk = whole
        if size < count:
            chunk = [
                x.narrow(x.dim() - 1 - dim, start, size)
                if isinstance(x, Tensor)
                else x
                for x in whole
            ]
        if not work.run(*chunk):
            run_plain(question, dim, *chunk)
    work = None
    parts = parts.view(3, count).clamp_(min=0)
    high, low_top, low_rest = parts.unbind(0)
    w_high, w_top, w_rest = (
        w.flatten() if isinstance(w, Tensor) else w for w in weights
    )
    rows = low_rest * w_rest
    if top is not None:
        rows += high * w_high
        if top.shape[dim] > question.lead + 1:
            rows += low_top * w_top
    if grad is not None and by_class:
        grad = grad.t()
    return Answer(rows, parts, None if grad is None else scaled_rows(grad))


def run_plain(
    question: 'GroupQuestion',
    dim: int,
    student: Tensor,
    teacher: Tensor,
    top: Optional[Tensor],
    parts: Tensor,
    grad: Optional[Tensor],
    *weights: Weight,
) -> None:
    """One chunk by the readable form, differentiated by autograd."""
    if dim == 0:
        student, teacher = student.t(), teacher.t()
        top = None if top is None else top.t()
    w_high, w_top, w_rest = (
        w.flatten() if isinstance(w, Tensor) else w for w in weights
    )
    leaf = student.detach().to(parts.dtype).requires_grad_(grad is not None)
    chunk = question._replace(
        student=leaf,
        teacher=teacher,
        top=top,
        w_high=w_high,
        w_top=w_top,
        w_rest=w_rest,
    )
    with torch.enable_grad():
        rows, found = group_kl_plain(chunk)
        total = rows.sum()
    parts.copy_(found.view(parts.shape))
    if grad is not None:
        by_row = torch.autograd.grad(total, leaf)[0]
        grad.copy_(by_row if dim else by_row.t())
