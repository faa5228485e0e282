"""What a run finds out when it builds its models is told before the data."""

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger

from mmkd_logit.launch.trial_build import check_pair
from mmkd_logit.registry import MODELS
from tests import toys
from tests.test_launch.toy_job import train, write_config
from tests.toys import ToyModel, distiller_config, teacher_file


@MODELS.register_module(force=True)
class NumberReadingModel(ToyModel):
    """Reads a number while it is built, as Swin does for its rates."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.rate = torch.linspace(0, 1, 3)[1].item()


@MODELS.register_module(force=True)
class BrokenModel(ToyModel):
    """Fails for a reason that is no mistake in a config."""

    def __init__(self, **kwargs):
        raise ZeroDivisionError


def config_of(folder, **changes):
    model = distiller_config(teacher_file(folder))
    model.update(changes)
    return Config(dict(model=model))


def another_teacher(folder):
    torch.save(ToyModel(3).state_dict(), folder / 'three.pth')
    return str(folder / 'three.pth')


def test_a_pair_that_fits_leaves_no_trace(tmp_path, caplog):
    config = config_of(tmp_path)
    before, text = torch.get_rng_state(), config.pretty_text
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        assert check_pair(config)
    finally:
        logger.removeHandler(caplog.handler)
    assert torch.equal(before, torch.get_rng_state())
    assert config.pretty_text == text
    assert not caplog.records and not logger.disabled


@pytest.mark.parametrize('kind', ['ToyModel', 'NumberReadingModel'])
def test_weights_of_another_teacher_are_named(tmp_path, kind):
    config = config_of(
        tmp_path,
        teacher=dict(type=f'mmkd_logit.{kind}'),
        student=dict(type=f'mmkd_logit.{kind}'),
    )
    check_pair(config)
    config.model.teacher_ckpt = another_teacher(tmp_path)
    with pytest.raises(
        ValueError, match=r'three.pth. does not fit .*conv.weight \(3, 3, 1, 1'
    ):
        check_pair(config)


def test_classes_of_the_training_set_are_compared_first(tmp_path):
    config = config_of(tmp_path)
    names = ('cat', 'dog', 'horse', 'sheep')
    dataset = dict(type='ToyDataset', metainfo=dict(classes=names))
    config.train_dataloader = dict(dataset=dataset)
    assert check_pair(config)
    dataset['metainfo'] = dict(classes=names[:3])
    config.train_dataloader = dict(dataset=dataset)
    with pytest.raises(ValueError, match="set has 3 classes, the student's h"):
        check_pair(config)


def test_weights_that_are_no_numbers_are_named(tmp_path):
    state = ToyModel().state_dict()
    state['conv.bias'][1] = torch.nan
    torch.save(state, tmp_path / 'nan.pth')
    config = config_of(tmp_path, teacher_ckpt=str(tmp_path / 'nan.pth'))
    with pytest.raises(ValueError, match='NaN or infinite: conv.bias'):
        check_pair(config)


def test_errors_of_another_kind_are_left_to_the_run(tmp_path):
    broken = dict(type='mmkd_logit.BrokenModel')
    assert not check_pair(config_of(tmp_path, student=broken))


@pytest.mark.parametrize(
    'option, message',
    [
        ('teacher_ckpt=three.pth', 'does not fit the teacher config'),
        (
            'distill.loss_kd.loss.tau=1,2a',
            r"tau must be numbers, got \[1, '2a'",
        ),
        ('distill.loss_kd.loss.tau=-1', 'tau must be > 0, got -1'),
        ('class_map=0', 'model.class_map must be'),
        ('student.num_classes=3', 'teacher has 4 classes, student 3'),
        ('student.type=mmkd_logit.ToyModle', 'ToyModle'),
    ],
)
def test_it_is_told_before_data_are_read(
    tmp_path, monkeypatch, option, message
):
    monkeypatch.chdir(tmp_path)
    another_teacher(tmp_path)

    def read(*args, **kwargs):
        raise AssertionError('the data were read')

    monkeypatch.setattr(toys.ToyDataset, '__init__', read)
    monkeypatch.setattr('mmkd_logit.launch.jobs.check_data', read)
    config = write_config(tmp_path)
    option = f'model.{option}'
    with pytest.raises((TypeError, ValueError), match=message):
        train(config, tmp_path / 'out', '--cfg-options', option)
    assert not (tmp_path / 'out').exists()
