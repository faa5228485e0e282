"""Random numbers that a kill and a resume do not change."""

import random
from typing import Optional

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..registry import HOOKS


@HOOKS.register_module()
class SeedEachIterHook(Hook):
    """Seed all generators anew before each epoch and each iteration.

    A checkpoint of MMEngine holds no generator states, so a resumed detector
    samples other RoIs than it would have without the interruption. With this
    hook the numbers of an iteration depend on the run's seed and the
    iteration alone: killed and resumed, a run ends with the weights of an
    uninterrupted one. Give the run a seed (``randomness=dict(seed=...)``).

    Loops by iteration that augment images in the main process
    (``num_workers=0``) are the exception: MMEngine replays their batches to
    find its place.

    Args:
        diff_rank_seed (bool): Give each process numbers of its own.
            Defaults to False, as in MMEngine.
    """

    priority = 'VERY_HIGH'

    def __init__(self, diff_rank_seed: bool = False) -> None:
        self.diff_rank_seed = diff_rank_seed

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed for the data loader of this epoch."""
        self._seed(runner, 0)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Optional[dict] = None
    ) -> None:
        """Seed for the model's own sampling, dropout and the like."""
        self._seed(runner, 1)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Optional[dict] = None,
        outputs: Optional[dict] = None,
    ) -> None:
        """Seed for the next batch, if it is loaded in this process."""
        self._seed(runner, 2)

    def _seed(self, runner: Runner, stage: int) -> None:
        rank = get_rank() if self.diff_rank_seed else 0
        # SeedSequence mixes the four numbers, so that no two places agree
        seed = int(
            np.random.SeedSequence(
                [runner.seed, runner.iter, stage, rank]
            ).generate_state(1)[0]
        )
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
