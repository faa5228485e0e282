"""Linear warm-up of the distillation weight."""

from typing import Optional

from mmengine.runner import Runner

from ..messages import WrongValue
from ..registry import HOOKS
from .distiller_hook import DistillerHook
from .run_facts import current_epoch


@HOOKS.register_module()
class KDWarmupHook(DistillerHook):
    """Raise the weight of all distillation terms linearly to its full value.

    The task's own losses are not scaled. The factor comes from the runner's
    counters, so a resumed run has the same one.

    Args:
        end (int): Length of the ramp, >= 1, in iterations, or in epochs.
        by_epoch (bool): Count epochs: the factor is ``epoch / end`` with the
            first epoch counted as 1, and constant within an epoch, as in the
            official code of DKD, SDD and GDKD. Otherwise ``iter / end`` with
            the first iteration counted as 0, as in GDKD's detection code.
            In a loop by iterations an epoch is over when as many samples as
            the dataset has were read. Defaults to False.

    Raises:
        ValueError: If ``end`` is below 1.

    Source:
        https://github.com/megvii-research/mdistiller, ``DKD.WARMUP``: 20
        epochs on CIFAR-100, 1 (none) on ImageNet, none on COCO.
    """

    def __init__(self, end: int, by_epoch: bool = False) -> None:
        if end < 1:
            unit = 'epoch' if by_epoch else 'iteration'
            raise WrongValue(
                f'end must be >= 1 {unit}, got {end}; leave the '
                'hook out for no warm-up'
            )
        self.end = end
        self.by_epoch = by_epoch

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Optional[dict] = None
    ) -> None:
        """Set the factor of this iteration."""
        done = current_epoch(runner) + 1 if self.by_epoch else runner.iter
        self.distiller.set_kd_scale(min(done / self.end, 1.0), 'warmup')
