"""A run with cached logits is the run with the teacher itself."""

import pytest

pytest.importorskip('mmpretrain')
pytest.importorskip('mmseg')

from mmkd_logit.cache.form import RowForm  # noqa: E402
from mmkd_logit.cache.write import CacheWriter  # noqa: E402
from tests.test_cache.toy_runs import config, same_weights, train  # noqa: E402

RESIZE = dict(type='mmseg.Resize', scale=(16, 16))
SDD = dict(type='mmkd_logit.ClsLogits', scales=(1, 2))
WINDOWS = dict(type='mmkd_logit.SegLogits', windows=(1, 2))
SMALL = dict(resolution='labels', type='mmkd_logit.SegLogits')


def write(folder, form=None, every_epoch=False, **kwargs):
    cfg = config(folder, **kwargs)
    cache = folder / 'cache'
    CacheWriter(
        cfg, str(cache), form or RowForm(), every_epoch=every_epoch
    ).write()
    return cache


@pytest.mark.parametrize(
    'every_epoch, settings',
    [
        (False, dict()),
        (False, dict(logits=SDD)),
        (True, dict(steps=[])),
        (False, dict(by_epoch=False, length=9)),
        (False, dict(task='seg')),
        (False, dict(task='seg', logits=WINDOWS, by_epoch=False, length=9)),
        (False, dict(task='seg', logits=SMALL)),
        (True, dict(task='seg', steps=[RESIZE])),
    ],
)
def test_the_same_to_the_last_bit(tmp_path, every_epoch, settings):
    live = train(config(tmp_path, **settings))
    cache = write(tmp_path, every_epoch=every_epoch, **settings)
    cached = train(config(tmp_path, cache=cache, **settings))
    assert same_weights(cached, live)
    other = train(config(tmp_path, **{**settings, 'length': 3}))
    assert not same_weights(other, live)


@pytest.mark.parametrize('by_epoch', [True, False])
def test_one_row_for_each_sample_with_workers(tmp_path, by_epoch):
    """Without SeedEachIterHook: the order and the dropout stay the run's."""
    settings = dict(
        steps=[], by_epoch=by_epoch, length=2 if by_epoch else 9, workers=1
    )

    def unseeded(**more):
        cfg = config(tmp_path, **settings, **more)
        cfg.custom_hooks.pop(2)
        return train(cfg)

    live = unseeded()
    cached = unseeded(cache=write(tmp_path, **settings))
    ours, theirs = (r.model.state_dict() for r in (cached, live))
    for key in theirs:  # a batch of another make-up has other last bits
        assert (ours[key] - theirs[key]).abs().max() < 1e-5


def test_rows_of_a_place_with_workers(tmp_path):
    cache = write(tmp_path)
    runs = [
        train(config(tmp_path, cache=cache, workers=workers))
        for workers in (0, 2)
    ]
    assert same_weights(*runs)


def seed_4(cfg):
    cfg.randomness.seed = 4


def unseeded(cfg):
    cfg.custom_hooks.pop(2)


def batch_of_5(cfg):
    cfg.train_dataloader.batch_size = 5


def in_order(cfg):
    cfg.train_dataloader.sampler.shuffle = False


def other_mean(cfg):
    cfg.model.student.data_preprocessor.mean = [1.0] * 3


def other_pictures(cfg):
    cfg.train_dataloader.dataset.length = 21


def flips_more(cfg):
    cfg.train_dataloader.dataset.pipeline[0].prob = 0.9


def cells(cfg):
    cfg.model.distill.loss_kd.logits = SDD


def longer(cfg):
    cfg.train_cfg.max_epochs = 3


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp('cached')
    write(path)
    return path


@pytest.mark.parametrize(
    'change, words',
    [
        (seed_4, 'another order of samples .*: randomness.seed was 3, is 4'),
        (unseeded, 'random augmentation, which this run does not repeat'),
        (batch_of_5, 'batch_size was 4, is 5'),
        (in_order, 'sampler.shuffle was True, is False'),
        (other_mean, 'another data preprocessor: mean.0 was 127.0, is 1.0'),
        (other_pictures, 'another data set: samples was 22, is 21'),
        (flips_more, 'another pipeline: pipeline.0.prob was 0.5, is 0.9'),
        (cells, r'is for ClsLogits\(token=None\), but this run reads'),
        (longer, 'has 2 epochs, but this run trains 3 epochs'),
    ],
)
def test_a_cache_of_another_run_is_refused(folder, change, words):
    cfg = config(folder, cache=folder / 'cache')
    change(cfg)
    with pytest.raises(ValueError, match=words):
        train(cfg)


def test_a_shorter_run_reads_a_longer_cache(folder):
    train(config(folder, cache=folder / 'cache', length=1))


def test_images_that_have_changed_stop_the_run(folder):
    """Names and settings are the same: the checksum of the image tells."""
    changed = dict(brighter=7)
    cfg = config(folder, cache=folder / 'cache', dataset=changed)
    with pytest.raises(RuntimeError, match='is of another image than the one'):
        train(cfg)


def test_without_the_hook_the_first_step_names_it(folder):
    cfg = config(folder, cache=folder / 'cache')
    cfg.custom_hooks.pop(1)
    with pytest.raises(ValueError, match='TeacherCacheHook'):
        train(cfg)


def test_a_map_of_another_size_is_refused_in_the_first_step(tmp_path):
    cache = write(tmp_path, task='seg')
    from tests.toy_segmentors import segmentor_cfg

    finer = segmentor_cfg(channels=3, stride=2)
    cfg = config(tmp_path, 'seg', cache=cache, student=finer)
    with pytest.raises(RuntimeError, match=r"has no 'seg map \(8, 8\)'"):
        train(cfg)


def test_a_run_without_cache_is_left_alone(tmp_path):
    runner = train(config(tmp_path, length=1))
    assert not hasattr(type(runner.train_dataloader.dataset), 'marks_samples')
