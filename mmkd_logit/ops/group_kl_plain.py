"""The readable form of the grouped KL, and the referee of every other form."""

from typing import TYPE_CHECKING, Dict, List, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .autograd import as_float

if TYPE_CHECKING:
    from .group_kl import GroupQuestion

#: Parts of KL(teacher || student) and of KL(student || teacher) in each type.
KL_TYPES: Dict[str, Tuple[float, float]] = dict(
    forward=(1.0, 0.0), reverse=(0.0, 1.0), both=(0.5, 0.5)
)


def group_kl_plain(question: 'GroupQuestion') -> Tuple[Tensor, Tensor]:
    """:func:`~.group_kl.group_kl` in the words of the formulas, by autograd.

    Returns:
        tuple[Tensor, Tensor]: Rows, shape (M,), and the detached parts
        ``high``, ``low_top`` and ``low_rest``, shape (3, M).
    """
    tau, top, lead = question.tau, question.top, question.lead
    cross_entropy = question.cross_entropy
    student = as_float(question.student) / tau
    teacher = question.teacher.to(student.dtype) / tau
    groups = [(student, teacher)]
    if top is not None:
        s_top, t_top = student.gather(1, top), teacher.gather(1, top)
        groups = [
            (
                student.scatter(1, top, -torch.inf),
                teacher.scatter(1, top, -torch.inf),
            ),
            (s_top[:, lead:], t_top[:, lead:]),
            (s_top[:, :lead], t_top[:, :lead]),
        ]
        groups = [group for group in groups if group[0].shape[1]]
    s_mass = [log_mass(s) for s, _ in groups]
    t_mass = [log_mass(t) for _, t in groups]
    zero = s_mass[0].new_zeros(len(student))
    low = [
        inside(s, t, s_log, t_log, question.kl_type, cross_entropy and not i)
        for i, ((s, t), s_log, t_log) in enumerate(zip(groups, s_mass, t_mass))
    ]
    if len(groups) == 1:
        high = zero
    elif cross_entropy:
        q_top = log_group_prob(t_mass, 1).exp()
        high = -_times(q_top, log_group_prob(s_mass, 1))
    else:
        high = sum(
            _kl(log_group_prob(t_mass, i), log_group_prob(s_mass, i))
            for i in range(len(groups))
        )
    has_top = top is not None and top.shape[1] > lead
    parts = (
        tau**2 * high,
        tau**2 * low[1] if has_top else zero,
        tau**2 * low[0],
    )
    weights = (question.w_high, question.w_top, question.w_rest)
    rows = sum(weight * part for weight, part in zip(weights, parts))
    return rows, torch.stack([part.detach() for part in parts])


def log_mass(logits: Tensor) -> Tensor:
    """Log-sum-exp of each row; -inf without NaN for rows of -inf.

    A class at +inf, which has no probability, makes it NaN.
    """
    empty = (logits == -torch.inf).all(1)
    mass = logits.masked_fill(empty[:, None], 0.0).logsumexp(1)
    mass = mass.masked_fill(mass == torch.inf, torch.nan)
    return mass.masked_fill(empty, -torch.inf)


def inside(
    student: Tensor,
    teacher: Tensor,
    s_mass: Tensor,
    t_mass: Tensor,
    kl_type: str,
    cross_entropy: bool,
) -> Tensor:
    """KL or cross-entropy inside one group."""
    log_p, log_q = _log_prob(student, s_mass), _log_prob(teacher, t_mass)
    if cross_entropy:
        return -_times(log_q.exp(), log_p).sum(1)
    forward, reverse = KL_TYPES[kl_type]
    kl = []
    if forward:
        kl.append(forward * _kl(log_q, log_p).sum(1))
    if reverse:
        kl.append(reverse * _kl(log_p, log_q).sum(1))
    return sum(kl)


def log_group_prob(masses: List[Tensor], i: int) -> Tensor:
    """Log-probability of group ``i``, exact near 0 and near 1.

    Args:
        masses (list[Tensor]): Log-sum-exp of each group, shape (M,) each.
        i (int): Which group.
    """
    others = [mass for j, mass in enumerate(masses) if j != i]
    other = others[0] if len(others) == 1 else torch.logaddexp(*others)
    # The gap would be -inf - -inf where all classes of a row are masked.
    masked = (masses[i] == -torch.inf) & (other == -torch.inf)
    return F.logsigmoid((masses[i] - other).masked_fill(masked, 0.0))


def _log_prob(logits: Tensor, mass: Tensor) -> Tensor:
    """``logits - mass``; a row of -inf stays -inf."""
    return logits - mass.masked_fill(mass == -torch.inf, 0.0)[:, None]


def _kl(log_a: Tensor, log_b: Tensor) -> Tensor:
    """Terms of KL(a || b), with 0 log 0 = 0."""
    gap = torch.where(log_a == -torch.inf, 0.0, log_a - log_b)
    return log_a.exp() * gap


def _times(prob: Tensor, log_prob: Tensor) -> Tensor:
    """``prob * log_prob``, 0 where ``prob`` is 0."""
    return torch.where(prob == 0, 0.0, prob * log_prob)
