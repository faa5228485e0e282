"""Logits of a cache stand in for those of a teacher."""

import pytest
import torch

pytest.importorskip('mmpretrain')

from mmkd_logit.cache.form import RowForm  # noqa: E402
from mmkd_logit.cache.write import CacheWriter  # noqa: E402
from mmkd_logit.distillers.cached_teacher import (  # noqa: E402
    CachedPass,
    _laid_out,
    layout_of,
)
from mmkd_logit.heads.upstream.maps import channels_outside  # noqa: E402
from mmkd_logit.registry import MODELS  # noqa: E402
from tests.test_cache.toy_runs import config, save_teacher  # noqa: E402
from tests.toy_classifiers import build, classifier_cfg  # noqa: E402
from tests.toys import seeded  # noqa: E402


@pytest.fixture
def folder(tmp_path):
    """A cache, and the weights of its teacher."""
    CacheWriter(
        config(tmp_path, steps=[]), str(tmp_path / 'cache'), RowForm()
    ).write()
    return tmp_path


def distiller(folder, **changes):
    cfg = config(folder, steps=[], cache=folder / 'cache')
    for key, value in changes.items():
        cfg.model[key] = value
    return MODELS.build(cfg.model)


def test_the_teacher_is_not_read(folder):
    model = distiller(folder)
    model.prepare()
    teacher = model.teacher
    assert all(p.is_meta for p in teacher.model.parameters())
    assert teacher.num_parameters > 100
    model.float()  # moves the student alone
    assert teacher.path == str(folder / 'teacher.pth')
    assert 'weights' in '\n'.join(model.report())
    assert 'not run' in teacher.cache.describe()


def test_other_weights_are_refused(folder):
    other = build(classifier_cfg(channels=6), seed=9)
    path = save_teacher(other, folder / 'other.pth')
    with pytest.raises(ValueError, match='another teacher: sha256 of the wei'):
        distiller(folder, teacher_ckpt=path).prepare()
    with pytest.raises(FileNotFoundError, match='or set it to None'):
        distiller(folder, teacher_ckpt='/nowhere.pth').prepare()


def test_without_weights_the_cache_is_believed(folder):
    (folder / 'teacher.pth').unlink()
    model = distiller(folder, teacher_ckpt=None)
    model.prepare()
    assert len(model.teacher.sha256) == 12


def test_another_network_is_refused(folder):
    other = classifier_cfg(channels=7)
    with pytest.raises(ValueError, match='backbone.channels was 6, is 7'):
        distiller(folder, teacher=other).prepare()


def test_a_teacher_in_half_precision_is_another_one(folder):
    with pytest.raises(
        ValueError, match='teacher_options.dtype was not set, is bfloat16'
    ):
        distiller(folder, teacher_options=dict(dtype='bfloat16')).prepare()
    distiller(folder, teacher_options=dict(compile=True)).prepare()
    cfg = config(folder, steps=[], teacher_options=dict(dtype='bfloat16'))
    writer = CacheWriter(cfg, str(folder / 'half'), RowForm())
    store = writer.write()
    rows = range(22)
    images = store._index['input'][rows]
    rounded, exact = (
        one.read(rows, images)['values0']
        for one in (store, distiller_cache(folder))
    )
    assert 0 < abs(rounded - exact).max() < 0.1


def distiller_cache(folder):
    model = distiller(folder)
    model.prepare()
    return model.teacher.cache.store


def test_a_cache_that_is_not_complete(folder):
    from mmkd_logit.cache.store import RowStore

    store = RowStore.open(str(folder / 'cache'), writing=True)
    store._index[3] = (0, 0, 0)
    store.flush()
    with pytest.raises(ValueError, match='1 of 22 rows are not written'):
        distiller(folder).prepare()


@pytest.mark.parametrize('shape', [(3, 4), (3, 4, 5, 6)])
def test_tensors_lie_in_memory_as_they_did(shape):
    plain = torch.randn(shape, generator=seeded(0))
    cases = [plain, plain.transpose(0, 1).contiguous().transpose(0, 1)]
    if len(shape) == 4:
        cases += [channels_outside(plain)]
        cases += [plain.contiguous(memory_format=torch.channels_last)]
    for logits in cases:
        again = _laid_out(logits.contiguous().clone(), layout_of(logits))
        assert torch.equal(again, logits)
        assert again.stride() == logits.stride()


def test_what_a_cache_does_not_hold(folder):
    model = distiller(folder)
    model.prepare()

    class Cache:
        folder = 'c'

        def logits(self, samples, device):
            return {'class logits None': torch.zeros(1)}

    look = CachedPass(model.teacher.model, Cache(), torch.zeros(1), [], None)
    assert look.once('class logits None', None) == 0 and look.mapped
    with pytest.raises(RuntimeError, match="'c' has no 'seg map', but"):
        look.once('seg map', None)
