"""A teacher that is the moving average of the student's own weights."""

from typing import Any, Callable, Dict, Optional

import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseAveragedModel
from torch import Tensor, nn

from ..messages import StoppedRun, WrongType, WrongValue
from ..registry import MODELS, type_name
from ..structures.teacher_pass import TeacherPass
from .teacher import Teacher
from .teacher_config import ConfigSource
from .teacher_options import TeacherOptions

#: What ``teacher='ema'`` is short for.
EMA = dict(
    type='ExponentialMovingAverage', momentum=0.001, update_buffers=True
)
#: Steps after which a teacher must have followed its student.
_PATIENCE = 50


def self_teacher_config(source: Any) -> Optional[dict]:
    """The averaged model that ``teacher=`` names; None for other teachers.

    Args:
        source (str | dict): ``'ema'``, or ``dict(type=...)`` with one of
            MMEngine's averaged models or a subclass.
    """
    if source == 'ema':
        return dict(EMA)
    kind = source.get('type') if isinstance(source, dict) else None
    if not type_name(kind).endswith(('EMA', 'Average')):
        return None
    cls = kind if isinstance(kind, type) else MODELS.get(kind)
    is_average = isinstance(cls, type) and issubclass(cls, BaseAveragedModel)
    return dict(source) if is_average else None


class SelfTeacher(Teacher):
    r"""The average of the weights that the student has had so far.

    With weights :math:`\theta_t` of the student after iteration t and
    momentum m, as MMEngine's ``ExponentialMovingAverage``::

        average_0 = theta_0
        average_t = (1 - m) * average_(t-1) + m * theta_t

    ``update_buffers=True`` averages the running statistics of batch norm
    too, so that they belong to the averaged weights. The average is a whole
    model beside the student, of which nothing is pruned, in eval mode.
    ``KDSelfTeacherHook`` updates it after each iteration and keeps it in the
    checkpoints, beside the student's plain weights.

    Args:
        student (nn.Module): The model to follow.
        config (dict): Of a :class:`mmengine.model.BaseAveragedModel`.
        options (TeacherOptions, optional): How it is computed.

    Raises:
        ValueError: If the momentum is not in (0, 1).

    Source:
        The average as a teacher, with m = 0.001, is Mean Teacher's, Tarvainen
        and Valpola, NeurIPS 2017, https://arxiv.org/abs/1703.01780, for
        images without labels, with other noise for student and teacher, and a
        mean squared error. Logit losses on labelled images that both see
        alike are this project's extension, no paper's recipe.
    """

    def __init__(
        self,
        student: nn.Module,
        config: dict,
        options: Optional[TeacherOptions] = None,
    ) -> None:
        super().__init__(config, None, options=options)
        momentum = config.get('momentum', 0.5)
        if not isinstance(momentum, (int, float)) or not 0 < momentum < 1:
            raise WrongValue(
                f'teacher.momentum must be a number in (0, 1), got '
                f'{momentum!r}; 0.001 takes a thousandth of the new weights'
            )
        self.student = student
        self.average: Optional[BaseAveragedModel] = None
        self.source = type_name(config['type'])
        self._begun = False
        self._looks = 0

    def build(self, device: torch.device) -> nn.Module:
        """Copy the student.

        Raises:
            TypeError: If the average does not take a setting.
        """
        try:
            self.average = MODELS.build(
                ConfigDict(self.config, model=self.student)
            )
        except (AssertionError, TypeError) as error:
            raise WrongType(
                f'teacher={self.config!r} cannot be built: {error}'
            ) from error
        self.model = self.average.module.to(device)
        self.model.eval()
        self.options.apply_to(self.model)
        self.num_parameters = sum(p.numel() for p in self.model.parameters())
        self.is_pruned = True  # an average has all of the student's weights
        return self.model

    def begin(self) -> None:
        """Take the student's weights, unless it has followed it already."""
        if not self._begun:
            self.average.update_parameters(self.student)
            self._begun = True

    def follow(self) -> None:
        """Average the student's weights of this iteration in."""
        self.begin()
        self.average.update_parameters(self.student)
        self._looks = 0

    def look(
        self, inputs: Tensor, data_samples: Optional[list], student: nn.Module
    ) -> TeacherPass:
        """Start a pass over one batch; nothing is computed yet.

        Raises:
            RuntimeError: If the student is never followed.
        """
        self.begin()
        if self._looks == _PATIENCE:
            raise StoppedRun(
                f'the average of the student was asked in {_PATIENCE} steps '
                'and not updated once; add '
                "dict(type='mmkd_logit.KDSelfTeacherHook') to custom_hooks, "
                'as tools/train.py does'
            )
        self._looks += 1
        return super().look(inputs, data_samples, student)

    def apply(self, function: Callable[[Tensor], Tensor]) -> None:
        """Apply to all tensors what moves the student to a device."""
        if self.average is None:
            return
        self.model._apply(function)  # the counter of steps stays on the CPU
        if self.average.update_buffers:  # which are other tensors now
            self.average.avg_parameters = self.model.state_dict()

    def state_dict(self) -> Dict[str, Tensor]:
        """The average, to be resumed."""
        return self.average.state_dict()

    def load_state_dict(self, state: Dict[str, Tensor]) -> None:
        """Go on with an average.

        Raises:
            ValueError: If it is of another model.
        """
        try:
            self.average.load_state_dict(state)
            self._begun = True
        except RuntimeError as error:
            raise WrongValue(
                'the average in the checkpoint to resume from is of another '
                f'model than this student: {str(error).splitlines()[-1]}'
            ) from error


def is_self_teacher(source: ConfigSource) -> bool:
    """Whether ``teacher=`` names an average of the student."""
    return self_teacher_config(source) is not None
