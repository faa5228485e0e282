"""One pair of rows from those of several teachers."""

import math
from typing import Callable, Dict, List, Optional, Sequence, Union

import torch
import torch.nn.functional as F
from torch import Tensor

from ..messages import StoppedRun, WrongValue
from ..structures.logit_pair import LogitPair

MEANS = ('probabilities', 'logits')

_REMEDY = (
    'write one term for each teacher, with `teacher=0`, `teacher=1` ... '
    'beside `loss`'
)


def check_mean(kind: str) -> str:
    """``teacher_mean``, if it is one.

    Raises:
        ValueError: If it is not.
    """
    if kind not in MEANS:
        raise WrongValue(
            "teacher_mean must be 'probabilities' (of the teachers, at "
            f"temperature 1) or 'logits', got {kind!r}"
        )
    return kind


def mean_of_probabilities(
    logits: Sequence[Tensor], use_sigmoid: bool = False
) -> Tensor:
    """Logits whose probabilities are the teachers' mean.

    Softmax rows: the logarithm of the mean of ``softmax(logits)``, plus the
    mean of the teachers' ``logsumexp``, a number per row that no softmax sees
    and with which equal teachers give their own logits. Sigmoid rows: the
    logit of the mean of ``sigmoid(logits)``. Both are computed from logarithms
    of probabilities, so that no probability is rounded to 0 or 1.

    The probabilities are those at temperature 1. That is a choice: the mean
    at a loss's own temperature would be another one. The loss then divides
    these logits by its temperature as it does with any teacher's.

    Args:
        logits (list[Tensor]): Of each teacher, shape (M, C).
        use_sigmoid (bool): Whether classes are independent. Defaults to
            False.

    Returns:
        Tensor: Shape (M, C), float32 at least.

    Examples:
        >>> a, b = torch.tensor([[3., 1.]]), torch.tensor([[1., 1.]])
        >>> mean_of_probabilities([a.log(), b.log()]).softmax(1)
        tensor([[0.6250, 0.3750]])
    """
    wide = [_wide(one) for one in logits]
    if use_sigmoid:
        on = _sum_of_exp([F.logsigmoid(one) for one in wide])
        return on.sub_(_sum_of_exp([F.logsigmoid(-one) for one in wide]))
    levels = [one.logsumexp(1, keepdim=True) for one in wide]
    total = _sum_of_exp([one - level for one, level in zip(wide, levels)])
    shift = sum(levels) / len(levels) - math.log(len(wide))
    return total.add_(shift)


def mean_of_logits(
    logits: Sequence[Tensor], use_sigmoid: bool = False
) -> Tensor:
    """The mean of each logit, float32 at least: (M, C) each -> (M, C)."""
    return sum(_wide(one) for one in logits) / len(logits)


_FUNCTIONS: Dict[str, Callable[..., Tensor]] = {
    'probabilities': mean_of_probabilities,
    'logits': mean_of_logits,
}


class TeacherMean:
    """The rows of one term, compared with the mean of its teachers.

    The teachers must speak of the same rows of the student. Where a reader
    hands out the student's own tensors, nothing has to be compared; otherwise
    the values are, on the device, and :meth:`check` reads the result.

    Weights and divisors that depend on a teacher (complementary cells, rows
    weighed by the probability of an object) are the mean of the teachers'.

    Args:
        name (str): Name of the term, for messages.
        kind (str): ``'probabilities'`` or ``'logits'``.
        use_sigmoid (bool): Whether the head's classes are independent.
    """

    def __init__(self, name: str, kind: str, use_sigmoid: bool) -> None:
        self.name = name
        self.use_sigmoid = use_sigmoid
        self._mean = _FUNCTIONS[kind]
        self._differs: Optional[Tensor] = None

    def join(
        self, found: Sequence[Dict[str, LogitPair]]
    ) -> Dict[str, LogitPair]:
        """Rows against each teacher -> rows against their mean.

        Args:
            found (list[dict[str, LogitPair]]): What a reader gave for each
                teacher; gradients flow through the rows of the first.

        Raises:
            RuntimeError: If the teachers' rows are not the same rows.
        """
        first = found[0]
        for other in found[1:]:
            if list(other) != list(first):
                raise StoppedRun(
                    f'{self.name}: the teachers give other sets of rows, '
                    f'{_named(first)} and {_named(other)}; {_REMEDY}'
                )
        return {
            prefix: self._join(prefix, [pairs[prefix] for pairs in found])
            for prefix in first
        }

    def _join(self, prefix: str, pairs: List[LogitPair]) -> LogitPair:
        first = pairs[0]
        for index, other in enumerate(pairs[1:], 1):
            self._compare(prefix, first, other, index)
        return first._replace(
            teacher_logits=self._mean(
                [pair.teacher_logits for pair in pairs], self.use_sigmoid
            ),
            weight=_mean_of_numbers([pair.weight for pair in pairs]),
            avg_factor=_mean_of_numbers([pair.avg_factor for pair in pairs]),
        )

    def _compare(
        self, prefix: str, first: LogitPair, other: LogitPair, index: int
    ) -> None:
        """Check that two pairs hold the same rows of the student."""
        ours, theirs = first.student_logits, other.student_logits
        if ours.shape != theirs.shape:
            raise StoppedRun(
                f'{prefix}{self.name}: {len(ours)} rows of the student can be '
                f'compared with teacher 0 and {len(theirs)} with teacher '
                f'{index}, so there is no mean of the two for a row; {_REMEDY}'
            )
        for one, two in ((ours, theirs), (first.labels, other.labels)):
            if one is None or _is_same_memory(one, two):
                continue
            with torch.no_grad():
                differs = ((one != two) & (one == one)).any()
            before = self._differs
            self._differs = differs if before is None else before | differs
        if ours.device.type == 'cpu':
            self.check()

    def check(self) -> None:
        """Stop if the rows of a step were not the same for all teachers.

        Raises:
            RuntimeError: Naming the term and what to try.
        """
        if self._differs is not None and bool(self._differs):
            raise StoppedRun(
                f'{self.name}: which rows of the student are compared, or '
                'their labels, depends on the teacher here, so there is no '
                f'mean of several teachers for a row; {_REMEDY}'
            )


def _wide(logits: Tensor) -> Tensor:
    """In float32 at least."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _sum_of_exp(logs: List[Tensor]) -> Tensor:
    """Logarithm of the sum of ``exp`` of each, term by term."""
    total = logs[0]
    for one in logs[1:]:
        total = torch.logaddexp(total, one)
    return total.clone() if len(logs) == 1 else total


def _mean_of_numbers(
    values: Sequence[Optional[Union[float, Tensor]]],
) -> Optional[Union[float, Tensor]]:
    first = values[0]
    if first is None or all(one is first for one in values[1:]):
        return first
    return sum(values) / len(values)


def _is_same_memory(one: Tensor, two: Tensor) -> bool:
    return one is two or (
        one.data_ptr() == two.data_ptr()
        and one.shape == two.shape
        and one.stride() == two.stride()
        and one.dtype == two.dtype
    )


def _named(pairs: Dict[str, LogitPair]) -> str:
    return ', '.join(repr(prefix) for prefix in pairs) or 'none'
