"""Base class and functions of the hooks of a distillation run."""

import re

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from ..distillers import LogitDistiller
from ..distillers.step_log import part_prefix
from ..messages import WrongType


class DistillerHook(Hook):
    """A hook that finds the distiller before the first iteration."""

    priority = 'NORMAL'

    def before_train(self, runner: Runner) -> None:
        """Find the distiller once; fail before the first iteration."""
        self.distiller = find_distiller(runner, type(self).__name__)
        average_parts(runner, self.distiller)


def find_distiller(runner: Runner, hook: str) -> LogitDistiller:
    """The runner's model without its DDP wrapper.

    Raises:
        TypeError: If the model is not a :class:`LogitDistiller`.
    """
    model = runner.model
    if is_model_wrapper(model):
        model = model.module
    if not isinstance(model, LogitDistiller):
        raise WrongType(
            f'{hook} needs a LogitDistiller as model, got '
            f'{type(model).__name__}; remove the hook, or wrap '
            'the model as configs/dkd shows'
        )
    return model


def average_parts(runner: Runner, distiller: LogitDistiller) -> None:
    """Log the parts of a term as means over the same steps as the term.

    MMEngine averages what its pattern matches, the losses and the times, and
    shows the last value of everything else.
    """
    processor = getattr(runner, 'log_processor', None)
    if processor is None:
        return
    names = '|'.join(re.escape(part_prefix(name)) for name in distiller.terms)
    parts = rf'|(^|\.)({names})/(?!scale$)'
    before = processor.mean_pattern.pattern
    if not before.endswith(parts):
        processor.mean_pattern = re.compile(before + parts)
