"""What a logit reader is, and the tools that all readers share."""

import functools
import inspect
from contextlib import ExitStack, contextmanager
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterator,
    NamedTuple,
    Tuple,
)

from torch import Tensor, nn

from .pair import LogitPair

if TYPE_CHECKING:
    from ..distillers.teacher import TeacherPass

_MISSING = object()


class HeadFacts(NamedTuple):
    """What can be said about a head's logits before any image is seen.

    Attributes:
        num_classes (int): Foreground classes, as in the head's config.
        channels (int): C, length of one row of logits.
        use_sigmoid (bool): Whether each class is a Bernoulli variable of its
            own; otherwise a row is one softmax.
        classes_are_columns (bool): Whether column i belongs to class i, so
            that ``class_map`` can pick columns. False for box distributions.
    """

    num_classes: int
    channels: int
    use_sigmoid: bool = False
    classes_are_columns: bool = True


def is_a(module: Any, toolbox: str, *names: str) -> bool:
    """Whether ``module`` is one of a toolbox's classes, without importing it.

    Args:
        module: Any object, None included.
        toolbox (str): Import name, such as ``'mmdet'``.
        *names (str): Class names; a subclass of one of them counts.
    """
    return any(
        cls.__name__ in names and cls.__module__.split('.')[0] == toolbox
        for cls in type(module).__mro__
    )


def largest_class(logits: Tensor) -> Tensor:
    """The first of the largest classes: (M, C, ...) -> (M, ...).

    As ``argmax`` along C, which takes much longer on the CPU where C is not
    the inner axis.
    """
    return logits.max(1)[1]


@contextmanager
def observe(
    owner: Any, method: str, note: Callable[[Dict[str, Any], Any], None]
) -> Iterator[None]:
    """Call ``note(arguments, result)`` after each ``owner.method(...)``.

    The upstream method runs once and unchanged; ``arguments`` are its
    arguments by name, however they were passed. The observation ends with the
    ``with`` block, so copies and pickles of the model never hold it.

    Raises:
        AttributeError: If ``owner`` has no such method, which means that the
            upstream head has changed.
    """
    original = getattr(owner, method, None)
    if original is None:
        raise AttributeError(
            f'{type(owner).__name__} has no method {method!r}, which '
            'mmkd_logit observes; this version of the toolbox differs from '
            'the tested ones (python -m mmkd_logit.doctor lists them)'
        )
    signature = inspect.signature(original)

    @functools.wraps(original)
    def observed(*args, **kwargs):
        result = original(*args, **kwargs)
        note(signature.bind(*args, **kwargs).arguments, result)
        return result

    previous = vars(owner).get(method, _MISSING)
    object.__setattr__(owner, method, observed)
    try:
        yield
    finally:
        if previous is _MISSING:
            object.__delattr__(owner, method)
        else:
            object.__setattr__(owner, method, previous)


class LogitReader:
    """How to read rows of logits and labels out of one head family.

    A reader has no layers and knows no loss. One instance serves one term of
    one :class:`LogitDistiller`. In a training step the distiller calls
    :meth:`watch` around the student's own, unchanged ``loss``, then
    :meth:`pairs` with what was noted.

    A new family needs one file with one subclass, listed in
    ``mmkd_logit/heads/__init__.py``.
    """

    #: What error messages call the family, for example
    #: ``'mmdet two-stage detectors (StandardRoIHead, ...)'``.
    family = ''

    @classmethod
    def fits(cls, model: nn.Module) -> bool:
        """Whether this reader is the default one for ``model``."""
        raise NotImplementedError

    def facts(self, model: nn.Module) -> HeadFacts:
        """Describe the logits of a student or teacher.

        Raises:
            ValueError: If ``model`` is not of this family, or lacks the
                branch that is read.
        """
        raise NotImplementedError

    def check(self, student: nn.Module, teacher: nn.Module) -> None:
        """Compare what only this family knows (strides, anchors, stages).

        Class counts and the kind of distribution are compared by the
        distiller. Called once, before the first iteration.

        Raises:
            ValueError: One sentence: what came, what was expected, what to
                try.
        """

    def prune(self, teacher: nn.Module) -> Tuple[str, ...]:
        """Names of the teacher's children that this reader never runs.

        The distiller removes what no reader needs, to save memory.
        """
        return ()

    def watch(
        self, student: nn.Module, notes: Dict[str, Any], stack: ExitStack
    ) -> None:
        """Start observing; ``stack.enter_context(observe(...))``.

        Args:
            student (nn.Module): The student.
            notes (dict): Empty; filled while the student's loss runs.
            stack (ExitStack): Left when the student's loss has returned.
        """
        raise NotImplementedError

    def pairs(
        self, notes: Dict[str, Any], teacher: 'TeacherPass'
    ) -> Dict[str, LogitPair]:
        """Rows of the current batch.

        Args:
            notes (dict): What :meth:`watch` noted.
            teacher (TeacherPass): The teacher on this batch. Gradients are
                off while this method runs only inside the teacher's methods;
                keep the student's logits attached.

        Returns:
            dict[str, LogitPair]: Prefix of the logged name -> pair. ``''``
            for heads with one classifier, ``'s0.'``, ``'s1.'``, ... for
            cascades, as MMDetection names its losses.
        """
        raise NotImplementedError

    @staticmethod
    def noted(notes: Dict[str, Any], key: str, where: str) -> Tensor:
        """``notes[key]``, or an error that says which call did not happen."""
        if key not in notes:
            raise RuntimeError(
                f'the student computed its loss without calling {where}, '
                'where mmkd_logit reads its logits; this head is not '
                'supported, or this version of the toolbox differs from the '
                'tested ones (python -m mmkd_logit.doctor lists them)'
            )
        return notes[key]
