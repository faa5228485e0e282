"""Samples say which row is theirs."""

import pickle

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement
from torch.utils.data import Dataset

from mmkd_logit.cache.marks import checksum, mark_samples, marks_of
from mmkd_logit.hooks.named_files import name_unreadable_files
from mmkd_logit.hooks.placed_batches import Place, seeded_class


class Numbers(Dataset):
    def __len__(self):
        return 5

    def __getitem__(self, index):
        return dict(
            inputs=torch.full((3, 2, 2), index), data_samples=BaseDataElement()
        )


class NoSamples(Numbers):
    def __getitem__(self, index):
        return dict(inputs=torch.zeros(1), data_samples=torch.zeros(1))


class Tuples(Numbers):
    def __getitem__(self, index):
        return torch.zeros(1), 0


def marked(data, seeded=False, named=False):
    if named:
        name_unreadable_files(data)
    if seeded:
        data.__class__ = seeded_class(type(data))
    mark_samples(data)
    return data


@pytest.mark.parametrize('seeded', [False, True])
@pytest.mark.parametrize('named', [False, True])
def test_index_place_and_image(seeded, named):
    data = marked(Numbers(), seeded, named)
    mark_samples(data)  # twice is once
    place = Place.of(3, (7, 0, 1, 2, 0))
    for copy in (data, pickle.loads(pickle.dumps(data))):
        (mark,) = marks_of([copy[place]['data_samples']])
        assert mark.index == 3 and mark.place == (7, 0, 1, 2, 0)
        assert mark.image == checksum(torch.full((3, 2, 2), 3))
        assert isinstance(copy, Numbers) and type(copy).__name__ == 'Numbers'
    (mark,) = marks_of([data[2]['data_samples']])
    assert mark.index == 2 and mark.place is None


def test_checksums_tell_images_apart():
    image = torch.arange(12, dtype=torch.uint8).view(3, 2, 2)
    other = image.clone()
    other[2, 1, 1] += 1
    sums = [
        checksum(image),
        checksum(other),
        checksum(image.view(2, 3, 2)),
        checksum(image.to(torch.int16)),
        checksum(image.flip(2)),
    ]
    assert len(set(sums)) == 5
    assert checksum(image.numpy()) == sums[0]
    turned = image.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    assert checksum(turned) == sums[0]


@pytest.mark.parametrize(
    'data, words',
    [
        (NoSamples(), 'samples with meta information .* got Tensor'),
        (Tuples(), "as dicts .* got tuple without 'inputs'"),
    ],
)
def test_samples_that_cannot_be_marked(data, words):
    with pytest.raises(TypeError, match=words):
        marked(data)[0]


def test_images_of_other_kinds():
    with pytest.raises(TypeError, match='one image a sample, got list'):
        checksum([np.zeros(3)])


@pytest.mark.parametrize('samples', [None, [BaseDataElement()]])
def test_a_batch_without_marks_names_the_hook(samples):
    with pytest.raises(ValueError, match='mmkd_logit.TeacherCacheHook'):
        marks_of(samples)
