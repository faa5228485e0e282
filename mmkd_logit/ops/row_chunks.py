"""Value and gradient of rows, chunk by chunk."""

from typing import Callable, List, Optional, Sequence

import torch
from torch import Tensor

from .chunked import lies_by_class
from .dispatch import Answer, scaled_rows

#: Elements that are worked on at once on the CPU; about one L2 cache.
CHUNK = 1 << 17

#: Work on one chunk. It is given the inputs, the gradient that it fills (None
#: if no one needs it) and the dimension of the classes, and gives the rows;
#: None if the chunk is out of its range.
Work = Callable[[List[Tensor], Optional[Tensor], int], Optional[Tensor]]


def by_chunks(
    work: Work, inputs: Sequence[Tensor], need_grad: bool
) -> Optional[Answer]:
    """Rows and gradient in the memory order of the student's logits.

    Rows that lie class by class in memory are not copied: the work is given
    (C, size) of all inputs then, and 0 as the dimension of the classes.

    Args:
        work (Callable): Computes a chunk.
        inputs (Sequence[Tensor]): The student's logits, shape (M, C), and
            what belongs to the same rows, shape (M, C) or (M, 1).
        need_grad (bool): Whether the gradient is computed too.

    Returns:
        Answer, optional: None if a chunk is out of the work's range.
    """
    dim = 0 if lies_by_class(inputs[0]) else 1
    if dim == 0:
        inputs = [x.t() for x in inputs]
    student = inputs[0]
    count, classes = student.shape[1 - dim], student.shape[dim]
    rows = student.new_empty(count)
    grad = torch.empty_like(student) if need_grad else None
    step = count
    if student.device.type == 'cpu':
        step = CHUNK // max(classes, 1)
    step = max(step, 1)
    for start in range(0, count, step):
        size = min(step, count - start)
        *chunk, part = [
            x if x is None else x.narrow(1 - dim, start, size)
            for x in (*inputs, grad)
        ]
        found = work(chunk, part, dim)
        if found is None:
            return None
        rows[start : start + size] = found
    if grad is None:
        return Answer(rows)
    return Answer(rows, None, scaled_rows(grad if dim else grad.t()))
