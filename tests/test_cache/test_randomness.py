"""Pipelines whose images change are told from others."""

import random

import numpy as np
import pytest
import torch

from mmkd_logit.cache.randomness import is_random


class Pictures:
    def __init__(self, step):
        self.step = step

    def __len__(self):
        return 20

    def __getitem__(self, index):
        return dict(inputs=self.step(torch.zeros(3, 2, 2) + index))


own = np.random.default_rng(0)


@pytest.mark.parametrize(
    'step, found',
    [
        (lambda image: image * 2, False),
        (lambda image: image + torch.rand(1), True),
        # seen from the generators, as the image hardly ever changes
        (lambda image: image + (random.random() > 0.9999), True),
        (lambda image: image + (np.random.rand() > 0.9999), True),
        (lambda image: image + (torch.rand(1) > 0.9999), True),
        # a generator of its own
        (lambda image: image + own.random(), True),
    ],
)
def test_is_random(step, found):
    before = torch.rand(1), torch.get_rng_state()
    assert is_random(Pictures(step)) is found
    assert torch.equal(torch.get_rng_state(), before[1])
