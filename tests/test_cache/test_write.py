"""A cache is written whole, and gone on with where it was stopped."""

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip('mmpretrain')
pytest.importorskip('mmseg')

from mmkd_logit.cache.form import RowForm  # noqa: E402
from mmkd_logit.cache.order import Length  # noqa: E402
from mmkd_logit.cache.store import RowStore  # noqa: E402
from mmkd_logit.cache.write import CacheWriter  # noqa: E402
from tests.test_cache.toy_runs import config  # noqa: E402
from tests.test_end_to_end.commands import ENV, ROOT  # noqa: E402

KILLED = """
from pathlib import Path
from mmkd_logit.cache.form import RowForm
from mmkd_logit.cache.write import CacheWriter
from tests.test_cache.toy_runs import config
folder = Path({folder!r})
CacheWriter(
    config(folder, dataset=dict(killed_at=35)), str(folder / 'cache'),
    RowForm()).write()
"""


def write(folder, form=None, length=None, name='cache', **kwargs):
    told = []
    CacheWriter(
        config(folder, **kwargs),
        str(folder / name),
        form or RowForm(),
        length,
        tell=told.append,
    ).write()
    return RowStore.open(str(folder / name)), told


def test_the_size_is_told_before_it_is_written(tmp_path):
    store, told = write(tmp_path, RowForm.of(2, 'float16'))
    # 2 float16 values, 2 bytes of classes, a float16 rest; 9 of the index
    assert told == [
        f'{tmp_path}/cache: 44 rows (2 epochs) of (4,), the largest 2 logits '
        'in float16: 17 bytes a row, 0.0 MiB in all'
    ]
    assert not store.missing.any() and len(store) == 44


def test_a_killed_process_is_gone_on_with(tmp_path):
    whole, _ = write(tmp_path, name='whole')
    code = KILLED.format(folder=str(tmp_path))
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, env=ENV, capture_output=True
    )
    assert done.returncode == -9, done.stderr.decode()
    part = RowStore.open(str(tmp_path / 'cache'))
    written = int((~part.missing).sum())
    assert 0 < written < 44
    again, told = write(tmp_path)
    assert told == [f'{written} of 44 rows are there']
    for name in ('rows.npy', 'index.npy'):
        ours, theirs = (
            np.load(tmp_path / where / name) for where in ('cache', 'whole')
        )
        assert np.array_equal(ours, theirs)


def test_images_without_random_augmentation_are_written_once(tmp_path):
    store, told = write(tmp_path, steps=[], length=Length(passes=5))
    assert len(store) == 22 and store.meta['order']['by'] == 'sample'
    assert told[0].startswith('the pipeline has no random augmentation')


@pytest.mark.parametrize(
    'change, words',
    [
        (dict(form=RowForm(2)), 'cache with keep=None, asked for is 2'),
        (dict(length=Length(passes=3)), "with order={.*'count': 44,"),
        (dict(dataset=dict(shift=1)), 'is of another data set'),
        (dict(randomness=dict(seed=4)), 'seed was 3, is 4'),
        (dict(logits=dict(type='ClsLogits', scales=(1, 2))), 'with readers='),
    ],
)
def test_another_cache_is_not_gone_on_with(tmp_path, change, words):
    write(tmp_path)
    change = dict(change)
    randomness = change.pop('randomness', None)
    arguments = dict(form=RowForm(), length=None)
    arguments.update(
        (k, change.pop(k)) for k in tuple(change) if k in arguments
    )
    other = config(tmp_path, **change)
    if randomness:
        other.randomness = randomness
    with pytest.raises(ValueError, match=words):
        CacheWriter(other, str(tmp_path / 'cache'), **arguments).write()


def test_maps_of_several_sizes(tmp_path):
    cfg = config(tmp_path, 'seg', steps=[], dataset=dict(sides=(16, 24)))
    cfg.model.student.data_preprocessor.size = None
    cfg.model.student.data_preprocessor.size_divisor = 1
    cfg.train_dataloader.batch_size = 1
    with pytest.raises(ValueError, match=r'\(4, 6, 6\) here and seg map'):
        CacheWriter(cfg, str(tmp_path / 'cache'), RowForm()).write()
