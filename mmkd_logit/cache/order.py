"""Which row belongs to which sample, and in what order rows are written.

If the pipeline uses no random numbers, a sample is the same whenever it is
drawn, and there is one row for each sample of the data set. Otherwise a row
belongs to a place in the run: the pass over the data, the batch and the
position in it, from which
:class:`~mmkd_logit.hooks.SeedEachIterHook` seeds the sample's augmentation.
"""

from typing import TYPE_CHECKING, Iterator, List, NamedTuple, Optional

import numpy as np
from mmengine.config import Config
from torch.utils.data import DataLoader

from ..messages import StoppedRun, WrongValue
from .marks import Mark

if TYPE_CHECKING:
    from ..hooks.placed_batches import PlacedBatches


class RowOrder(NamedTuple):
    """How rows are numbered.

    Attributes:
        by (str): ``'sample'`` or ``'place'``.
        count (int): Number of rows.
        per_pass (int): Samples of one pass over the data; 0 for a sampler
            that never ends.
        batch (int): Samples of a batch.
    """

    by: str
    count: int
    per_pass: int
    batch: int

    def number(self, mark: Mark) -> int:
        """The row of a sample.

        Raises:
            RuntimeError: If the cache has none for it.
        """
        number = mark.index
        if self.by == 'place':
            if mark.place is None:
                raise StoppedRun(
                    'the teacher cache is of random augmentation, but the '
                    "samples of this run are not seeded; add dict(type='"
                    "mmkd_logit.SeedEachIterHook') to custom_hooks"
                )
            _, _, turn, batch, position = mark.place
            number = turn * self.per_pass + batch * self.batch + position
        if number >= self.count:
            raise StoppedRun(
                f'the teacher cache has {self.count} rows, but this run asks '
                f'for row {number}; write a longer one'
            )
        return number


class Length(NamedTuple):
    """How long a run is.

    Attributes:
        passes (int, optional): Epochs of a loop by epochs.
        iters (int, optional): Iterations of a loop by iterations.
    """

    passes: Optional[int] = None
    iters: Optional[int] = None

    def describe(self) -> str:
        """A description, such as ``'240 epochs'``."""
        if self.passes is not None:
            return f'{self.passes} epoch{"s" * (self.passes != 1)}'
        return f'{self.iters} iteration{"s" * (self.iters != 1)}'


def run_length(config: Config) -> Length:
    """How long a config trains.

    Raises:
        ValueError: If it states neither epochs nor iterations.
    """
    loop = config.get('train_cfg') or {}
    if loop.get('max_epochs'):
        return Length(passes=int(loop['max_epochs']))
    if loop.get('max_iters'):
        return Length(iters=int(loop['max_iters']))
    raise WrongValue(
        'the config has neither train_cfg.max_epochs nor max_iters; say with '
        '--epochs or --iters how long its runs will be'
    )


def order_by_sample(loader: DataLoader) -> RowOrder:
    """One row for each sample of a data set."""
    return RowOrder('sample', len(loader.dataset), 0, _batch_size(loader))


def order_by_place(loader: DataLoader, length: Length) -> RowOrder:
    """One row for each sample that a run draws.

    Args:
        loader (DataLoader): Data loader of a run in one process.
        length (Length): Length of the run.
    """
    batch, batches = _batch_size(loader), loader.batch_sampler
    if _is_endless(loader):
        if length.iters is None:
            raise WrongValue(
                'the training counts epochs, but its sampler never ends one; '
                'take sampler=dict(type="DefaultSampler", shuffle=True)'
            )
        return RowOrder('place', length.iters * batch, 0, batch)
    per_pass = min(len(batches.sampler), len(batches) * batch)
    if length.passes is not None:
        return RowOrder('place', length.passes * per_pass, per_pass, batch)
    passes, rest = divmod(length.iters, len(batches))
    count = passes * per_pass + min(rest * batch, per_pass)
    return RowOrder('place', count, per_pass, batch)


def _batch_size(loader: DataLoader) -> int:
    return getattr(loader.batch_sampler, 'batch_size', None) or 1


def _is_endless(loader: DataLoader) -> bool:
    sampler = getattr(loader.batch_sampler, 'sampler', None)
    return 'Infinite' in type(sampler).__name__


class MissingBatches:
    """A batch sampler of what a cache lacks.

    Args:
        order (RowOrder): Order of the rows of the cache.
        missing (np.ndarray): Which rows it lacks, shape (N,), bool; may be
            changed from outside.
        placed (PlacedBatches, optional): Batches of the run, for rows by
            place.
    """

    def __init__(
        self,
        order: RowOrder,
        missing: np.ndarray,
        placed: Optional['PlacedBatches'] = None,
    ) -> None:
        self.order = order
        self.missing = missing
        self.placed = placed

    def __iter__(self) -> Iterator[List[int]]:
        if self.order.by == 'sample':
            wanted = np.flatnonzero(self.missing).tolist()
            for begin in range(0, len(wanted), self.order.batch):
                yield wanted[begin : begin + self.order.batch]
            return
        turn, begin = 0, 0
        while begin < self.order.count:
            self.placed.epoch = turn
            sampler = getattr(self.placed.batches, 'sampler', None)
            if hasattr(sampler, 'set_epoch'):
                sampler.set_epoch(turn)
            begin = turn * self.order.per_pass
            for batch in self.placed:
                if begin >= self.order.count:
                    return
                if self.missing[begin : begin + len(batch)].any():
                    yield batch
                begin += len(batch)
            turn += 1
