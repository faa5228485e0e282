"""Random numbers that an interruption does not change."""

import random
from typing import Any, Iterator, List, Optional

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner
from torch import nn

from ..registry import HOOKS
from .placed_batches import (
    IteratedBatches,
    PlacedBatches,
    end_workers,
    place_batches,
    seed_from,
)

#: Parts that remember earlier batches, which no checkpoint holds.
_REMEMBER = ('results_cache', '_input_size', 'iou_history')
#: Where datasets and transforms keep others.
_INSIDE = ('dataset', 'datasets', 'pipeline', 'transforms')


@HOOKS.register_module()
class SeedEachIterHook(Hook):
    """Seed all generators anew before each iteration, and for each sample.

    A checkpoint of MMEngine holds no generator states, so a resumed detector
    samples other RoIs than it would have without the interruption, its
    workers augment in another way, and loops by iterations begin with
    another batch. With this hook all random numbers depend on the run's seed
    and their place alone: killed and resumed, a run ends with the weights of
    an uninterrupted one, in loops by epochs and by iterations, with any
    number of workers, persistent or not. Give the run a seed
    (``randomness=dict(seed=...)``), and the same number of processes again.

    Transforms that keep earlier images (``CachedMosaic`` ...), batch
    augmentations that keep a size over several iterations
    (``BatchSyncRandomResize``) and heads that adapt to earlier batches
    (``DynamicRoIHead``) begin anew when a run is resumed; the log names them.

    Args:
        diff_rank_seed (bool): Give the models of each process random numbers
            of their own; their data have them always.
            Defaults to False, as in MMEngine.
    """

    priority = 'VERY_HIGH'

    def __init__(self, diff_rank_seed: bool = False) -> None:
        self.diff_rank_seed = diff_rank_seed

    def before_train(self, runner: Runner) -> None:
        """Give each sample a place, before the first one is loaded."""
        loop, loader = runner.train_loop, runner.train_dataloader
        if loader.batch_sampler is None:
            return
        place_batches(loader, runner.seed)
        if isinstance(loop, IterBasedTrainLoop):
            old = loop.dataloader_iterator
            swallow = 0 if hasattr(old, 'skip_iter') else runner.iter
            end_workers(getattr(old, '_iterator', None))
            loop.dataloader_iterator = IteratedBatches(loader, swallow)
        model = getattr(runner.model, 'module', runner.model)
        remembering = parts_with_memory(loader.dataset, model)
        if remembering and runner.iter:
            runner.logger.warning(
                f'resumed, but {", ".join(remembering)} begins anew, so this '
                'run will not end exactly like one without interruption'
            )

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed for the data loader of this epoch."""
        batches = runner.train_dataloader.batch_sampler
        if isinstance(batches, PlacedBatches) and not isinstance(
            runner.train_loop, IterBasedTrainLoop
        ):
            batches.epoch = runner.epoch
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
        """Seed for what is drawn between two iterations."""
        self._seed(runner, 2)

    def _seed(self, runner: Runner, stage: int) -> None:
        rank = get_rank() if self.diff_rank_seed else 0
        seed = seed_from([runner.seed, runner.iter, stage, rank])
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)


def parts_with_memory(dataset: Any, model: Any) -> List[str]:
    """Names of parts that remember earlier batches.

    Args:
        dataset (Dataset): The training set, with its wrappers.
        model (nn.Module, optional): The model, or its data preprocessor.
    """
    parts = list(_parts_of(dataset))
    if isinstance(model, nn.Module):
        for module in model.modules():
            parts.append(module)
            augments = getattr(module, 'batch_augments', None)
            parts += augments if isinstance(augments, list) else []
    return sorted(
        {
            type(part).__name__
            for part in parts
            if any(hasattr(part, name) for name in _REMEMBER)
        }
    )


def _parts_of(node: Any) -> Iterator[Any]:
    """A dataset or transform, and those inside of it."""
    if isinstance(node, (list, tuple)):
        for one in node:
            yield from _parts_of(one)
    elif node is not None:
        yield node
        for name in _INSIDE:
            yield from _parts_of(getattr(node, name, None))
