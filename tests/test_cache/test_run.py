"""Runs whose teacher can be cached, and how long they are."""

import pytest

pytest.importorskip('mmpretrain')
pytest.importorskip('mmseg')

from mmkd_logit.cache.form import RowForm
from mmkd_logit.cache.order import Length, run_length
from mmkd_logit.cache.write import CacheWriter
from tests.test_cache.toy_runs import config
from tests.toy_classifiers import classifier_cfg


def without_seed(cfg):
    cfg.randomness = dict(seed=None)


def without_length(cfg):
    cfg.train_cfg = dict(by_epoch=True)


def two_teachers(cfg):
    cfg.model.teacher = [cfg.model.teacher] * 2
    cfg.model.teacher_ckpt = [cfg.model.teacher_ckpt] * 2


def own_average(cfg):
    cfg.model.teacher, cfg.model.teacher_ckpt = 'ema', None


def mixup(cfg):
    augments = dict(type='Mixup', alpha=0.8)
    preprocessor = cfg.model.student.data_preprocessor
    preprocessor.batch_augments = dict(augments=augments)


@pytest.mark.parametrize(
    'change, words',
    [
        (without_seed, 'need a seed, .* randomness.seed=0'),
        (without_length, 'neither train_cfg.max_epochs nor max_iters'),
        (two_teachers, 'one teacher that stays as it is, this run has 2 te'),
        (own_average, "this run has the student's own average"),
        (mixup, r'mixes the images of a batch \(Mixup\)'),
    ],
)
def test_what_cannot_be_cached(tmp_path, change, words):
    cfg = config(tmp_path)
    change(cfg)
    with pytest.raises(ValueError, match=words):
        CacheWriter(cfg, str(tmp_path / 'cache'), RowForm())


def test_independent_classes_are_kept_all(tmp_path):
    cfg = config(tmp_path, student=classifier_cfg('multi_label', channels=3))
    with pytest.raises(ValueError, match=r'--keep 2 .* independent \(sigm'):
        CacheWriter(cfg, str(tmp_path / 'cache'), RowForm(2))


def test_how_long_a_config_trains(tmp_path):
    assert run_length(config(tmp_path, length=3)) == Length(passes=3)
    by_iters = config(tmp_path, by_epoch=False, length=7)
    assert run_length(by_iters) == Length(iters=7)
