"""The base class of all logit readers."""

from contextlib import ExitStack
from typing import Any, Dict, Optional, Tuple

from torch import nn

from ..messages import StoppedRun
from ..structures.head_facts import HeadFacts
from ..structures.logit_pair import LogitPair
from ..structures.notes import Notes
from ..structures.teacher_pass import TeacherPass
from ..structures.views import check_view


class LogitReader:
    """How to read rows of logits and labels out of one head family.

    A reader has no layers and names no loss. One instance serves one term of
    one :class:`LogitDistiller`. In a training step the distiller calls
    :meth:`watch`, which starts to observe calls inside the student's own,
    unchanged ``loss`` and records their arguments and results as notes; then
    :meth:`pairs`, which makes rows of the notes and of the teacher.

    A new family needs one file with one subclass, listed in
    ``mmkd_logit/heads/find.py``.

    Args:
        view (str, optional): For sigmoid heads, how rows reach the loss:
            ``'bernoulli'``, K independent classes; ``'categorical'``, one
            softmax of the K classes and "none of them"; None for what the
            loss compares, see :mod:`mmkd_logit.structures.views`. Defaults
            to None.
    """

    #: What error messages call the family, for example
    #: ``'mmdet two-stage detectors (StandardRoIHead, ...)'``.
    family = ''
    #: Ending of the recipes that fit these rows: the published settings of a
    #: method are in ``configs/_base_/recipes/<method>_<recipes>.py``.
    recipes = ''
    #: In which view the rows of a sigmoid head reach the loss; that of the
    #: term once it is built, None for softmax heads.
    view: Optional[str] = None

    #: Whether ``class_map`` gives the teacher the student's classes, so that
    #: both may have other numbers of them.
    classes_are_mapped: bool = False

    def __init__(self, view: Optional[str] = None) -> None:
        self.view = check_view(view)

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
        """Compare what is special to this family (strides, anchors, stages).

        Class counts and the kind of distribution are compared by the
        distiller. Called once, before the first iteration.

        Raises:
            ValueError: One sentence: what came, what was expected, what to
                try.
        """

    def rows_by_teacher(self) -> Optional[str]:
        """Why the student's rows depend on the teacher; None if they do not.

        Such rows cannot be compared with the mean of several teachers.
        Weights may depend on it.
        """
        return None

    def prune(self, teacher: nn.Module) -> Tuple[str, ...]:
        """Names of the teacher's children that this reader never runs.

        The distiller removes what no reader needs, to save memory.
        """
        return ()

    def teacher_options(self) -> Optional[Dict[str, Any]]:
        """Options that change what is asked of the teacher, by name.

        Rows that depend on the image alone can be written before the run
        (:mod:`mmkd_logit.cache`): all that the reader asks of the teacher are
        tensors (B, C, ...), by :meth:`TeacherPass.once`. None, the default,
        where they depend on what the student does.
        """
        return None

    def watch(
        self, student: nn.Module, notes: Notes, stack: ExitStack
    ) -> None:
        """Start to observe the student's own calls.

        Each is ``stack.enter_context(observe(owner, method, record))``, see
        :func:`~mmkd_logit.heads.upstream.observe.observe`.

        Args:
            student (nn.Module): The student.
            notes (dict): Empty; to be filled while the student's loss runs.
            stack (ExitStack): Closed when the student's loss has returned,
                which ends the observations.
        """
        raise NotImplementedError

    def pairs(
        self, notes: Notes, teacher: TeacherPass
    ) -> Dict[str, LogitPair]:
        """Rows of the current batch.

        Args:
            notes (dict): What :meth:`watch` recorded.
            teacher (TeacherPass): The teacher on this batch. Its methods run
                without gradients; everything else keeps them, so that the
                student's logits stay attached. Class logits of the teacher
                go through ``teacher.classes(logits, dim)`` first.

        Returns:
            dict[str, LogitPair]: Prefix of the logged name -> pair. ``''``
            for heads with one classifier, ``'s0.'``, ``'s1.'``, ... for
            cascades, as MMDetection names its losses.
        """
        raise NotImplementedError

    @staticmethod
    def noted(notes: Notes, key: str, where: str) -> Any:
        """``notes[key]``, or an error that says which call did not happen.

        Args:
            notes (dict): What :meth:`watch` recorded.
            key (str): Name in ``notes``.
            where (str): The call that should have been observed.

        Raises:
            RuntimeError: If nothing was recorded under that name.
        """
        if key not in notes:
            raise StoppedRun(
                f'the student computed its loss without calling {where}, '
                'where mmkd_logit reads its logits; this head is not '
                'supported, or this version of the toolbox differs from the '
                'tested ones (python -m mmkd_logit.doctor lists them)'
            )
        return notes[key]
