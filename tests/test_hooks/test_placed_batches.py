"""A resumed run sees the batches of one that was not interrupted."""

import copy
import pickle
import random

import numpy as np
import pytest
import torch
from mmengine.registry import DATASETS
from mmengine.runner import Runner
from torch.utils.data import BatchSampler, SequentialSampler

from mmkd_logit.hooks.placed_batches import Place, PlacedBatches, place_batches
from tests.toys import (
    ToyDataset,
    distiller_config,
    runner_config,
    teacher_file,
)


@DATASETS.register_module(force=True)
class NoisyToys(ToyDataset):
    """Augments with every generator that a pipeline may use."""

    def __getitem__(self, index):
        item = super().__getitem__(index)
        noise = torch.rand(3, 2, 2) + np.random.rand() + random.random()
        return dict(item, inputs=item['inputs'] + noise)


@pytest.fixture(autouse=True)
def workers_end_at_once(monkeypatch):
    """PyTorch waits 5 seconds for each worker of an endless loader."""
    monkeypatch.setattr(
        torch.utils.data._utils, 'MP_STATUS_CHECK_INTERVAL', 0.1
    )


def run(folder, by_epoch, workers, persistent, sampler, stop=None, **more):
    """18 iterations of 4 images of 24, or less."""
    length = dict(by_epoch=True, max_epochs=3 if stop is None else stop)
    if not by_epoch:
        length = dict(by_epoch=False, max_iters=18 if stop is None else stop)
    config = runner_config(
        distiller_config(teacher_file(folder.parent), dropout=0.3),
        folder,
        train_cfg=length,
        custom_hooks=[dict(type='mmkd_logit.SeedEachIterHook')],
        **more,
    )
    config['train_dataloader'].update(
        dataset=dict(type='NoisyToys'),
        num_workers=workers,
        persistent_workers=persistent,
        sampler=dict(type=sampler, shuffle=True),
    )
    config['default_hooks'].update(
        checkpoint=dict(
            type='CheckpointHook', interval=stop or -1, by_epoch=by_epoch
        )
    )
    runner = Runner.from_cfg(config)
    runner.train()
    return runner


@pytest.mark.parametrize(
    'by_epoch, workers, persistent, sampler, stop',
    [
        (True, 0, False, 'DefaultSampler', 1),
        (True, 2, False, 'DefaultSampler', 2),
        (True, 2, True, 'DefaultSampler', 1),
        (False, 0, False, 'InfiniteSampler', 5),
        (False, 2, False, 'InfiniteSampler', 8),
        (False, 2, True, 'InfiniteSampler', 5),
        (False, 0, False, 'DefaultSampler', 6),
        (False, 2, True, 'DefaultSampler', 8),
    ],
)
def test_a_resumed_run_ends_like_a_whole_one(
    tmp_path, by_epoch, workers, persistent, sampler, stop
):
    setting = (by_epoch, workers, persistent, sampler)
    whole = run(tmp_path / 'whole', *setting)
    run(tmp_path / 'part', *setting, stop=stop)
    resumed = run(tmp_path / 'part', *setting, resume=True)
    ours, theirs = (r.model.state_dict() for r in (resumed, whole))
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_the_number_of_workers_does_not_matter(tmp_path):
    states = [
        run(
            tmp_path / str(workers), True, workers, False, 'DefaultSampler', 1
        ).model.state_dict()
        for workers in (0, 1, 2)
    ]
    for state in states[1:]:
        assert all(torch.equal(state[k], states[0][k]) for k in state)


def test_each_pass_augments_in_another_way():
    from torch.utils.data import DataLoader

    loader = DataLoader(NoisyToys(4), batch_size=2)
    place_batches(loader, 3)
    first = torch.cat([batch['inputs'] for batch in loader])
    assert torch.equal(first, torch.cat([b['inputs'] for b in loader]))
    loader.batch_sampler.epoch = 1
    other = torch.cat([batch['inputs'] for batch in loader])
    assert not torch.isclose(first, other).any()
    assert isinstance(loader.dataset, NoisyToys)
    assert type(loader.dataset).__name__ == 'NoisyToys'


def test_copies_and_pickles_keep_the_seeds():
    from torch.utils.data import DataLoader

    loader = DataLoader(NoisyToys(4), batch_size=2)
    place_batches(loader, 3)
    place_batches(loader, 3)  # twice is once
    place = pickle.loads(pickle.dumps(Place.of(1, (3, 0, 0, 0, 1))))
    assert place == 1 and place.place == (3, 0, 0, 0, 1)
    seen = loader.dataset[place]['inputs']
    for data in (
        copy.deepcopy(loader.dataset),
        pickle.loads(pickle.dumps(loader.dataset)),
    ):
        assert torch.equal(data[place]['inputs'], seen)
        assert not torch.equal(data[1]['inputs'], seen)  # no place, no seed


@pytest.mark.parametrize(
    'skip, left', [(0, [0, 2, 4]), (2, [4]), (3, [0, 2, 4]), (7, [2, 4])]
)
def test_batches_are_skipped_through_passes(skip, left):
    batches = PlacedBatches(
        BatchSampler(SequentialSampler(range(6)), 2, False), seed=1
    )
    batches.skip = skip
    assert [int(batch[0]) for batch in batches] == left
    assert batches.epoch == skip // 3
    assert len(batches) == 3 and batches.batch_size == 2
    assert [int(batch[0]) for batch in batches] == [0, 2, 4]  # the next pass
