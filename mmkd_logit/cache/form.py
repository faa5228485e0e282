"""The form in which the logits of a row are kept: all of them or the largest.

Where only the largest ``keep`` logits of a row are kept, they are read as the
teacher gave them. Of the others only the logarithm of their summed
exponentials is kept, and each gets an equal part of it: its logit is
``rest - log(C - keep)``. This is the project's own choice. At ``tau = 1`` the
probabilities of the largest classes and of "another class" are the teacher's
own; at other temperatures the others together weigh a little less or more
than they did. Three kinds of terms are therefore exact
(``docs/cached_logits.md`` has the list): those that compare the largest
classes with each other, such as the first part of GDKD; those that need the
teacher's class alone (``hard=True``); and, at ``tau = 1``, those that compare
a kept class with all others, such as TCKD.
"""

import math
from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Union

import numpy as np
import torch
from torch import Tensor

from ..messages import WrongValue

DTYPES = ('float32', 'float16')
#: Largest number of float16.
_MOST = 65504.0


class RowForm(NamedTuple):
    """How rows of logits become fields of a record, and back.

    Attributes:
        keep (int, optional): How many of the largest logits are kept; None
            for all.
        dtype (str): ``'float32'`` or ``'float16'``.
    """

    keep: Optional[int] = None
    dtype: str = 'float32'

    @classmethod
    def of(cls, keep: Union[int, str, None], dtype: str) -> 'RowForm':
        """The form that a user asks for.

        Args:
            keep (int | str, optional): A number, or ``'all'``.
            dtype (str): One of :data:`DTYPES`.

        Raises:
            ValueError: If it is no such form.
        """
        if dtype not in DTYPES:
            raise WrongValue(
                f'dtype must be {" or ".join(map(repr, DTYPES))}, got '
                f'{dtype!r}'
            )
        if keep in (None, 'all'):
            return cls(None, dtype)
        if not str(keep).isdigit() or int(keep) < 1:
            raise WrongValue(
                f"keep must be 'all' or a number of logits >= 1, got {keep!r}"
            )
        return cls(int(keep), dtype)

    @property
    def is_exact(self) -> bool:
        """Whether float32 logits come back bit for bit."""
        return self.keep is None and self.dtype == 'float32'

    def describe(self) -> str:
        """A description, such as ``'the largest 5 logits in float16'``."""
        kept = 'all' if self.keep is None else f'the largest {self.keep}'
        return f'{kept} logits in {self.dtype}'

    def fields(
        self, number: int, shape: Tuple[int, ...]
    ) -> List[Tuple[str, str, Tuple[int, ...]]]:
        """Fields of a record, as :class:`numpy.dtype` takes them.

        Args:
            number (int): Number of the logits among those of a record.
            shape (tuple[int, ...]): Shape of one row, (C, ...).
        """
        kind = {'float32': '<f4', 'float16': '<f2'}[self.dtype]
        if self.keep is None:
            return [(f'values{number}', kind, tuple(shape))]
        kept = (self.keep, *shape[1:])
        return [
            (f'values{number}', kind, kept),
            (f'rest{number}', kind, tuple(shape[1:])),
            (f'classes{number}', _index_kind(shape[0]), kept),
        ]

    def pack(self, number: int, logits: Tensor) -> Dict[str, np.ndarray]:
        """Fields of a batch of rows.

        Args:
            number (int): As in :meth:`fields`.
            logits (Tensor): Logits of the teacher, shape (B, C, ...).

        Raises:
            ValueError: If they are not finite, too large for ``dtype``, or
                fewer than ``keep``.
        """
        logits = logits.detach().float().cpu()
        _check_range(logits, self.dtype)
        kind = np.dtype(self.dtype)
        if self.keep is None:
            return {f'values{number}': _plain(logits, kind)}
        classes = logits.shape[1]
        if self.keep >= classes:
            raise WrongValue(
                f'--keep {self.keep} of rows that have {classes} logits; keep '
                "fewer, or 'all'"
            )
        values, top = logits.topk(self.keep, 1)
        rest = logits.scatter(1, top, -math.inf).logsumexp(1)
        return {
            f'values{number}': _plain(values, kind),
            f'rest{number}': _plain(rest, kind),
            f'classes{number}': _plain(top, np.dtype(_index_kind(classes))),
        }

    def unpack(self, number: int, records: Any, classes: int) -> Tensor:
        """The logits (B, C, ...) of a batch of records, in float32."""
        values = _tensor(records[f'values{number}'], np.float32)
        if self.keep is None:
            return values
        rest = _tensor(records[f'rest{number}'], np.float32)
        top = _tensor(records[f'classes{number}'], np.int64)
        filler = (rest - math.log(classes - self.keep)).unsqueeze(1)
        shape = (len(values), classes, *values.shape[2:])
        return filler.expand(shape).clone().scatter_(1, top, values)


def _check_range(logits: Tensor, dtype: str) -> None:
    if not logits.isfinite().all():
        raise WrongValue(
            "the teacher's logits are not finite; check its weights and its "
            'input normalisation'
        )
    largest = float(logits.abs().max()) if logits.numel() else 0.0
    if dtype == 'float16' and largest > _MOST:
        raise WrongValue(
            f'a logit of the teacher is {largest:.4g}, more than float16 can '
            'hold; take --dtype float32'
        )


def _index_kind(classes: int) -> str:
    if classes <= 1 << 8:
        return '|u1'
    return '<u2' if classes <= 1 << 16 else '<u4'


def _plain(values: Tensor, kind: np.dtype) -> np.ndarray:
    return values.numpy().astype(kind)


def _tensor(field: np.ndarray, kind: type) -> Tensor:
    """A field of a record, which may lie at any byte, as a tensor."""
    return torch.from_numpy(np.array(field, dtype=kind, order='C'))
