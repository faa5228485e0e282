"""An operator without bfloat16 is found before the data are read."""

import pytest
import torch
from mmengine.config import Config

from mmkd_logit.launch.trial_step import check_amp
from tests.test_launch.toy_job import (
    PLAIN,
    mmengine_as_it_was,  # noqa: F401
    train,
    write_config,
)

pytest.importorskip('mmdet')
pytest.importorskip('mmpretrain')
pytestmark = [
    pytest.mark.skipif(torch.cuda.is_available(), reason='for CPUs'),
    pytest.mark.usefixtures('mmengine_as_it_was'),
]
AMP = dict(type='mmkd_logit.CPUAmpOptimWrapper')


def two_stage():
    from tests.toy_rcnn import rcnn_cfg

    return Config(
        dict(default_scope='mmdet', model=rcnn_cfg(), optim_wrapper=dict(AMP))
    )


def test_the_nms_of_a_two_stage_detector_is_named():
    config, before = two_stage(), torch.get_rng_state()
    with pytest.raises(ValueError, match='bfloat16, which an.*--amp out'):
        check_amp(config)
    assert torch.equal(before, torch.get_rng_state())
    config.optim_wrapper.type = 'OptimWrapper'
    check_amp(config)


def test_a_classifier_trains_in_bfloat16(monkeypatch):
    from mmkd_logit.launch import trial_step

    seen = []
    monkeypatch.setattr(trial_step, 'explain_bfloat16', seen.append)
    model = dict(
        type='ImageClassifier',
        backbone=dict(type='ResNet', depth=18, base_channels=8),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='LinearClsHead',
            num_classes=3,
            in_channels=64,
            loss=dict(type='CrossEntropyLoss'),
        ),
    )
    loader = dict(dataset=dict(pipeline=[dict(type='Resize', scale=32)]))
    check_amp(
        Config(
            dict(
                default_scope='mmpretrain',
                model=model,
                optim_wrapper=dict(AMP),
                train_dataloader=loader,
            )
        )
    )
    assert not seen


def test_it_is_told_before_data_are_read(tmp_path, monkeypatch):
    from mmkd_logit.plan import batches
    from tests.toys import ToyModel

    def fail(self, feats):
        raise RuntimeError("'roi' not implemented for 'BFloat16'")

    def read(*args, **kwargs):
        raise AssertionError('the data were read')

    def batch(scope, student, count, height, width):
        return dict(
            inputs=torch.zeros(count, 3, 2, 2),
            data_samples=[torch.tensor(0)] * count,
        )

    monkeypatch.setattr(ToyModel, 'logits', fail)
    monkeypatch.setattr(batches, 'random_batch', batch)
    monkeypatch.setattr('mmkd_logit.launch.jobs.check_data', read)
    config = write_config(tmp_path, PLAIN)
    with pytest.raises(ValueError, match='bfloat16, which.*leave --amp out'):
        train(config, tmp_path / 'out', '--amp')
    assert not (tmp_path / 'out').exists()
