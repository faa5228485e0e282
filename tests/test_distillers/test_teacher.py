"""How the teacher sees a batch, and how often it computes."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mmkd_logit.distillers.input_map import InputMap
from mmkd_logit.distillers.teacher import no_random_numbers_used
from mmkd_logit.structures.teacher_pass import TeacherPass


def preprocessor(mean, std, flips=False, pad_value=0, divisor=1):
    return SimpleNamespace(
        _enable_normalize=True,
        mean=torch.tensor(mean).view(-1, 1, 1),
        std=torch.tensor(std).view(-1, 1, 1),
        _channel_conversion=flips,
        pad_value=pad_value,
        pad_size_divisor=divisor,
    )


RGB = dict(mean=[100.0, 110.0, 120.0], std=[50.0, 60.0, 70.0], flips=True)
CAFFE = dict(mean=[103.0, 116.0, 123.0], std=[1.0, 1.0, 1.0])


def samples(*sizes):
    return [SimpleNamespace(metainfo=dict(img_shape=size)) for size in sizes]


def test_batch_is_flipped_back_and_normalised_like_the_teachers_own():
    raw = torch.rand(2, 3, 4, 4) * 255  # BGR as loaded
    student, teacher = preprocessor(**RGB), preprocessor(**CAFFE)
    seen = (raw.flip(1) - student.mean) / student.std
    expected = (raw - teacher.mean) / teacher.std
    mapped = InputMap(student, teacher)(seen, samples((4, 4), (4, 4)))
    torch.testing.assert_close(mapped, expected, atol=1e-4, rtol=1e-5)


def test_padding_is_the_teachers_again():
    student, teacher = preprocessor(**RGB), preprocessor(**CAFFE, pad_value=-7)
    seen = torch.zeros(1, 3, 4, 4)  # all mean grey, the right half padding
    mapped = InputMap(student, teacher)(seen, samples((4, 2)))
    assert (mapped[..., 2:] == -7).all() and (mapped[..., :2] != -7).all()
    # channel 0 is blue, which the student keeps in channel 2: mean 120
    torch.testing.assert_close(
        mapped[0, :, 0, 0], torch.tensor([120.0 - 103, 110 - 116, 100 - 123])
    )


def test_equal_preprocessors_leave_the_batch_alone():
    seen = torch.rand(1, 3, 4, 4)
    both = preprocessor(**RGB), preprocessor(**RGB)
    assert InputMap(*both)(seen, samples((4, 4))) is seen
    assert InputMap(None, None)(seen, None) is seen


def test_batch_is_padded_to_the_teachers_divisor():
    teacher = preprocessor(**RGB, divisor=32)
    mapped = InputMap(preprocessor(**RGB), teacher)(
        torch.ones(1, 3, 33, 16), samples((33, 16))
    )
    assert mapped.shape == (1, 3, 64, 32)
    assert (mapped[:, :, 33:] == 0).all() and (mapped[:, :, :, 16:] == 0).all()


def test_each_thing_is_computed_once_and_without_gradient():
    calls = []
    weight = torch.ones(1, requires_grad=True)
    model = SimpleNamespace(
        extract_feat=lambda x: calls.append('feats') or (x * weight,)
    )
    view = TeacherPass(
        model, lambda: calls.append('inputs') or torch.ones(1), None
    )
    assert not calls
    for _ in range(2):
        assert not view.feats[0].requires_grad
        assert view.once('head', lambda: view.feats[0] + 1) == 2
    assert sorted(calls) == ['feats', 'inputs']


def test_random_numbers_of_the_run_are_not_used():
    torch.manual_seed(0)
    np.random.seed(0)
    expected = torch.rand(1), np.random.rand()
    torch.manual_seed(0)
    np.random.seed(0)
    with no_random_numbers_used():
        torch.rand(5), np.random.rand(5)
    assert (torch.rand(1), np.random.rand()) == expected


@pytest.mark.parametrize(
    'toolbox, name',
    [
        ('mmdet', 'DetDataPreprocessor'),
        ('mmseg', 'SegDataPreProcessor'),
        ('mmpretrain', 'ClsDataPreprocessor'),
    ],
)
def test_stock_preprocessors_are_understood(toolbox, name):
    pytest.importorskip(toolbox)
    import importlib

    models = importlib.import_module(f'{toolbox}.models')
    models = (
        importlib.import_module(f'{toolbox}.models.utils')
        if toolbox == 'mmpretrain'
        else models
    )
    cls = getattr(models, name)
    flip = (
        dict(to_rgb=True) if toolbox == 'mmpretrain' else dict(bgr_to_rgb=True)
    )
    extra = dict(size=(4, 4)) if toolbox == 'mmseg' else {}
    student = cls(mean=RGB['mean'], std=RGB['std'], **flip, **extra)
    teacher = cls(mean=CAFFE['mean'], std=CAFFE['std'], **extra)
    raw = [(torch.rand(3, 4, 4) * 255).byte() for _ in range(2)]

    def run(pre):
        data = dict(inputs=[image.clone() for image in raw])
        if toolbox == 'mmpretrain':
            return pre(data)['inputs']
        data['data_samples'] = None
        return pre(data, training=False)['inputs']

    mapped = InputMap(student, teacher)(run(student), None)
    torch.testing.assert_close(mapped, run(teacher), atol=1e-4, rtol=1e-5)
