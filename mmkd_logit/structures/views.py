"""Two views of independent classes: K Bernoulli variables, K + 1 categories.

A sigmoid head gives K logits ``z_1 ... z_K``, one Bernoulli variable each. A
reader always emits them as they are; the label K means that a row has no
object. A term hands them to its loss in one of two views:

``'bernoulli'``
    The rows as they are, for losses that compare class by class.
``'categorical'``
    One column of zeros appended on both sides, for losses that compare
    softmax distributions. The new class K is "none of the others", the label
    that rows without an object already carry.

What is exact. Let ``Q`` be the probability that no class is on. Then
``P(only k is on) = exp(z_k) Q`` and ``P(none) = Q``, so, *given that at most
one class is on*, the K variables are the categories
``softmax([z_1, ..., z_K, 0])``. A temperature divides the logits; the
appended 0 stays 0. The pair of a class and the background is that class's
Bernoulli variable, so with one logit both views say the same. For K classes
the sum of the Bernoulli KLs is the KL of "at most one", plus its probability
times the categorical KL, plus the rest; the two agree where all
probabilities are small.

What is this project's extension. No paper compares sigmoid heads in this
view; the losses are the papers' own, on these K + 1 classes.

Pitfalls.

- Sigmoid heads are trained class by class, with focal or quality losses. The
  probability of "none" is ``1 / (1 + sum exp(z_k))``: many small classes add
  up. At the usual prior of 0.01 it is 0.83 with 20 classes, 0.55 with 80 and
  0.08 with 1203.
- Several objects in one row (multi-label images) contradict "at most one".
  The view drops what both models say about two classes being on together.
- Losses with a fixed weight for the classes beside the label (DKD, NKD,
  GDKD ...) do not fade on background rows, however sure the teacher is.
  Readers with many such rows weigh them, see
  :mod:`mmkd_logit.heads.object_rows`.
- Standardized rows (LSKD) are those of a temperature of their own, the
  deviation of the K + 1 logits: the shift cancels in the softmax and the
  background stays at 0 relative to the classes. Of two columns only the sign
  would be left, so it needs three. A loss that scales single columns before
  the softmax (TopKD's scaling module) scales the 0 as well, which no longer
  is the exact view.
"""

from typing import Optional

import torch
from torch import Tensor

from ..messages import WrongValue
from .head_facts import HeadFacts
from .logit_pair import LogitPair

VIEWS = ('bernoulli', 'categorical')


def check_view(view: Optional[str]) -> Optional[str]:
    """``view``, if it is one.

    Raises:
        ValueError: If it is not.
    """
    if view is not None and view not in VIEWS:
        raise WrongValue(
            "view must be 'bernoulli' (independent classes), 'categorical' "
            '(classes and "none" as one softmax) or None (what the loss '
            f'compares), got {view!r}'
        )
    return view


def categorical_facts(facts: HeadFacts) -> HeadFacts:
    """What is known of a sigmoid head's rows in the categorical view."""
    return facts._replace(channels=facts.channels + 1, use_sigmoid=False)


def categorical_pair(pair: LogitPair) -> LogitPair:
    """Rows of a sigmoid head, (M, K), in the categorical view, (M, K + 1)."""
    return pair._replace(
        student_logits=append_zero(pair.student_logits),
        teacher_logits=append_zero(pair.teacher_logits),
    )


def append_zero(logits: Tensor) -> Tensor:
    """A column of zeros behind the others: (M, K) -> (M, K + 1).

    Rows stay as they lie in memory, row by row or column by column.

    Examples:
        >>> append_zero(torch.tensor([[2., -1.]]))
        tensor([[ 2., -1.,  0.]])
    """
    zeros = logits.new_zeros(len(logits), 1)
    if logits.stride(0) == 1 and logits.shape[1] > 1:
        return torch.cat([logits.t(), zeros.t()]).t()
    return torch.cat([logits, zeros], dim=1)
