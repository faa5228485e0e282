"""The largest logits of each row, faster than ``torch.topk`` where it pays.

``topk`` on the CPU sorts one row after another. With few classes it is
quicker to take the maximum of all rows at once, cut it out, and go on. A
float32 fits into a float64 with 29 bits to spare; they hold the class, so
that one maximum gives value and class. Rows where two of the largest values
are equal are left to ``topk``, whose choice is kept. Where the C code of
``cpu.py`` was built, it does the same faster.
"""

from typing import NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from . import cpu
from .autograd import as_float
from .dispatch import Answer, Operation, run

#: Most k and C, and fewest C and M * C, for which ``topk`` is not taken: it
#: was slower with 16 to 256 classes on a CPU, and faster with 8 and 1000.
MAX_K, MAX_CLASSES, MIN_CLASSES, MIN_SIZE = 8, 256, 16, 1 << 14
#: Most C for which rows are turned into columns first.
NARROW = 32
#: Elements that are worked on at a time, 2 MiB.
STEP = 1 << 18


class TopQuestion(NamedTuple):
    """The question of :func:`top_classes`; the fields are its arguments.

    Attributes:
        student (Tensor): The logits, of whichever model.
        k (int): Number of classes.
        largest (bool): False takes the smallest.
    """

    student: Tensor
    k: int
    largest: bool = True


def top_classes(logits: Tensor, k: int, largest: bool = True) -> Tensor:
    """Classes of the ``k`` largest logits of each row, the first one first.

    Args:
        logits (Tensor): Shape (M, C), any strides.
        k (int): Number of classes, in [0, C].
        largest (bool): False takes the smallest. Defaults to True.

    Returns:
        Tensor: Shape (M, k), long. Ties follow ``torch.topk``.
    """
    question = TopQuestion(as_float(logits.detach()), k, largest)
    return run(TOP_CLASSES, question)[0]


def topk(question: TopQuestion) -> Tuple[Tensor, None]:
    """The plain form."""
    logits, k, largest = question
    return logits.topk(k, dim=1, largest=largest)[1], None


def by_keys(question: TopQuestion, need_grad: bool) -> Optional[Answer]:
    """Maxima of numbers that hold a logit and its class."""
    logits, k, largest = question
    if (
        logits.device.type != 'cpu'
        or logits.dtype != torch.float32
        or logits.numel() < MIN_SIZE
        or not 0 < k <= MAX_K
        or not MIN_CLASSES <= logits.shape[1] <= MAX_CLASSES
    ):
        return None
    top = _by_keys(logits if largest else -logits, k)
    return None if top is None else Answer(top)


def _by_keys(logits: Tensor, k: int) -> Optional[Tensor]:
    """None where a key is NaN, which comes from infinite logits or NaN."""
    classes, dim = logits.shape[1], 1
    if classes <= NARROW or logits.stride(0) == 1:
        # Class by class, so that the long axis is the inner one.
        logits, dim = logits.t(), 0
    mask = (1 << (classes - 1).bit_length()) - 1
    names = torch.arange(classes).unsqueeze(1 - dim)
    # Small maps go in several steps, which saves memory; 1024 x 81 rows go in
    # one.
    size = min(STEP, max(logits.numel() // 8, STEP // (3 if dim else 6)))
    tops = []
    for chunk in logits.split(max(size // classes, 1), 1 - dim):
        keys = torch.empty(chunk.shape, dtype=torch.float64).copy_(chunk)
        keys.view(torch.int64).bitwise_or_(names)
        best = [keys.amax(dim, keepdim=True)]
        if best[0].isnan().any():
            return None
        nowhere = torch.full_like(best[0], -torch.inf)
        for _ in range(k):
            index = best[-1].view(torch.int64) & mask
            keys.scatter_(dim, index, nowhere)
            best.append(keys.amax(dim, keepdim=True))
        best = torch.cat(best, dim)
        top = best.narrow(dim, 0, k).view(torch.int64) & mask
        values = best.float()
        # A 0 whose class is lost, because denormal numbers are flushed, is not
        # cut out and comes again.
        clear = values.narrow(dim, 0, k) > values.narrow(dim, 1, k)
        if not clear.all():
            rows = (~clear.all(dim)).nonzero().squeeze(1)
            some = chunk.index_select(1 - dim, rows).topk(k, dim)[1]
            top.index_copy_(1 - dim, rows, some)
        tops.append(top)
    top = tops[0] if len(tops) == 1 else torch.cat(tops, 1 - dim)
    return top if dim else top.t()


def largest_class(logits: Tensor) -> Tensor:
    """The first of the largest classes: (M, C, ...) -> (M, ...).

    As ``argmax`` along C, which takes much longer on the CPU where C is not
    the inner axis.
    """
    return logits.max(1)[1]


TOP_CLASSES = Operation(topk, (cpu.top_classes, by_keys))
