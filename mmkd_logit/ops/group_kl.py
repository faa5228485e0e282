"""KL of two rows whose classes are cut into groups.

Every softmax loss of this package is a weighted sum of such parts: the KL
between the groups' masses (``high``) and the KL inside each group (``low``).
``group_kl_plain.py`` is the readable form; the same numbers come faster from
``cuda.py`` on CUDA where Triton works, from ``cpu.py`` on the CPU where that
was built, and from ``chunked.py`` on the CPU elsewhere.
"""

from functools import lru_cache
from typing import Dict, NamedTuple, Optional, Tuple, Union

from torch import Tensor

from ..messages import WrongValue
from . import chunked, cpu
from .dispatch import Answer, Operation, run
from .first_use import FirstUse
from .group_kl_plain import group_kl_plain

Weight = Union[float, Tensor]
Parts = Dict[str, Tensor]
#: Names of the parts, in the order in which all forms stack them.
PARTS = ('high', 'low_top', 'low_rest')


class GroupQuestion(NamedTuple):
    """The question of :func:`group_kl`; the fields are its arguments."""

    student: Tensor
    teacher: Tensor
    tau: float = 1.0
    top: Optional[Tensor] = None
    lead: int = 0
    w_high: Weight = 0.0
    w_top: Weight = 0.0
    w_rest: Weight = 1.0
    kl_type: str = 'forward'
    cross_entropy: bool = False


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
            Only the forward direction has such a form.

    Returns:
        tuple[Tensor, dict[str, Tensor]]: Rows, and the detached parts
        ``high``, ``low_top``, ``low_rest``, shape (M,), times ``tau**2``.

    Raises:
        ValueError: If ``cross_entropy`` meets another ``kl_type`` than
            'forward'.
    """
    if cross_entropy and kl_type != 'forward':
        raise WrongValue(
            "cross_entropy=True keeps the teacher's entropy in KL(teacher || "
            f"student), which is kl_type='forward'; got {kl_type!r}"
        )
    question = GroupQuestion(
        student_logits,
        teacher_logits.detach(),
        tau,
        top,
        lead,
        w_high,
        w_top,
        w_rest,
        kl_type,
        cross_entropy,
    )
    rows, parts = run(GROUP_KL, question)
    return rows, dict(zip(PARTS, parts.unbind(0)))


def on_cuda(question: GroupQuestion, need_grad: bool) -> Optional[Answer]:
    """The Triton kernel, for CUDA tensors where Triton works."""
    if not question.student.is_cuda:
        return None
    kernel = triton_kernel()
    return kernel and kernel(question, need_grad)


@lru_cache(maxsize=1)
def triton_kernel() -> Optional[FirstUse]:
    """The Triton kernel, which is tried at first use; None without Triton."""
    try:
        from . import cuda
    except ImportError:
        return None
    return FirstUse(cuda.group_kl, 'the Triton kernel of the logit losses')


GROUP_KL = Operation(group_kl_plain, (on_cuda, cpu.group_kl, chunked.group_kl))
