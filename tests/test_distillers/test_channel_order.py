"""Which models see red first."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config

from mmkd_logit.distillers.channel_order import (
    config_loads_rgb,
    dataset_loads_rgb,
)
from mmkd_logit.distillers.input_map import InputMap

FILES = dict(type='CustomDataset', pipeline=[dict(type='LoadImageFromFile')])
ARRAYS = dict(type='mmpretrain.CIFAR100', pipeline=[dict(type='PackInputs')])


@pytest.mark.parametrize(
    'dataset, expected',
    [
        (FILES, False),
        (ARRAYS, True),
        (dict(type='RepeatDataset', dataset=ARRAYS), True),
        (dict(type='ConcatDataset', datasets=[FILES, FILES]), False),
        (dict(type='MyArrays', pipeline=[]), None),
    ],
)
def test_order_of_a_configs_data(dataset, expected):
    config = Config(dict(train_dataloader=dict(dataset=dataset)))
    assert config_loads_rgb(config) is expected
    assert config_loads_rgb(Config({})) is None


class LoadImageFromFile:
    pass


class CIFAR10:
    pipeline = SimpleNamespace(transforms=[])


def test_order_of_built_datasets():
    wrapped = SimpleNamespace(datasets=[SimpleNamespace(dataset=CIFAR10())])
    assert dataset_loads_rgb(wrapped) is True
    files = SimpleNamespace(
        pipeline=SimpleNamespace(transforms=[LoadImageFromFile()])
    )
    assert dataset_loads_rgb(files) is False


@pytest.mark.parametrize('student_reverses', [False, True])
@pytest.mark.parametrize('teacher_reverses', [False, True])
@pytest.mark.parametrize('student_rgb', [False, True])
@pytest.mark.parametrize('teacher_rgb', [False, True])
def test_the_teacher_sees_the_colours_that_it_was_trained_on(
    student_reverses, teacher_reverses, student_rgb, teacher_rgb
):
    colours = torch.tensor([30.0, 20.0, 10.0]).view(1, 3, 1, 1)  # R, G, B

    def sees(rgb, reverses):
        loaded = colours if rgb else colours.flip(1)
        return loaded.flip(1) if reverses else loaded

    student, teacher = (
        SimpleNamespace(to_rgb=reverses)
        for reverses in (student_reverses, teacher_reverses)
    )
    mapped = InputMap(student, teacher, student_rgb, teacher_rgb)(
        sees(student_rgb, student_reverses), None
    )
    assert torch.equal(mapped, sees(teacher_rgb, teacher_reverses))
