"""Folders that are no cache, or a damaged one, and disks that are full."""

import json

import pytest

from mmkd_logit.cache import files
from mmkd_logit.cache.store import RowStore

FIELDS = [('values0', '<f4', (3,)), ('classes0', '|u1', (3,))]


@pytest.fixture
def cache(tmp_path):
    return RowStore.create(str(tmp_path / 'c'), dict(a=1), FIELDS, 6)


def test_files_that_are_no_cache(tmp_path, cache):
    with pytest.raises(FileNotFoundError, match='is no cache of teacher lo'):
        RowStore.open(str(tmp_path / 'nowhere'))
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other' / 'notes.txt').touch()
    with pytest.raises(ValueError, match=r'has other files \(notes.txt\)'):
        RowStore.create(str(tmp_path / 'other'), {}, FIELDS, 6)


@pytest.mark.parametrize(
    'name, content, words',
    [
        ('cache.json', b'{"a": ', 'cache.json is no JSON'),
        ('rows.npy', b'', 'rows.npy cannot be read'),
        ('rows.npy', None, 'rows.npy cannot be read'),
        ('index.npy', b'\x93NUMPY\x01\x00', 'index.npy cannot be read'),
    ],
)
def test_damaged_files(cache, name, content, words):
    path = f'{cache.folder}/{name}'
    if content is None:  # half of the file is there
        with open(path, 'rb') as file:
            content = file.read()[:150]
    with open(path, 'wb') as file:
        file.write(content)
    with pytest.raises(ValueError, match=words):
        RowStore.open(cache.folder)


def test_other_layouts_and_records(cache):
    path = f'{cache.folder}/cache.json'
    with open(path) as file:
        meta = json.load(file)
    for change, words in (
        (dict(version=99), 'has layout 99'),
        (dict(rows=5), 'has other records'),
        (dict(fields=FIELDS[:1]), 'has other records'),
    ):
        with open(path, 'w') as file:
            json.dump(dict(meta, **change), file)
        with pytest.raises(ValueError, match=words):
            RowStore.open(cache.folder)


def test_a_full_disk_is_told_before(tmp_path, monkeypatch):
    class Disk:
        free = 20

    monkeypatch.setattr(files.shutil, 'disk_usage', lambda path: Disk)
    with pytest.raises(ValueError, match='takes 0.0 GiB, but the disk'):
        RowStore.create(str(tmp_path / 'c'), {}, FIELDS, 6)


def test_bytes_of_a_row():
    # three float32 and three bytes, and nine bytes of the index
    assert files.row_bytes(FIELDS) == 3 * 4 + 3 + 9
