"""Batches whose samples carry their place, which a resumed run repeats."""

import random
from functools import lru_cache
from typing import Any, Iterator, List, Sequence, Tuple

import numpy as np
import torch
from mmengine.dist import get_rank
from torch.utils.data import DataLoader, Dataset

from .named_files import naming_class


class Place(int):
    """The index of a sample, with the place at which it is drawn.

    Attributes:
        place (tuple[int, ...]): Seed of the run, process, pass over the data,
            batch in that pass, sample in that batch.
    """

    place: Tuple[int, ...]

    @classmethod
    def of(cls, index: int, place: Tuple[int, ...]) -> 'Place':
        placed = cls(index)
        placed.place = place
        return placed


def seed_from(numbers: Sequence[int]) -> int:
    """One seed from several numbers; no two places have the same."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


@lru_cache(maxsize=None)
def seeded_class(plain: type) -> type:
    """A data set's class, but with random numbers that follow the place.

    A sample is augmented in the same way whichever worker loads it, and
    whatever was loaded before.

    Args:
        plain (type): Class of a data set; its objects can become objects of
            the new class.
    """

    def __getitem__(self: Dataset, index: int) -> Any:
        if isinstance(index, Place):
            seed = seed_from(index.place)
            random.seed(seed)
            np.random.seed(seed)
            # Only the generator of the CPU: a worker has no other one.
            torch.default_generator.manual_seed(seed)
            index = int(index)
        return plain.__getitem__(self, index)

    def __reduce__(self: Dataset) -> tuple:
        # A worker that is spawned, not forked, gets a pickle.
        importable = getattr(plain, 'importable_class', plain)
        return _seeded_copy, (importable, plain is not importable, vars(self))

    methods = dict(__getitem__=__getitem__, __reduce__=__reduce__)
    return type(plain.__name__, (plain,), methods)


def _seeded_copy(plain: type, names_files: bool, state: dict) -> Dataset:
    plain = naming_class(plain) if names_files else plain
    copy = object.__new__(seeded_class(plain))
    copy.__dict__.update(state)
    return copy


class PlacedBatches:
    """A batch sampler whose indices are :class:`Place`.

    Args:
        batches (Iterable[list[int]]): The batch sampler of a data loader.
        seed (int): Seed of the run.

    Attributes:
        epoch (int): Pass over the data.
        skip (int): Batches to leave out of the next pass, or passes.
    """

    def __init__(self, batches: Any, seed: int) -> None:
        self.batches = batches
        self.seed = seed
        self.epoch = 0
        self.skip = 0

    def __len__(self) -> int:
        return len(self.batches)

    def __getattr__(self, name: str) -> Any:
        if name == 'batches':
            raise AttributeError(name)
        return getattr(self.batches, name)

    def __iter__(self) -> Iterator[List[Place]]:
        skip, self.skip = self.skip, 0
        while True:
            seen = given = 0
            for number, batch in enumerate(self.batches):
                seen += 1
                if skip:
                    skip -= 1
                    continue
                given += 1
                place = (self.seed, get_rank(), self.epoch, number)
                yield [
                    Place.of(index, (*place, position))
                    for position, index in enumerate(batch)
                ]
            if given or not seen:
                return
            self.next_pass()

    def next_pass(self) -> None:
        """Begin the next pass, as MMEngine's loop by iterations does."""
        self.epoch += 1
        sampler = getattr(self.batches, 'sampler', None)
        if hasattr(sampler, 'set_epoch'):
            sampler.set_epoch(self.epoch)


class IteratedBatches:
    """Replaces the endless iterator of a loop by iterations.

    Args:
        loader (DataLoader): A data loader with :class:`PlacedBatches`.
        swallow (int): Number of calls that only skip a batch. Older versions
            of MMEngine make them in a resumed run; those batches are not
            loaded.
    """

    def __init__(self, loader: DataLoader, swallow: int = 0) -> None:
        self._loader = loader
        self._swallow = swallow
        self._iterator: Any = None
        loader.batch_sampler.skip = swallow

    def skip_iter(self, count: int) -> None:
        """Skip batches; newer versions of MMEngine call this instead."""
        self._loader.batch_sampler.skip = count

    def __iter__(self) -> 'IteratedBatches':
        return self

    def __next__(self) -> Any:
        if self._swallow:
            self._swallow -= 1
            return None
        if self._iterator is None:
            self._iterator = iter(self._loader)
        try:
            return next(self._iterator)
        except StopIteration:
            self._loader.batch_sampler.next_pass()
            self._iterator = iter(self._loader)
            return next(self._iterator)


def place_batches(loader: DataLoader, seed: int) -> None:
    """Make a data loader seed each sample by its place.

    Workers that have begun are ended, because they load what a resumed run
    has already seen.

    Args:
        loader (DataLoader): The data loader, which is changed in place. Its
            data set keeps its name, attributes and order.
        seed (int): Seed of the run.
    """
    if isinstance(loader.batch_sampler, PlacedBatches):
        return
    begin_anew(loader)
    # A DataLoader that is built does not let these be set.
    vars(loader)['batch_sampler'] = PlacedBatches(loader.batch_sampler, seed)
    loader.dataset.__class__ = seeded_class(type(loader.dataset))


def begin_anew(loader: DataLoader) -> None:
    """End persistent workers, and forget what was drawn ahead for them."""
    begun = getattr(loader, '_iterator', None)
    if begun is not None:
        end_workers(begun)
        loader._iterator = None
    _start_again(loader.batch_sampler)


def end_workers(iterator: Any) -> None:
    """End workers that load from the beginning of the data."""
    if hasattr(iterator, '_shutdown_workers'):
        iterator._shutdown_workers()


def _start_again(batches: Any) -> None:
    """Forget what was drawn ahead of the first iteration."""
    sampler = getattr(batches, 'sampler', None)
    if hasattr(sampler, '_indices_of_rank'):
        sampler.indices = sampler._indices_of_rank()
    buckets = getattr(batches, '_aspect_ratio_buckets', None)
    if buckets is not None:
        batches._aspect_ratio_buckets = [[] for _ in buckets]
