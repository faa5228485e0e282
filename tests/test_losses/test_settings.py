"""A loss class takes its settings from a function's signature."""

import inspect

import pytest
import torch
from torch import Tensor

from mmkd_logit.distillers.build import build_named
from mmkd_logit.losses import DKDLoss, KDLoss, KDQFLLoss, LogitLoss, TopKDLoss
from mmkd_logit.losses.checks import check_rows


def gap_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    tau: float,
    power: float = 1.0,
    with_parts: bool = False,
):
    check_rows('gap_loss', student_logits, teacher_logits, tau)
    gap = (student_logits - teacher_logits).abs().div(tau).sum(1)
    rows = gap**power
    return (rows, dict(gap=gap.detach())) if with_parts else rows


class GapLoss(LogitLoss):
    """A toy with every way to refuse a setting."""

    function = gap_loss
    defaults = dict(tau=2.0)
    part_weights = ('power',)

    def check_settings(self) -> None:
        if self.power > 9:
            raise ValueError(f'GapLoss: power must be <= 9, got {self.power}')


def test_the_class_calls_its_function_with_its_settings():
    student, teacher = torch.ones(3, 4), torch.zeros(3, 4)
    loss, parts = GapLoss(power=2.0).with_parts(student, teacher)
    assert loss == (4 / 2) ** 2 and parts['gap'] == 2
    assert GapLoss(1.0, 3.0, reduction='sum')(student, teacher) == 3 * 4**3


def test_settings_are_attributes_that_may_change_later():
    loss = GapLoss()
    assert (loss.tau, loss.power) == (2.0, 1.0)
    loss.tau = 4.0
    assert loss(torch.ones(1, 4), torch.zeros(1, 4)) == 1


def test_the_signature_shows_them_with_the_defaults_of_the_class():
    names = list(inspect.signature(GapLoss).parameters)
    assert names[:3] == ['tau', 'power', 'loss_weight']
    assert 'with_parts' not in names and 'labels' not in names
    assert inspect.signature(DKDLoss).parameters['tau'].default == 4.0
    assert len(TopKDLoss.setting_names) == 13


@pytest.mark.parametrize(
    'settings, kind, message',
    [
        (dict(taw=1.0), TypeError, "GapLoss: .* 'taw'; it takes tau, power"),
        (dict(tau=0), ValueError, 'GapLoss: tau must be > 0'),
        (dict(power=-1), ValueError, 'GapLoss: power must be >= 0, got -1'),
        (dict(power=10), ValueError, 'power must be <= 9, got 10'),
    ],
)
def test_what_is_refused_when_a_loss_is_built(settings, kind, message):
    with pytest.raises(kind, match=message):
        GapLoss(**settings)


def test_a_setting_given_twice_or_too_many_are_refused():
    with pytest.raises(TypeError, match="multiple values for .*'tau'"):
        GapLoss(1.0, tau=1.0)
    with pytest.raises(TypeError, match='too many positional'):
        KDLoss(1.0, 2.0)


def test_a_config_with_an_unknown_setting_names_the_known_ones():
    with pytest.raises(TypeError, match='setting taw; DKDLoss takes tau, alp'):
        build_named(dict(type='DKDLoss', taw=1.0), 'loss', 'distill.loss_kd')


def test_a_subclass_may_write_its_own_init():
    class Fixed(DKDLoss):
        def __init__(self, strength: float, **kwargs) -> None:
            super().__init__(beta=2 * strength, **kwargs)

    loss = Fixed(3.0, tau=1.0)
    assert (loss.beta, loss.alpha, loss.tau) == (6.0, 1.0, 1.0)
    assert list(inspect.signature(Fixed).parameters) == ['strength', 'kwargs']


def test_a_loss_for_sigmoid_heads_alone():
    assert KDQFLLoss().use_sigmoid and KDQFLLoss.supports_sigmoid
    assert not GapLoss.supports_sigmoid
    with pytest.raises(ValueError, match='GapLoss is defined for softmax'):
        GapLoss(use_sigmoid=True)
