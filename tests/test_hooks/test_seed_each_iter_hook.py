"""Random numbers depend on seed and iteration alone."""

from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from mmkd_logit.hooks import SeedEachIterHook
from mmkd_logit.hooks.seed_each_iter_hook import parts_with_memory


def draw(seed, iteration, call='before_train_iter'):
    loader = SimpleNamespace(batch_sampler=None)
    runner = SimpleNamespace(
        seed=seed, iter=iteration, train_dataloader=loader
    )
    hook = SeedEachIterHook()
    args = () if call == 'before_train_epoch' else (0,)
    getattr(hook, call)(runner, *args)
    return torch.rand(1).item(), np.random.rand()


def test_same_place_same_numbers_whatever_happened_before():
    first = draw(3, 10)
    torch.rand(7), np.random.rand(7)
    assert draw(3, 10) == first


def test_other_seed_iteration_or_place_other_numbers():
    calls = ['before_train_epoch', 'before_train_iter', 'after_train_iter']
    numbers = [draw(3, 10, call) for call in calls]
    numbers += [draw(3, 11), draw(4, 10)]
    assert len(set(numbers)) == 5


def test_parts_that_remember_are_found_wherever_they_are():
    class Remembers:
        results_cache = ()

    class Adapts(nn.Module):
        iou_history = ()

    class Plain:
        def __init__(self, **parts):
            vars(self).update(parts)

    choice = Plain(transforms=[[Plain()], [Remembers()]])
    dataset = Plain(datasets=[Plain(), Plain(pipeline=choice)])
    model = nn.Sequential(nn.Identity(), Adapts())
    assert parts_with_memory(Plain(dataset=dataset), model) == [
        'Adapts',
        'Remembers',
    ]
    assert parts_with_memory(Plain(dataset=Plain()), None) == []
