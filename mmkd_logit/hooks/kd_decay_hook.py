"""Let one weight inside a loss fall along a cosine."""

import math
from typing import Dict, List, Optional

from mmengine.runner import Runner

from ..distillers.step_log import part_prefix
from ..losses.base import LogitLoss
from ..messages import WrongValue, did_you_mean
from ..registry import HOOKS
from .distiller_hook import DistillerHook
from .run_facts import current_epoch


@HOOKS.register_module()
class KDDecayHook(DistillerHook):
    """Lower one setting of a loss to 0 along half a cosine.

    Until ``begin`` the setting keeps its value. In step ``now`` after it, it
    is ``value / 2 * (1 + cos(pi * (now - begin) / (end - begin)))``. The other
    parts of the loss stay; :class:`KDStopHook` lowers a whole loss. The log
    shows the setting as ``kd/<setting>``. It comes from the runner's counters,
    so a resumed run has the same one.

    Args:
        setting (str): Name of a setting of a loss, such as ``'gamma'`` of
            WKD-L. It is lowered in every term whose loss has it.
        begin (int): Last epoch (or number of iterations) with the full value,
            >= 0.
        end (int, optional): Epoch (or number of iterations) at which 0 is
            reached, > ``begin``. None is the length of the training.
        by_epoch (bool): Count epochs, the first being 1, and keep the value
            within an epoch, as in the authors' code. Otherwise finished
            iterations are counted. Defaults to True.

    Raises:
        ValueError: If ``begin`` is negative, or ``end`` is not after it.

    Source:
        https://github.com/JiamingLv/WKD: ``gamma`` from epoch 150 on
        CIFAR-100, and from the first one (``begin=0``) on ImageNet.
    """

    def __init__(
        self,
        setting: str,
        begin: int = 0,
        end: Optional[int] = None,
        by_epoch: bool = True,
    ) -> None:
        if begin < 0 or end is not None and end <= begin:
            raise WrongValue(
                f'begin and end must be 0 <= begin < end, got begin={begin} '
                f'and end={end}'
            )
        self.setting = setting
        self.begin = begin
        self.end = end
        self.by_epoch = by_epoch

    def before_train(self, runner: Runner) -> None:
        """Find the losses, and remember the full value of each.

        Raises:
            ValueError: If no loss has the setting, it is no number, or the
                training is over before the decay begins.
        """
        super().before_train(runner)
        losses = {
            name: term.loss for name, term in self.distiller.terms.items()
        }
        self._losses = {
            name: loss
            for name, loss in losses.items()
            if self.setting in loss.setting_names
        }
        self._check(list(losses.values()))
        self._full: Dict[str, float] = {
            name: getattr(loss, self.setting)
            for name, loss in self._losses.items()
        }
        length = self.end
        if length is None:
            length = self._length(runner)
        if length <= self.begin:
            unit = 'epochs' if self.by_epoch else 'iterations'
            raise WrongValue(
                f'KDDecayHook: begin={self.begin} lies behind the end of this '
                f'training of {length} {unit}; lower it, or leave the hook out'
            )
        self._last = length

    def _check(self, losses: List[LogitLoss]) -> None:
        known = {name for loss in losses for name in loss.setting_names}
        if not self._losses:
            hint = did_you_mean(self.setting, known)
            raise WrongValue(
                f'KDDecayHook: no loss of this run has the setting '
                f'{self.setting!r}; {hint or "known: " + ", ".join(known)}'
            )
        for loss in self._losses.values():
            value = getattr(loss, self.setting)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise WrongValue(
                    f'KDDecayHook: {self.setting} of {type(loss).__name__} is '
                    f'{value!r}, which cannot fall to 0; name a weight'
                )

    def _length(self, runner: Runner) -> int:
        """Epochs, or iterations, of the training."""
        if self.by_epoch and runner.max_epochs is None:
            raise WrongValue(
                'KDDecayHook(by_epoch=True) does not know how many epochs a '
                'training by iterations has; give `end`, or by_epoch=False'
            )
        return runner.max_epochs if self.by_epoch else runner.max_iters

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Optional[dict] = None
    ) -> None:
        """Set the value of this iteration."""
        now = current_epoch(runner) + 1 if self.by_epoch else runner.iter
        passed = (now - self.begin) / (self._last - self.begin)
        factor = (1 + math.cos(math.pi * min(max(passed, 0.0), 1.0))) / 2
        for name, loss in self._losses.items():
            value = self._full[name] * factor
            setattr(loss, self.setting, value)
            key = f'train/{part_prefix(name)}/{self.setting}'
            runner.message_hub.update_scalar(key, value)
