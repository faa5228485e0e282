"""Runs whose teacher is the student's average."""

import pytest
import torch
from mmengine.runner import Runner

from mmkd_logit.distillers.self_teacher import EMA
from tests.toys import ToyModel, distiller_config, runner_config, teacher_file

HOOKS = [
    dict(type='mmkd_logit.KDGuardHook'),
    dict(type='mmkd_logit.KDSelfTeacherHook'),
    dict(type='mmkd_logit.KDWarmupHook', end=4),
]


def run(folder, teacher=None, hooks=HOOKS, ckpt=None, **kwargs):
    model = distiller_config(ckpt)
    model['teacher'] = teacher or dict(EMA, momentum=0.1)
    config = runner_config(model, folder, custom_hooks=hooks, **kwargs)
    runner = Runner.from_cfg(config)
    runner.train()
    return runner


def averages(runner):
    return runner.model.teacher.state_dict()


def same(one, other):
    return all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize('ema', [False, True])
def test_a_resumed_run_ends_like_an_uninterrupted_one(tmp_path, ema):
    hooks = [*HOOKS, dict(type='EMAHook', momentum=0.3)] if ema else HOOKS
    whole = run(tmp_path / 'whole', hooks=hooks)
    first = dict(by_epoch=True, max_epochs=1)
    run(tmp_path / 'part', hooks=hooks, train_cfg=first)
    resumed = run(tmp_path / 'part', hooks=hooks, resume=True)
    assert same(averages(whole), averages(resumed))
    assert same(whole.model.state_dict(), resumed.model.state_dict())
    assert int(averages(whole)['steps']) == 13  # 12 iterations and the first


def test_the_students_checkpoint_stays_plain(tmp_path):
    runner = run(tmp_path / 'run')
    saved = torch.load(tmp_path / 'run/epoch_2.pth', weights_only=False)
    ToyModel().load_state_dict(saved['state_dict'])
    (average,) = saved['self_teachers']
    assert same(average, averages(runner))
    ours, theirs = average['module.conv.weight'], runner.model.conv.weight
    assert not torch.equal(ours, theirs)
    assert saved['meta']['mmkd_logit']['teacher'] == 'ExponentialMovingAverage'


def test_it_begins_with_the_weights_of_load_from(tmp_path):
    weights = teacher_file(tmp_path)
    runner = run(
        tmp_path / 'run',
        load_from=weights,
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.0)),
    )
    loaded = torch.load(weights, weights_only=False)['state_dict']
    average = averages(runner)['module.conv.weight']
    torch.testing.assert_close(average, loaded['conv.weight'])


def test_it_follows_while_distillation_is_switched_off(tmp_path):
    stop = dict(type='mmkd_logit.KDStopHook', begin=0, by_epoch=True)
    runner = run(tmp_path / 'run', hooks=[*HOOKS[:2], stop])
    assert int(averages(runner)['steps']) == 13


def test_mistakes(tmp_path):
    run(tmp_path / 'run', hooks=HOOKS[1:])
    other = dict(teacher=dict(type='mmkd_logit.ToyModel'))
    with pytest.raises(ValueError, match='needs a teacher that is an average'):
        run(tmp_path / 'a', ckpt=teacher_file(tmp_path), **other)
    two = dict(teacher=[EMA, EMA], resume=True, hooks=HOOKS[1:])
    with pytest.raises(ValueError, match='has 1 averages.*this config 2'):
        run(tmp_path / 'run', **two)
