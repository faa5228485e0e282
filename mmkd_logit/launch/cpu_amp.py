"""Mixed precision on a CPU: autocast to bfloat16."""

from contextlib import contextmanager
from typing import Iterator

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from torch import nn

from ..messages import WrongValue
from ..registry import OPTIM_WRAPPERS, type_name


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """The forward pass in bfloat16 where the operators of a CPU have it.

    bfloat16 has the range of float32, so no loss is scaled. MMEngine's own
    ``AmpOptimWrapper`` needs a GPU.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Enable autocast around the forward pass.

        Raises:
            ValueError: If an operator of the model has no bfloat16 form.
        """
        try:
            with (
                super().optim_context(model),
                torch.autocast('cpu', dtype=torch.bfloat16),
            ):
                yield
        except RuntimeError as error:
            explain_bfloat16(error)
            raise


def explain_bfloat16(error: Exception) -> None:
    """Raise a sentence for an operator that has no bfloat16 form.

    Raises:
        ValueError: If that is what the error says.
    """
    # torch names the type in one way, MMCV's operators in another
    if isinstance(error, RuntimeError) and 'BFloat16' in str(error):
        raise WrongValue(
            '--amp on a CPU computes in bfloat16, which an operator of this '
            f'model does not have ({error}); leave --amp out'
        ) from error


def amp_for_this_device(config: Config) -> None:
    """Take bfloat16 where a config asks for mixed precision on a CPU."""
    wrapper = config.get('optim_wrapper') or {}
    if (
        type_name(wrapper.get('type')) != 'AmpOptimWrapper'
        or get_device() != 'cpu'
    ):
        return
    for name in ('loss_scale', 'dtype', 'use_fsdp'):
        wrapper.pop(name, None)
    wrapper.type = 'mmkd_logit.CPUAmpOptimWrapper'
    print('mixed precision on this CPU is bfloat16')
