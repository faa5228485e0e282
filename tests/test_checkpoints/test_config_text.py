"""A dumped config is parsed, not run."""

import math

import pytest
from mmengine.config import Config

from mmkd_logit.checkpoints.config_text import parse_config


def test_what_mmengine_dumps_is_understood():
    values = dict(
        a=dict(type='A', b=[1, -2.5, None], c=(True, 'x')),
        d={1: 'one', 'x y': dict()},
        e=float('inf'),
        f=-float('inf'),
    )
    assert parse_config(Config(values).pretty_text) == values
    assert math.isnan(parse_config('a = nan')['a'])


@pytest.mark.parametrize(
    'text',
    [
        'import os',
        "a = __import__('os').system('true')",
        'a = dict(',
        'a = b',
        'a.b = 1',
        'a = list((1, 2))',
        'a = dict([(1, 2)])',
        'a = ' + '[' * 5000,
    ],
)
def test_anything_else_is_not(text):
    assert parse_config(text) is None
