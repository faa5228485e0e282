"""Images of any number of channels, and the line of the report."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmkd_logit.distillers.input_map import InputMap, check_channels
from mmkd_logit.registry import MODELS
from tests.toys import distiller_config, teacher_file


def preprocessor(mean, std, flips=False):
    return SimpleNamespace(
        _enable_normalize=True,
        mean=torch.tensor(mean).view(-1, 1, 1),
        std=torch.tensor(std).view(-1, 1, 1),
        _channel_conversion=flips,
    )


@pytest.mark.parametrize('channels', [1, 2, 4, 7])
def test_any_number_of_channels_is_normalised_anew(channels):
    raw = torch.rand(2, channels, 4, 4) * 255
    means = torch.arange(channels * 2.0).view(2, channels) + 100
    student = preprocessor(means[0].tolist(), [50.0] * channels)
    teacher = preprocessor(means[1].tolist(), [60.0] * channels)
    mapped = InputMap(student, teacher)((raw - student.mean) / 50, None)
    torch.testing.assert_close(
        mapped, (raw - teacher.mean) / 60, atol=1e-4, rtol=1e-4
    )


def test_one_number_stands_for_all_channels():
    raw = torch.rand(1, 4, 2, 2)
    mapped = InputMap(None, preprocessor([0.5], [2.0]))(raw, None)
    torch.testing.assert_close(mapped, (raw - 0.5) / 2)


def test_other_channels_are_one_sentence():
    two, four = (preprocessor([1.0] * n, [1.0] * n) for n in (2, 4))
    with pytest.raises(ValueError, match="has 2 channels, the teacher's 4"):
        InputMap(two, four)


@pytest.mark.parametrize('ours, theirs', [(1, 3), (4, 3), (3, 1)])
def test_backbones_of_other_images_are_refused(ours, theirs):
    def model(channels):
        whole = nn.Module()
        whole.backbone = nn.Sequential(nn.Conv2d(channels, 2, 1))
        return whole

    check_channels(model(ours), model(ours))
    check_channels(model(ours), nn.Module())
    with pytest.raises(
        ValueError, match=f'of {ours} channels, the teacher of {theirs}'
    ):
        check_channels(model(ours), model(theirs))


def test_the_report_says_what_the_teacher_sees(tmp_path):
    model = MODELS.build(distiller_config(teacher_file(tmp_path)))
    model.prepare()
    assert (
        "input: the teacher sees the student's images as they are"
        in model.report()
    )
    changed = InputMap(
        preprocessor([1.0], [1.0]), preprocessor([2.0], [1.0], True)
    )
    assert changed.describe().endswith(
        'with red and blue swapped and its own normalisation'
    )
