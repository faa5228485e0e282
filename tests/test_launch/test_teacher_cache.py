"""A run with a teacher cache gets what it needs, or a sentence."""

from argparse import Namespace

import pytest
from mmengine.config import Config

from mmkd_logit.cache.store import RowStore
from mmkd_logit.launch.teacher_cache import cache_teacher, use_cache

FIELDS = [('values0', '<f4', (3,))]


@pytest.fixture(params=['place', 'sample'])
def by(request):
    return request.param


@pytest.fixture
def folder(tmp_path, by):
    meta = dict(order=dict(by=by), seed=7)
    RowStore.create(str(tmp_path / 'c'), meta, FIELDS, 4)
    return str(tmp_path / 'c')


def config(**more):
    model = dict(type='mmkd_logit.LogitDistiller', teacher='t.py')
    return Config(dict(dict(model=model), **more))


def test_hook_and_seeds(folder, by):
    cfg = config(custom_hooks=[dict(type='OtherHook')])
    use_cache(cfg, folder)
    use_cache(cfg)  # as tools/train.py of a config that names the folder
    kinds = [hook['type'] for hook in cfg.custom_hooks]
    assert kinds == ['OtherHook', 'mmkd_logit.TeacherCacheHook']
    assert cfg.model.teacher_cache == folder
    random = by == 'place'
    assert cfg.get('exact_resume', False) is random
    seed = cfg.get('randomness', {}).get('seed')
    assert seed == (7 if random else None)


def test_another_seed(folder, by):
    cfg = config(randomness=dict(seed=8))
    if by == 'sample':
        use_cache(cfg, folder)
        return
    with pytest.raises(ValueError, match=r'randomness.seed=7, this run has 8'):
        use_cache(cfg, folder)


def test_runs_that_have_no_use_for_it(folder):
    cfg = config()
    use_cache(cfg)
    assert 'custom_hooks' not in cfg
    alone = Config(dict(model=dict(type='ImageClassifier')))
    use_cache(alone)
    with pytest.raises(ValueError, match='this config has no teacher'):
        use_cache(alone, folder)
    with pytest.raises(FileNotFoundError, match='is no cache of teacher'):
        use_cache(config(), '/nowhere')


@pytest.mark.parametrize(
    'options, words',
    [
        (dict(keep='-1'), "keep must be 'all' or a number"),
        (dict(epochs=2, iters=3), 'exclude each other'),
        (dict(epochs=0), '--epochs must be >= 1'),
    ],
)
def test_options_that_contradict(options, words):
    plain = dict(keep='all', dtype='float32', epochs=None, iters=None)
    with pytest.raises(ValueError, match=words):
        cache_teacher(Namespace(**{**plain, **options}))
