"""Types given as classes, as new-style Python configs have them."""

import pytest
import torch
from mmengine.config import Config

from mmkd_logit.checkpoints.config_text import parse_config
from mmkd_logit.distillers import LogitDistiller
from mmkd_logit.launch import guard, load_config
from mmkd_logit.launch.run_settings import differences, run_settings
from mmkd_logit.registry import is_distiller, type_name
from tests.test_launch.toy_job import (
    ROOT,
    call,
    mmengine_as_it_was,  # noqa: F401
    train,
)
from tests.toys import ToyModel, teacher_file

pytestmark = pytest.mark.usefixtures('mmengine_as_it_was')
CONFIG = """
from mmengine.dataset import DefaultSampler, default_collate
from mmengine.hooks import CheckpointHook, LoggerHook
from torch.optim import SGD

from mmkd_logit.distillers import LogitDistiller
from mmkd_logit.hooks import KDWarmupHook
from mmkd_logit.losses import KDLoss
from tests.toys import ToyDataset, ToyLogits, ToyModel

default_scope = 'mmengine'
model = dict(
    type=LogitDistiller,
    student=dict(type=ToyModel),
    teacher=dict(type=ToyModel, num_classes={classes}),
    distill=dict(loss_kd=dict(
        logits=dict(type=ToyLogits), loss=dict(type=KDLoss, tau=2.0))))
train_dataloader = dict(
    dataset=dict(type=ToyDataset, length=8),
    sampler=dict(type=DefaultSampler, shuffle=True),
    collate_fn=dict(type=default_collate), batch_size=4, num_workers=0)
train_cfg = dict(by_epoch=True, max_epochs=1)
optim_wrapper = dict(optimizer=dict(type=SGD, lr=0.1))
default_hooks = dict(
    logger=dict(type=LoggerHook, interval=1),
    checkpoint=dict(type=CheckpointHook, interval=1))
custom_hooks = [dict(type=KDWarmupHook, end=2, by_epoch=False)]
randomness = dict(seed=3)
"""


class MyDistiller(LogitDistiller):
    """A distiller of somebody's own."""


@pytest.fixture
def write(tmp_path):
    def write_new_style(classes=4, old='', new=''):
        path = tmp_path / 'new_style.py'
        text = CONFIG.format(classes=classes)
        assert old in text
        path.write_text(text.replace(old, new) if old else text)
        return path

    return write_new_style


def test_names_of_types():
    for kind in ('LogitDistiller', 'a.b.LogitDistiller', LogitDistiller):
        assert type_name(kind) == 'LogitDistiller'
        assert is_distiller(dict(type=kind))
    assert is_distiller(dict(type=MyDistiller))
    assert not is_distiller(dict(type=ToyModel))
    assert not is_distiller(dict()) and not is_distiller(None)
    assert type_name(None) == ''


def test_a_run_has_guard_report_and_the_teacher_of_the_command_line(
    tmp_path, write, capsys
):
    config, out = write(), tmp_path / 'out'
    weights = teacher_file(tmp_path)
    train(config, out, '--teacher-ckpt', weights)
    screen = capsys.readouterr().out
    assert 'KDGuardHook' in screen and 'loss_kd: ToyLogits -> KDLoss' in screen
    assert 'WholeCheckpointHook' in screen
    file = torch.load(out / 'epoch_1.pth', weights_only=False)
    assert file['meta']['mmkd_logit']['teacher_sha256']
    student = parse_config((out / 'student.py').read_text())
    assert student['model'] == dict(type='tests.toys.ToyModel')
    assert 'KDWarmupHook' not in str(student)
    longer = ['--cfg-options', 'train_cfg.max_epochs=2']
    train(config, out, '--teacher-ckpt', weights, '--resume', *longer)
    assert (out / 'epoch_2.pth').exists()


def test_classes_are_compared(tmp_path, write):
    weights = teacher_file(tmp_path, num_classes=3)
    with pytest.raises(ValueError, match='teacher has 3 classes, student 4'):
        train(write(3), tmp_path / 'out', '--teacher-ckpt', weights)


@pytest.mark.parametrize(
    'old, new, message',
    [
        ('tau=2.0', 'taw=2.0', 'loss has the unknown setting taw; KDLoss ta'),
        ('tau=2.0', "tau='a'", "loss.tau must be a number.*got 'a'"),
        ('end=2', 'ende=2', 'custom_hooks.0 has the unknown setting ende'),
        (
            'student=dict(type=ToyModel)',
            'student=dict(type=ToyModel), backbone=1',
            'model has backbone, which LogitDistiller does not take',
        ),
    ],
)
def test_mistakes_are_sentences(tmp_path, write, old, new, message):
    config = write(4, old, new)
    words = ['--work-dir', tmp_path / 'out']
    words += ['--teacher-ckpt', teacher_file(tmp_path)]
    with pytest.raises((TypeError, ValueError), match=message):
        call('train', config, *words)


@pytest.mark.parametrize('name', ['fcn_student', 'fcn_dkd'])
def test_the_example_is_the_same_run_as_its_old_style_twin(name):
    pytest.importorskip('mmseg')
    old, new = (
        run_settings(load_config(str(ROOT / f'configs/demo/{name}{end}.py')))
        for end in ('', '_new_style')
    )
    assert len(old) > 50
    assert differences(old, new) == []


def test_the_guard_is_added_once(write):
    from mmkd_logit.hooks import KDGuardHook

    config = load_config(str(write()))
    config.custom_hooks = [dict(type=KDGuardHook)]
    guard(config)
    assert len(config.custom_hooks) == 1
    config = Config(dict(model=dict(type=MyDistiller)))
    guard(config)
    assert len(config.custom_hooks) == 1
