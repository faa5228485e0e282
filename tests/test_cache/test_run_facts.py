"""What a run says about itself."""

from types import SimpleNamespace

import pytest
from torch import nn

from mmkd_logit.cache.order import Length
from mmkd_logit.cache.run_facts import (
    check_images,
    check_readers,
    describe_reader,
    run_fingerprint,
    run_order,
)
from mmkd_logit.heads import ClsLogits, RoILogits, SegLogits
from tests.test_cache.test_order import loader


def distiller(*readers):
    terms = {str(i): SimpleNamespace(reader=r) for i, r in enumerate(readers)}
    teacher = SimpleNamespace(class_columns=None)
    return SimpleNamespace(terms=terms, teacher=teacher)


def test_options_that_the_teacher_is_asked_for():
    # what is done with the teacher's logits afterwards does not count
    one = describe_reader(ClsLogits(hard=True))
    assert one == describe_reader(ClsLogits()) == 'ClsLogits(token=None)'
    cells = describe_reader(ClsLogits(scales=(1, 2), reference='teacher'))
    assert cells == "ClsLogits(scales=(1, 2), pool='nested')"
    seg = describe_reader(SegLogits(windows=(1, 2), auxiliary_weight=0.4))
    assert seg == "SegLogits(resolution='logits', auxiliary=True)"
    with pytest.raises(ValueError, match='rows of RoILogits depend on what'):
        describe_reader(RoILogits())


def test_readers_that_a_cache_is_not_for():
    cached = ['ClsLogits(token=None)']
    check_readers('c', cached, distiller(ClsLogits(), ClsLogits(hard=True)))
    with pytest.raises(
        ValueError, match=r'is for ClsLogits\(token=None\), .*\(1, 2\)'
    ):
        check_readers('c', cached, distiller(ClsLogits(scales=(1, 2))))


class Pipeline:
    def __init__(self, *transforms):
        self.transforms = transforms


class CachedMosaic:
    results_cache = []


class MixUp:
    pass


def test_images_that_are_mixed():
    data = SimpleNamespace(pipeline=Pipeline(MixUp()))
    wrapped = SimpleNamespace(pipeline=Pipeline(CachedMosaic()), dataset=data)
    plain = nn.Module()
    check_images(data, plain)  # drawn by the seed of its place
    with pytest.raises(ValueError, match='CachedMosaic mixes in images'):
        check_images(wrapped, plain)
    plain.batch_augments = SimpleNamespace(augments=[MixUp(), None])
    with pytest.raises(ValueError, match=r'mixes the images .* \(MixUp\)'):
        check_images(data, plain)


class Data(list):
    pass


def test_parts_of_a_run():
    config = dict(
        model=dict(student=dict(data_preprocessor=dict(mean=[1.0, 2.0]))),
        train_dataloader=dict(dataset=dict(pipeline=[dict(type='Flip')])),
        data_preprocessor=dict(mean=[3.0]),
    )
    found = run_fingerprint(config, Data([1, 2]), distiller())
    assert found['preprocessor'] == {'mean.0': '1.0', 'mean.1': '2.0'}
    assert found['pipeline'] == {'pipeline.0.type': 'Flip'}
    assert found['data']['type'] == 'Data' and found['data']['samples'] == '2'
    assert found['classes'] == {}
    config['model'] = dict(student=dict())
    found = run_fingerprint(config, Data(), distiller())
    assert found['preprocessor'] == {'mean.0': '3.0'}


def test_the_order_of_samples():
    sampler = dict(type='DefaultSampler', shuffle=True)
    config = dict(train_dataloader=dict(sampler=sampler))
    order = run_order(config, loader(), Length(2), seed=7)
    assert order.rows.count == 20
    assert order.facts == {
        'randomness.seed': '7',
        'batch_size': '4',
        'samples of a pass': '10',
        'sampler.type': 'DefaultSampler',
        'sampler.shuffle': 'True',
    }
    config['randomness'] = dict(diff_rank_seed=True)
    with pytest.raises(ValueError, match='diff_rank_seed=True shuffles'):
        run_order(config, loader(), Length(2), seed=7)
