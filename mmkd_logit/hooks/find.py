"""How hooks reach the distiller."""

from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from ..distillers import LogitDistiller
from ..messages import WrongType


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
