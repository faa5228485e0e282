"""Heads of other toolboxes: told, or refused, never taken in silence."""

import logging
import sys
from types import ModuleType

import pytest
from mmengine.logging import MMLogger
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import Registry

pytest.importorskip('mmdet')

from mmdet.models.dense_heads import RetinaHead
from torch import nn

from mmkd_logit.heads import DenseClsLogits, LogitReader
from mmkd_logit.heads.upstream.foreign import check_foreign_heads, lineage
from mmkd_logit.registry import MODELS


@pytest.fixture
def mmrotate(monkeypatch):
    """A module of that name with a registry of its own."""
    module = ModuleType('mmrotate')
    monkeypatch.setitem(sys.modules, 'mmrotate', module)
    module.MODELS = Registry(
        'model', parent=MMENGINE_MODELS, scope='mmrotate', locations=[]
    )
    yield module
    del MMENGINE_MODELS.children['mmrotate']


@pytest.fixture
def warnings():
    """Warnings that reach MMEngine's logger."""
    seen, logger = [], MMLogger.get_current_instance()

    class Collect(logging.Handler):
        def emit(self, record):
            seen.append(record.getMessage())

    handler = Collect(logging.WARNING)
    logger.addHandler(handler)
    yield seen
    logger.removeHandler(handler)


def subclass(name, module, **methods):
    return type(name, (RetinaHead,), {'__module__': module, **methods})


def check(kind, *readers):
    model = nn.Module()
    model.bbox_head = kind(num_classes=3, in_channels=4, feat_channels=4)
    check_foreign_heads(model, *(readers or [DenseClsLogits()]))


def test_a_subclass_of_another_toolbox_is_told(mmrotate, warnings):
    kind = subclass('RotatedRetinaHead', 'mmrotate.models.dense_heads')
    assert lineage(kind) == ('mmrotate', kind, 'mmdet', RetinaHead)
    check(kind)
    assert len(warnings) == 1
    assert warnings[0].startswith(
        'RotatedRetinaHead of mmrotate is read as RetinaHead of mmdet, '
    )
    # a user's subclass of it is as little tested
    mine = type('Mine', (kind,), {'__module__': 'my_project.heads'})
    check(mine)
    assert len(warnings) == 2


def test_more_arguments_are_told_and_fewer_are_refused(mmrotate, warnings):
    def more(self, cls_scores, bbox_preds, angle_preds, *args, **kwargs):
        raise NotImplementedError

    def with_all(
        self,
        cls_scores,
        bbox_preds,
        angle_preds,
        batch_gt_instances,
        batch_img_metas,
        batch_gt_instances_ignore=None,
    ):
        raise NotImplementedError

    check(subclass('Fits', 'mmrotate.heads', loss_by_feat=with_all))
    assert len(warnings) == 1
    kind = subclass('RotatedHead', 'mmrotate.heads', loss_by_feat=more)
    with pytest.raises(
        ValueError,
        match='RotatedHead of mmrotate has a loss_by_feat without the argume'
        'nts batch_gt_instances, batch_img_metas of RetinaHead of mmdet',
    ):
        check(kind)


def test_own_subclasses_and_tested_toolboxes_are_taken(warnings):
    pytest.importorskip('mmseg')
    from mmseg.models.decode_heads import Mask2FormerHead

    for kind in (
        RetinaHead,
        Mask2FormerHead,  # mmseg's subclass of mmdet's head
        subclass('MyHead', 'my_project.heads'),
        subclass('OurHead', 'mmkd_logit.models'),
    ):
        assert lineage(kind) is None
    check(RetinaHead)
    assert warnings == []


def test_a_reader_of_ones_own_may_know_such_a_head(mmrotate, warnings):
    class Mine(LogitReader):
        """A user's reader."""

    kind = subclass('RotatedHead', 'mmrotate.heads', loss_by_feat=len)
    check(kind, Mine())
    assert warnings == []
    with pytest.raises(ValueError, match='RotatedHead of mmrotate'):
        check(kind, Mine(), DenseClsLogits())


def test_the_distiller_tells_when_it_is_built(mmrotate, warnings):
    from tests.toy_detectors import detector

    model = detector('retina')
    kind = subclass('RotatedRetinaHead', 'mmrotate.models')
    model.bbox_head.__class__ = kind
    MODELS.build(
        dict(
            type='mmkd_logit.LogitDistiller',
            student=model,
            distill=dict(loss_kd=dict(loss=dict(type='mmkd_logit.KDLoss'))),
        )
    )
    assert any('RotatedRetinaHead of mmrotate' in one for one in warnings)
