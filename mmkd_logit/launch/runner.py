"""MMEngine's runner as the tools use it."""

import logging
from typing import Any, Optional, Union

from mmengine.config import ConfigDict
from mmengine.hooks import CheckpointHook, Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from torch import nn
from torch.utils.data import DataLoader

from ..checkpoints.state_dict import (
    check_numbers,
    compare_keys,
    load_state_dict_strictly,
    plain_state_dict,
)
from ..messages import WrongValue
from .saving import WholeCheckpointHook, write_whole_files


class ToolRunner(Runner):
    """A runner that loses no checkpoint and loads none in part.

    - Checkpoints are written under another name and renamed, and only then
      are old ones removed.
    - To test or to resume, every weight must fit; ``load_from`` must share
      some with the model. MMEngine warns and goes on with random weights.
    - An image that cannot be read is named.
    - The configuration goes to the log file and not to the screen.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._source, self._tests = '', False
        write_whole_files()
        super().__init__(*args, **kwargs)

    def register_hook(
        self, hook: Union[Hook, dict], priority: Optional[Any] = None
    ) -> None:
        """Take :class:`WholeCheckpointHook` for MMEngine's own."""
        if isinstance(hook, dict) and _is_checkpoint_hook(hook.get('type')):
            hook = ConfigDict(hook, type=WholeCheckpointHook)
        super().register_hook(hook, priority)

    def _log_env(self, env_cfg: dict) -> None:
        handlers = [
            handler
            for handler in self.logger.handlers
            if not isinstance(handler, logging.FileHandler)
        ]
        for handler in handlers:
            handler.addFilter(_is_no_config)
        super()._log_env(env_cfg)
        for handler in handlers:
            handler.removeFilter(_is_no_config)

    @staticmethod
    def build_dataloader(*args: Any, **kwargs: Any) -> DataLoader:
        """Build a loader whose dataset names a file that it cannot read."""
        from ..hooks.named_files import name_unreadable_files

        loader = Runner.build_dataloader(*args, **kwargs)
        name_unreadable_files(loader.dataset)
        return loader

    def build_train_loop(self, loop: Union[BaseLoop, dict]) -> BaseLoop:
        """Build the loop; its data must give at least one batch."""
        built = super().build_train_loop(loop)
        loader = getattr(built, 'dataloader', None)
        if isinstance(loader, DataLoader) and _is_empty(loader):
            raise WrongValue(
                f'train_dataloader gives no batch: {len(loader.dataset)} '
                'samples are fewer than one batch, and `drop_last` leaves out '
                'what remains; take a smaller `batch_size`, or '
                '`drop_last=False`'
            )
        return built

    def test(self) -> dict:
        """Evaluate; every weight of the checkpoint must fit."""
        self._tests = True
        return super().test()

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> Any:
        """Load, and refuse what belongs to another model."""
        self._source = filename
        return super().load_checkpoint(filename, *args, **kwargs)

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        super().call_hook(fn_name, **kwargs)
        if fn_name == 'after_load_checkpoint':
            self._check_weights(kwargs['checkpoint'])

    def _check_weights(self, checkpoint: dict) -> None:
        model = _unwrapped(self.model)
        state = plain_state_dict(checkpoint)
        if self._tests:
            load_state_dict_strictly(model, state, self._source, whose='')
            return
        ours = model.state_dict()
        check_numbers(ours, state, self._source)
        difference, shared = compare_keys(ours, state)
        if self._resume and difference:
            raise WrongValue(
                f'the checkpoint {self._source!r} to resume from is of '
                f'another model than this config ({difference}); resume with '
                'the config that it was trained with, or start from its '
                'weights with `load_from`'
            )
        if not shared:
            raise WrongValue(
                f'`load_from`: the checkpoint {self._source!r} has no weight '
                f'in common with the model ({difference})'
            )


def _is_empty(loader: DataLoader) -> bool:
    try:
        return len(loader) == 0
    except TypeError:  # data without a length
        return False


def _is_checkpoint_hook(kind: Union[str, type, None]) -> bool:
    if isinstance(kind, str):
        kind = HOOKS.get(kind)
    return kind is CheckpointHook


def _is_no_config(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith('Config:\n')


def _unwrapped(model: nn.Module) -> nn.Module:
    if is_model_wrapper(model):
        model = model.module
    return model.module if isinstance(model, BaseTTAModel) else model
