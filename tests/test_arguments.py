"""Settings of a config against what a class declares."""

from typing import Any, Dict, Optional, Sequence, Union

import pytest
from torch import Tensor

from mmkd_logit.arguments import check_arguments, check_values, parameters_of


class Base:
    def __init__(self, weight: float = 1.0, mode: str = 'mean') -> None:
        pass


class Ours(Base):
    def __init__(
        self,
        tau: float,
        k: int = 2,
        scales: Sequence[int] = (1,),
        taus: Union[float, Sequence[float]] = 1.0,
        beta: Union[float, Tensor] = 1.0,
        flag: bool = False,
        seed: Optional[int] = None,
        names: Optional[Dict[str, int]] = None,
        loose: Any = None,
        untyped=3,
        **kwargs,
    ) -> None:
        pass


Ours.__module__ = 'mmkd_logit.toy'


def test_parameters_include_those_of_the_bases():
    assert list(parameters_of(Ours))[-2:] == ['weight', 'mode']
    assert 'kwargs' not in parameters_of(Ours)


@pytest.mark.parametrize(
    'cfg',
    [
        dict(tau=1, k=2, scales=[1, 2], taus=[1.0, 2.0], beta=0.5),
        dict(tau=1.0, scales=(1, 2), taus=2, flag=True, seed=None, mode='sum'),
        dict(tau=1, names=dict(a=1), loose='text', untyped='text', seed=1),
        dict(type='mmkd_logit.Ours', tau=1, priority=50, _scope_='mmdet'),
    ],
)
def test_what_fits_passes(cfg):
    check_arguments(Ours, cfg, 'here')


@pytest.mark.parametrize(
    'cfg, message',
    [
        (dict(tau='a'), r"here.tau must be a number, got 'a'"),
        (dict(tau=[1, 2]), r'here.tau must be a number, got \[1, 2\]'),
        (dict(tau=True), 'here.tau must be a number, got True'),
        (dict(tau=None), 'here.tau must be a number, got None'),
        (dict(k=2.5), 'here.k must be a whole number, got 2.5'),
        (dict(k=True), 'here.k must be a whole number, got True'),
        (dict(scales=3), 'here.scales must be a list, got 3'),
        (dict(taus='1'), "here.taus must be a number or a list, got '1'"),
        (dict(beta='a'), "here.beta must be a number, got 'a'"),
        (dict(flag='no'), "here.flag must be True or False, got 'no'"),
        (dict(seed='x'), "here.seed must be a whole number or None, got 'x'"),
        (dict(weight=[1]), r'here.weight must be a number, got \[1\]'),
        (dict(k=1), 'here lacks the setting tau, which Ours needs'),
        (dict(taw=1), 'here has the unknown setting taw; Ours takes tau, k'),
    ],
)
def test_what_does_not_fit_is_named(cfg, message):
    with pytest.raises(TypeError, match=message):
        check_arguments(Ours, cfg, 'here')


def test_classes_of_others_are_left_alone():
    check_values(Base, dict(weight='a'), 'here')
    check_arguments(Base, dict(other=1), 'here')
