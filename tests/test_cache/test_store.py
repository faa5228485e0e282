"""Rows in files: whole, checked, and not mistaken for others."""

import numpy as np
import pytest

from mmkd_logit.cache.store import RowStore

FIELDS = [('values0', '<f4', (3,)), ('classes0', '|u1', (3,))]


def fields_of(numbers):
    numbers = np.asarray(numbers)
    values = np.stack([numbers, numbers + 0.5, -numbers], 1)
    return dict(values0=values, classes0=numbers[:, None])


@pytest.fixture
def cache(tmp_path):
    """Rows 0 to 4 of 6."""
    made = RowStore.create(str(tmp_path / 'c'), dict(a=1), FIELDS, 6)
    numbers = [4, 0, 2, 1, 3]
    made.write(numbers, [n + 70 for n in numbers], fields_of(numbers))
    made.flush()
    return made


def test_rows_come_back_in_any_order(cache):
    again = RowStore.open(cache.folder)
    assert len(again) == 6 and again.meta['a'] == 1
    assert again.missing.tolist() == [False] * 5 + [True]
    records = again.read([3, 1, 3], [73, 71, 73])
    assert records['values0'].tolist() == [
        [3.0, 3.5, -3.0],
        [1.0, 1.5, -1.0],
        [3.0, 3.5, -3.0],
    ]
    assert records['classes0'][:, 0].tolist() == [3, 1, 3]


def damage(cache, name, offset):
    path = f'{cache.folder}/{name}'
    with open(path, 'r+b') as file:
        file.seek(offset, 2)
        byte = file.read(1)
        file.seek(offset, 2)
        file.write(bytes([byte[0] ^ 1]))


def test_one_wrong_bit_is_found_and_repaired(cache):
    # records of 15 bytes: the 8th byte of the fourth row from the end
    damage(cache, 'rows.npy', -4 * 15 + 7)
    again = RowStore.open(cache.folder, writing=True)
    again.read([0, 1, 3, 4], [70, 71, 73, 74])
    with pytest.raises(RuntimeError, match='row 2 of the cache .* damaged'):
        again.read([1, 2], [71, 72])
    assert again.forget_damaged() == 1
    assert np.flatnonzero(again.missing).tolist() == [2, 5]
    again.write([2], [72], fields_of([2]))
    assert RowStore.open(cache.folder).read([2], [72])['values0'][0, 1] == 2.5


def test_a_row_that_was_not_written_is_not_read(cache):
    with pytest.raises(RuntimeError, match='row 5 of the cache'):
        RowStore.open(cache.folder).read([5], [75])


def test_a_row_at_another_place_is_not_read(cache):
    again = RowStore.open(cache.folder, writing=True)
    again._rows[0], again._index[0] = again._rows[1], again._index[1]
    with pytest.raises(RuntimeError, match='row 0 of the cache .* damaged'):
        again.read([0], [71])


def test_a_row_of_another_image_is_not_read(cache):
    with pytest.raises(RuntimeError, match='row 2 .* of another image'):
        cache.read([0, 2], [70, 99])


def test_rows_are_written_before_their_entries(cache, monkeypatch):
    """A process that is killed in between leaves a row that is missing."""

    class Killed(Exception):
        pass

    class Index:
        def __init__(self, index):
            self.index = index

        def __setitem__(self, number, value):
            raise Killed

    monkeypatch.setattr(cache, '_index', Index(cache._index))
    with pytest.raises(Killed):
        cache.write([5], [75], fields_of([5]))
    assert RowStore.open(cache.folder).missing.tolist() == [False] * 5 + [True]
