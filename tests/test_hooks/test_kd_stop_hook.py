"""Ending distillation early."""

import pytest

from mmkd_logit.hooks import KDStopHook, KDWarmupHook
from tests.test_hooks.test_kd_warmup_hook import runner_at, scale


@pytest.mark.parametrize(
    'iteration, expected',
    [(3, 1.0), (4, 4 / 5), (7, 1 / 5), (8, 0.0), (9, 0.0)],
)
def test_linear_decay(iteration, expected):
    hook = KDStopHook(begin=4, end=8)
    assert scale(hook, runner_at(iteration)) == pytest.approx(expected)


@pytest.mark.parametrize('epoch, expected', [(1, 1.0), (2, 0.0)])
def test_cut_by_epoch(epoch, expected):
    hook = KDStopHook(begin=2, by_epoch=True)
    assert scale(hook, runner_at(epoch=epoch)) == expected


def test_two_schedules_multiply():
    runner = runner_at(5)
    scale(KDWarmupHook(end=10), runner)
    assert scale(KDStopHook(begin=5, end=8), runner) == pytest.approx(
        0.5 * 3 / 4
    )


def test_mistakes():
    with pytest.raises(ValueError, match='begin=5 and end=4'):
        KDStopHook(begin=5, end=4)
