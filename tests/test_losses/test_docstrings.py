"""The examples in the docstrings give what they say."""

import doctest
import importlib

import pytest
import torch

from mmkd_logit import losses

FILES = ['kd', 'dkd', 'nkd', 'gdkd', 'gdkd3', 'ldrld', 'topkd', 'standardize']


@pytest.mark.parametrize('name', FILES)
def test_examples(name):
    module = importlib.import_module(f'mmkd_logit.losses.{name}')
    names = {key: getattr(losses, key) for key in losses.__all__}
    result = doctest.testmod(module, extraglobs=dict(torch=torch, **names))
    assert result.attempted > 0 and result.failed == 0
