"""The largest logits of each row, faster than ``torch.topk`` where it pays.

``topk`` on the CPU sorts one row after another. With few classes it is
quicker to work on all rows at once. Rows where two of the values in question
are equal, or where a NaN sits, are left to ``topk``, whose choice holds.
"""

import torch
from torch import Tensor

from .autograd import as_float, compiling

#: Most classes for which ``topk`` is not taken: on a CPU others were faster
#: with 19 and 81 classes, and slower with 1000. Between, nothing was measured.
MAX_CLASSES = 128
#: Most classes and fewest rows for comparing whole classes with each other.
MAX_PLANES, MIN_ROWS = 32, 8192
#: Rows that are compared at a time.
STEP = 1 << 16


def top_classes(logits: Tensor, k: int, largest: bool = True) -> Tensor:
    """Classes of the ``k`` largest logits of each row, the first one first.

    Args:
        logits (Tensor): Shape (M, C), any strides.
        k (int): In [1, C].
        largest (bool): False takes the smallest. Defaults to True.

    Returns:
        Tensor: Shape (M, k), long. Ties follow ``torch.topk``.
    """
    logits = as_float(logits.detach())
    count, classes = logits.shape
    if (
        logits.device.type != 'cpu'
        or compiling()
        or not count
        or not 0 < k < classes <= MAX_CLASSES
    ):
        return logits.topk(k, dim=1, largest=largest)[1]
    by_planes = classes <= MAX_PLANES and count >= MIN_ROWS
    find = _by_planes if by_planes else _by_rounds
    top, distinct = find(logits if largest else -logits, k)
    if not distinct.all():
        rows = (~distinct).nonzero().squeeze(1)
        top[rows] = logits[rows].topk(k, dim=1, largest=largest)[1]
    return top


def _by_rounds(logits: Tensor, k: int):
    """Take the maximum of each row and cut it out, k times."""
    rest = logits.clone()
    values, top = [], []
    for _ in range(k):
        value, index = rest.max(1, keepdim=True)
        values.append(value)
        top.append(index)
        rest.scatter_(1, index, -torch.inf)
    values.append(rest.amax(1, keepdim=True))
    values = torch.cat(values, 1)
    return torch.cat(top, 1), (values[:, :-1] > values[:, 1:]).all(1)


def _by_planes(logits: Tensor, k: int):
    """Sort the k + 1 largest values of all rows, then see whose they are."""
    count, classes = logits.shape
    top = torch.empty(k, count, dtype=torch.long)
    distinct = torch.empty(count, dtype=torch.bool)
    names = torch.arange(classes, dtype=torch.uint8)[:, None]
    for start in range(0, count, STEP):
        chunk = slice(start, start + STEP)
        planes = logits[chunk].t().contiguous()
        values = _largest(planes, k + 1)
        for j in range(k):
            found = torch.eq(planes, values[j]).view(torch.uint8)
            top[j, chunk] = found.mul_(names).amax(0)
        distinct[chunk] = (values[:-1] > values[1:]).all(0)
    return top.t(), distinct


def _largest(planes: Tensor, number: int) -> Tensor:
    """The largest values of each column, sorted: (C, n) -> (number, n)."""
    shape = (number, planes.shape[1])
    values = planes.new_full(shape, -torch.inf)
    smaller, spare = torch.empty_like(planes[:2]).unbind(0)
    *others, last = values.unbind(0)
    for plane in planes.unbind(0):
        for value in others:
            torch.minimum(value, plane, out=smaller)
            torch.maximum(value, plane, out=value)
            plane, smaller, spare = smaller, spare, smaller
        torch.maximum(last, plane, out=last)
    return values
