"""End distillation before the training ends."""

from typing import Optional

from mmengine.runner import Runner

from ..messages import WrongValue
from ..registry import HOOKS
from .distiller_hook import DistillerHook
from .run_facts import current_epoch


@HOOKS.register_module()
class KDStopHook(DistillerHook):
    """Lower the weight of all distillation terms linearly to 0, or cut it.

    From ``end`` on the teacher does not run, which saves its time.

    Args:
        begin (int): First iteration (or epoch) with a lower weight, >= 0.
        end (int, optional): First iteration (or epoch) without
            distillation, >= ``begin``. None cuts at ``begin``.
        by_epoch (bool): Count epochs, the first being 0, instead of
            iterations; in a loop by iterations an epoch is over when as many
            samples as the dataset has were read. Defaults to False.

    Raises:
        ValueError: If ``end`` lies before ``begin``.
    """

    def __init__(
        self, begin: int, end: Optional[int] = None, by_epoch: bool = False
    ) -> None:
        end = begin if end is None else end
        if not 0 <= begin <= end:
            raise WrongValue(
                f'begin and end must be 0 <= begin <= end, got begin={begin} '
                f'and end={end}'
            )
        self.begin = begin
        self.end = end
        self.by_epoch = by_epoch

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Optional[dict] = None
    ) -> None:
        """Set the factor of this iteration."""
        now = current_epoch(runner) if self.by_epoch else runner.iter
        if now < self.begin:
            factor = 1.0
        elif now >= self.end:
            factor = 0.0
        else:
            # `begin` is the first step below 1, `end` the first one at 0.
            factor = (self.end - now) / (self.end - self.begin + 1)
        self.distiller.set_kd_scale(factor, 'stop')
