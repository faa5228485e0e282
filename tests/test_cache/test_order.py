"""Rows are numbered as a run draws its samples."""

import numpy as np
import pytest
from mmengine.dataset import DefaultSampler, InfiniteSampler
from torch.utils.data import BatchSampler, DataLoader

from mmkd_logit.cache.marks import Mark
from mmkd_logit.cache.order import (
    Length,
    MissingBatches,
    RowOrder,
    order_by_place,
    order_by_sample,
)
from mmkd_logit.hooks.placed_batches import PlacedBatches


def loader(length=10, batch=4, drop_last=False, endless=False):
    data = list(range(length))
    kind = InfiniteSampler if endless else DefaultSampler
    sampler = kind(data, shuffle=True, seed=5)
    batches = BatchSampler(sampler, batch, drop_last)
    return DataLoader(data, batch_sampler=batches)


def numbers(order, batches):
    return [
        [order.number(Mark(int(one), one.place, 0)) for one in batch]
        for batch in batches
    ]


@pytest.mark.parametrize(
    'settings, length, count',
    [
        (dict(), Length(passes=2), 20),
        (dict(drop_last=True), Length(passes=2), 16),
        # 10 iterations: three passes of 10, and 4 samples of the next one
        (dict(), Length(iters=10), 34),
        (dict(drop_last=True), Length(iters=5), 20),
        (dict(endless=True), Length(iters=7), 28),
    ],
)
def test_every_row_is_drawn_once(settings, length, count):
    one = loader(**settings)
    order = order_by_place(one, length)
    assert order.count == count
    placed = PlacedBatches(one.batch_sampler, 1)
    batches = MissingBatches(order, np.ones(count, bool), placed)
    assert sum(numbers(order, batches), []) == list(range(count))


def test_samples_are_those_of_a_run():
    one = loader()
    order = order_by_place(one, Length(passes=2))
    placed = PlacedBatches(one.batch_sampler, 1)
    drawn = sum(MissingBatches(order, np.ones(20, bool), placed), [])
    again = DefaultSampler(list(range(10)), shuffle=True, seed=5)
    expected = list(again)
    again.set_epoch(1)
    assert [int(i) for i in drawn] == expected + list(again)


def test_only_batches_with_missing_rows_are_loaded():
    one = loader()
    order = order_by_place(one, Length(passes=2))
    missing = np.zeros(20, bool)
    missing[[5, 19]] = True
    placed = PlacedBatches(one.batch_sampler, 1)
    batches = MissingBatches(order, missing, placed)
    assert numbers(order, batches) == [[4, 5, 6, 7], [18, 19]]


def test_rows_by_sample():
    order = order_by_sample(loader())
    missing = np.ones(10, bool)
    missing[2] = False
    found = list(MissingBatches(order, missing))
    assert found == [[0, 1, 3, 4], [5, 6, 7, 8], [9]]
    assert order.number(Mark(7, None, 0)) == 7
    assert order.number(Mark(7, (1, 0, 3, 2, 1), 0)) == 7


def test_rows_that_a_cache_does_not_have():
    order = RowOrder('place', 8, 8, 4)
    with pytest.raises(RuntimeError, match='8 rows, but .* asks for row 12'):
        order.number(Mark(0, (1, 0, 1, 1, 0), 0))
    with pytest.raises(RuntimeError, match='not seeded.*SeedEachIterHook'):
        order.number(Mark(0, None, 0))


def test_epochs_of_a_sampler_that_never_ends():
    with pytest.raises(ValueError, match='its sampler never ends one'):
        order_by_place(loader(endless=True), Length(passes=2))


def test_words():
    lengths = [Length(1), Length(2), Length(iters=1), Length(iters=30)]
    assert [length.describe() for length in lengths] == [
        '1 epoch',
        '2 epochs',
        '1 iteration',
        '30 iterations',
    ]
