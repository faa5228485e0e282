"""A wrong name in a config gets a sentence."""

import pytest

from mmkd_logit.distillers.build import build_model, build_named
from tests.toys import ToyModel


def test_an_unknown_setting_of_a_loss_is_named_with_the_known_ones():
    loss = dict(type='mmkd_logit.DKDLoss', temperature=4.0)
    with pytest.raises(
        TypeError,
        match='distill.a.loss has the unknown setting temperature; '
        'mmkd_logit.DKDLoss takes tau, alpha, beta,.* loss_weight',
    ):
        build_named(loss, 'loss', 'distill.a.loss')


def test_an_unknown_model_is_named_with_the_nearest():
    with pytest.raises(
        ValueError,
        match="the student has the type 'ToyModl', which mmkd_logit does not "
        "know; did you mean 'ToyModel'",
    ):
        build_model(dict(type='mmkd_logit.ToyModl'), 'student')
    assert isinstance(
        build_model(dict(type='mmkd_logit.ToyModel'), 'student'), ToyModel
    )


def test_an_unknown_part_of_a_detector_is_named_with_its_toolbox():
    pytest.importorskip('mmdet')
    model = dict(
        type='mmdet.RetinaNet',
        backbone=dict(type='ResNt', depth=18),
        neck=None,
        bbox_head=dict(type='RetinaHead'),
    )
    with pytest.raises(
        ValueError, match="teacher has the type 'ResNt', which mmdet.*'ResNet'"
    ):
        build_model(model, 'teacher')


def test_a_config_builds_a_model_twice():
    # a stock DINO writes into the config of its head
    pytest.importorskip('mmdet')
    from mmengine.config import ConfigDict
    from mmengine.registry import DefaultScope

    from tests.toy_detrs import detr_cfg

    cfg = ConfigDict(detr_cfg('dino'))
    before = cfg.to_dict()
    with DefaultScope.overwrite_default_scope('mmdet'):
        for whose in ('teacher', 'student'):
            assert type(build_model(cfg, whose)).__name__ == 'DINO'
    assert cfg.to_dict() == before
