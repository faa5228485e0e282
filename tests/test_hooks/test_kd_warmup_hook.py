"""The official linear warm-ups."""

from types import SimpleNamespace

import pytest

from mmkd_logit.hooks import KDWarmupHook
from mmkd_logit.registry import MODELS
from tests.toys import ToyModel, distiller_config


def runner_at(iteration=0, epoch=0):
    return SimpleNamespace(
        model=MODELS.build(distiller_config('teacher.pth')),
        iter=iteration,
        epoch=epoch,
    )


def scale(hook, runner):
    hook.before_train(runner)
    hook.before_train_iter(runner, 0)
    return runner.model.kd_scale


@pytest.mark.parametrize(
    'iteration, expected', [(0, 0.0), (5, 0.5), (10, 1.0), (99, 1.0)]
)
def test_ramp_by_iteration(iteration, expected):
    assert scale(KDWarmupHook(end=10), runner_at(iteration)) == expected


@pytest.mark.parametrize(
    'epoch, expected', [(0, 0.05), (9, 0.5), (19, 1.0), (200, 1.0)]
)
def test_ramp_by_epoch_counts_from_1_as_the_official_code(epoch, expected):
    # DKD on CIFAR-100: min(epoch / 20, 1), the first epoch being 1
    hook = KDWarmupHook(end=20, by_epoch=True)
    assert scale(hook, runner_at(epoch=epoch)) == pytest.approx(expected)


def test_mistakes():
    with pytest.raises(ValueError, match='end must be >= 1 iteration, got 0'):
        KDWarmupHook(end=0)
    with pytest.raises(TypeError, match='LogitDistiller as model, got Toy'):
        KDWarmupHook(end=1).before_train(SimpleNamespace(model=ToyModel()))
