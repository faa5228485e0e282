"""KL of two rows whose classes are cut into groups.

Every softmax loss of this package is a weighted sum of such parts: the KL
between the groups' masses (``high``) and the KL inside each group (``low``).
:func:`group_kl_plain` is the readable form and the referee of the tests; the
same numbers come faster from ``chunked.py`` on the CPU, from
``cpu.py`` where that was built and, where Triton works, from
``cuda.py`` on CUDA.
"""

import warnings
from functools import lru_cache
from types import ModuleType
from typing import Callable, Optional, Tuple, Union

import torch
from torch import Tensor

from . import cpu
from .autograd import check_floating, compiling, scale_rows
from .chunked import Spec, one_pass
from .group_kl_plain import Parts, group_kl_plain

Weight = Union[float, Tensor]
NAMES = ('high', 'low_top', 'low_rest')


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
    found = cpu.one_pass(student, teacher, top, spec, need_grad)
    return found or one_pass(
        student, teacher, top, spec, group_kl_plain, need_grad
    )


@lru_cache(maxsize=1)
def _cuda_kernel() -> Optional[ModuleType]:
    """The Triton kernel after a trial on two rows; None where it fails."""
    try:
        from . import cuda

        trial = torch.zeros(2, 3, device='cuda')
        cuda.one_pass(trial, trial, None, Spec(1.0), True)
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
    return cuda


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
