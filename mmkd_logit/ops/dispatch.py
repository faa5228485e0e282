"""The one way from a loss to the code that computes it.

An :class:`Operation` has a plain form, written in the words of the formulas
and differentiated by autograd, and backends, which compute the value together
with its gradient: C on the CPU, Triton on CUDA, closed formulas in PyTorch.
:func:`run` passes the arguments, called the question, to the backends in
turn; the first that serves them returns the answer. Where none does, or where
``torch.compile`` is tracing, the plain form computes it.
"""

from typing import Any, Callable, Iterable, NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from .autograd import compiling

#: Takes the gradient of a value, and whether the graph is kept for another
#: backward pass; returns the gradient of the student's logits.
Pullback = Callable[[Tensor, bool], Tensor]


class Answer(NamedTuple):
    """What a backend returns.

    Attributes:
        value (Tensor): That of the operation.
        parts (Tensor, optional): More values, which have no gradient.
        pullback (Callable, optional): The backward pass, if the gradient was
            computed.
    """

    value: Tensor
    parts: Optional[Tensor] = None
    pullback: Optional[Pullback] = None


#: Takes a question, and whether to compute the gradient; returns an answer, or
#: None to leave the question to the next backend. It runs without autograd.
Backend = Callable[[Any, bool], Optional[Answer]]


class Operation(NamedTuple):
    """A function of a question with several implementations.

    A question is a named tuple whose field ``student`` is the tensor that
    gradients flow into.

    Attributes:
        plain (Callable): Takes a question; returns its value and parts.
        backends (tuple[Callable, ...]): In the order in which they are tried.
    """

    plain: Callable[..., Tuple[Tensor, Optional[Tensor]]]
    backends: Tuple[Backend, ...] = ()


def run(
    operation: Operation, question: NamedTuple
) -> Tuple[Tensor, Optional[Tensor]]:
    """Value and parts of an operation; the value has a gradient.

    Args:
        operation (Operation): What to compute.
        question (NamedTuple): The arguments of the operation.

    Raises:
        RuntimeError: In a second derivative, if a backend answered: its
            gradient is computed with the value and has no graph of its own.
    """
    if compiling():
        return operation.plain(question)
    student = question.student
    if not student.requires_grad or not torch.is_grad_enabled():
        answer = _ask(operation.backends, question, False)
        return answer[:2] if answer else operation.plain(question)
    with torch.no_grad():
        answer = _ask(operation.backends, question, True)
    if answer is None:
        return operation.plain(question)
    return _Answered.apply(student, answer), answer.parts


def _ask(
    backends: Iterable[Backend], question: NamedTuple, need_grad: bool
) -> Optional[Answer]:
    """The answer of the first backend that serves the question, if any."""
    for backend in backends:
        answer = backend(question, need_grad)
        if answer is not None:
            return answer
    return None


def scaled_rows(grad: Tensor) -> Pullback:
    """The backward pass of one value per row, given each row's gradient.

    Args:
        grad (Tensor): Gradient of each row's value, shape (M, C). It is
            scaled in place where no other backward pass can come, and stays
            in its own type.
    """

    def pullback(grad_rows: Tensor, graph_is_kept: bool) -> Tensor:
        factor = grad_rows.unsqueeze(1)
        to = torch.empty_like(grad) if graph_is_kept else grad
        return torch.mul(grad, factor, out=to)

    return pullback


# Whether a backward pass may come again; older torch does not tell.
_graph_is_kept = getattr(
    torch._C._autograd, '_get_current_graph_task_keep_graph', lambda: True
)


class _Answered(torch.autograd.Function):
    """The value of an answer, with the answer's backward pass."""

    @staticmethod
    def forward(ctx, student: Tensor, answer: Answer) -> Tensor:
        ctx.set_materialize_grads(False)
        ctx.pullback, ctx.dtype = answer.pullback, student.dtype
        return answer.value

    @staticmethod
    def backward(ctx, grad: Optional[Tensor]):
        if torch.is_grad_enabled():
            raise RuntimeError(
                'this loss has no second derivative: its gradient is computed '
                'together with its value; differentiate the plain form, such '
                'as mmkd_logit.ops.group_kl_plain.group_kl_plain, instead'
            )
        if grad is None:
            return None, None
        if ctx.pullback is None:
            raise RuntimeError(
                'the gradient of this loss is gone after the first backward '
                'pass; give that one retain_graph=True to go through the '
                'graph again'
            )
        pullback, graph_is_kept = ctx.pullback, _graph_is_kept()
        if not graph_is_kept:
            ctx.pullback = None
        grad = pullback(grad, graph_is_kept)
        return grad if grad.dtype == ctx.dtype else grad.to(ctx.dtype), None
