"""KL of two rows whose classes are cut into groups.

Every softmax loss of this package is a weighted sum of such parts: the KL
between the groups' masses (``high``) and the KL inside each group (``low``).
:func:`group_kl_plain` is the readable form and the referee of the tests; the
same numbers come faster from ``onepass.py`` on the CPU, from
``cpu_kernel.py`` where that was built and, where Triton works, from
``triton_kernel.py`` on CUDA.
"""

import warnings
from functools import lru_cache
from types import ModuleType
from typing import Callable, Dict, List, Optional, Tuple, Union

import torch
import torch.nn.functional as F
from torch import Tensor

from . import cpu_kernel
from .autograd import as_float, check_floating, compiling, scale_rows
from .onepass import Spec, one_pass

Weight = Union[float, Tensor]
Parts = Dict[str, Tensor]
NAMES = ('high', 'low_top', 'low_rest')
KL_TYPES = ('forward', 'reverse', 'both')


def group_kl(
    student_logits: Tensor,
    teacher_logits: Tensor,
    tau: float,
    top: Optional[Tensor] = None,
    lead: int = 0,
    w_high: Weight = 0.0,
    w_top: Weight = 0.0,
    w_rest: Weight = 1.0,
    kl_type: str = 'forward',
    cross_entropy: bool = False,
) -> Tuple[Tensor, Parts]:
    """``w_high * high + w_top * low_top + w_rest * low_rest`` of each row.

    The classes of a row fall into the groups "the first ``lead`` columns of
    ``top``", "the other columns of ``top``" and "the rest". An empty group
    adds nothing, and so does a class that is at -inf in both models.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C). Rows may lie in
            memory row by row, or class by class as those of a map
            ``logits.transpose(0, 1).flatten(1).t()``; both are fast.
        teacher_logits (Tensor): Raw scores, shape (M, C).
        tau (float): Temperature, > 0.
        top (Tensor, optional): Classes of the top group, shape (M, k), long.
            None puts every class into the rest.
        lead (int): 1 makes the first column of ``top`` a group of its own.
        w_high (float or Tensor): Weight of the KL between the groups' masses;
            a tensor has shape (M,).
        w_top (float or Tensor): Weight of the KL inside the top group.
        w_rest (float or Tensor): Weight of the KL inside the rest.
        kl_type (str): Direction of the two ``low`` parts: ``'forward'`` is
            KL(teacher || student), ``'reverse'`` the other way, ``'both'``
            their mean. ``high`` is always forward.
        cross_entropy (bool): Keep the teacher's entropy in ``low_rest``, and
            let ``high`` be the top group's term of the cross-entropy alone.

    Returns:
        tuple[Tensor, dict[str, Tensor]]: Rows, and the detached parts
        ``high``, ``low_top``, ``low_rest``, shape (M,), times ``tau**2``.

    Raises:
        RuntimeError: In a second derivative; the gradient is computed with
            the value and has no graph of its own.
    """
    check_floating(student_logits, teacher_logits)
    spec = Spec(tau, lead, w_high, w_top, w_rest, kl_type, cross_entropy)
    teacher_logits = teacher_logits.detach()
    form = None if compiling() else fast_form(student_logits)
    if form is None:
        rows, parts = group_kl_plain(student_logits, teacher_logits, top, spec)
        return rows, {name: part.detach() for name, part in parts.items()}
    rows, parts = _OnePass.apply(
        student_logits, teacher_logits, top, spec, form
    )
    return rows, dict(zip(NAMES, parts.unbind(0)))


def fast_form(student_logits: Tensor) -> Optional[Callable]:
    """What computes value and gradient together on this device, if any."""
    if student_logits.device.type == 'cpu':
        return cpu_one_pass
    kernel = _cuda_kernel() if student_logits.is_cuda else None
    return kernel.one_pass if kernel and kernel.fits(student_logits) else None


def cpu_one_pass(student, teacher, top, spec, need_grad):
    found = cpu_kernel.one_pass(student, teacher, top, spec, need_grad)
    return found or one_pass(
        student, teacher, top, spec, group_kl_plain, need_grad
    )


@lru_cache(maxsize=1)
def _cuda_kernel() -> Optional[ModuleType]:
    """The Triton kernel after a trial on two rows; None where it fails."""
    try:
        from . import triton_kernel

        trial = torch.zeros(2, 3, device='cuda')
        triton_kernel.one_pass(trial, trial, None, Spec(1.0), True)
    except ImportError:
        return None
    except torch.cuda.OutOfMemoryError:
        raise
    except Exception as error:  # no C compiler, an unknown GPU, ...
        warnings.warn(
            'the Triton kernel of the logit losses does not work here and '
            f'slower PyTorch code takes its place: {error}',
            stacklevel=2,
        )
        return None
    return triton_kernel


class _OnePass(torch.autograd.Function):
    """A fast form for autograd."""

    @staticmethod
    def forward(ctx, student, teacher, top, spec, form):
        rows, parts, ctx.grad = form(
            student, teacher, top, spec, ctx.needs_input_grad[0]
        )
        ctx.mark_non_differentiable(parts)
        ctx.set_materialize_grads(False)
        ctx.dtype = student.dtype
        return rows, parts

    @staticmethod
    def backward(ctx, grad_rows, _):
        return scale_rows(ctx, grad_rows), None, None, None, None


def group_kl_plain(
    student_logits: Tensor,
    teacher_logits: Tensor,
    top: Optional[Tensor],
    spec: Spec,
) -> Tuple[Tensor, Parts]:
    """:func:`group_kl` in the words of the formulas, by autograd."""
    tau, lead = spec.tau, spec.lead
    student = as_float(student_logits) / tau
    teacher = teacher_logits.to(student.dtype) / tau
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
        inside(s, t, s_log, t_log, spec.kl_type, spec.cross_entropy and not i)
        for i, ((s, t), s_log, t_log) in enumerate(zip(groups, s_mass, t_mass))
    ]
    if len(groups) == 1:
        high = zero
    elif spec.cross_entropy:
        high = -_times(log_share(t_mass, 1).exp(), log_share(s_mass, 1))
    else:
        high = sum(
            _kl(log_share(t_mass, i), log_share(s_mass, i))
            for i in range(len(groups))
        )
    has_top = top is not None and top.shape[1] > lead
    parts = dict(
        high=tau**2 * high,
        low_top=tau**2 * low[1] if has_top else zero,
        low_rest=tau**2 * low[0],
    )
    rows = (
        spec.w_high * parts['high']
        + spec.w_top * parts['low_top']
        + spec.w_rest * parts['low_rest']
    )
    return rows, parts


def log_mass(logits: Tensor) -> Tensor:
    """Log-sum-exp of each row; -inf without NaN for rows of -inf."""
    empty = (logits == -torch.inf).all(1)
    mass = logits.masked_fill(empty[:, None], 0.0).logsumexp(1)
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
    kl = []
    if kl_type in ('forward', 'both'):
        kl.append(_kl(log_q, log_p).sum(1))
    if kl_type in ('reverse', 'both'):
        kl.append(_kl(log_p, log_q).sum(1))
    return sum(kl) / len(kl)


def log_share(masses: List[Tensor], i: int) -> Tensor:
    """Log of group ``i``'s share of the row, exact near 0 and near 1."""
    others = [mass for j, mass in enumerate(masses) if j != i]
    other = others[0] if len(others) == 1 else torch.logaddexp(*others)
    gap = masses[i] - other
    # a row of classes that are all masked
    return F.logsigmoid(gap.masked_fill(gap.isnan(), 0.0))


def _log_prob(logits: Tensor, mass: Tensor) -> Tensor:
    """``logits - mass``, where a row of -inf stays -inf."""
    return logits - mass.masked_fill(mass == -torch.inf, 0.0)[:, None]


def _kl(log_a: Tensor, log_b: Tensor) -> Tensor:
    """Terms of KL(a || b), with 0 log 0 = 0."""
    gap = torch.where(log_a == -torch.inf, 0.0, log_a - log_b)
    return log_a.exp() * gap


def _times(prob: Tensor, log_prob: Tensor) -> Tensor:
    """``prob * log_prob``, 0 where ``prob`` is 0."""
    return torch.where(prob == 0, 0.0, prob * log_prob)
