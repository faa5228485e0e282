"""A run goes on from the newest checkpoint that reads."""

import os
import shutil

import pytest
import torch
from mmengine.config import Config

from mmkd_logit.launch.resume import choose_checkpoint
from tests.test_launch.toy_job import (
    PLAIN,
    call,
    mmengine_as_it_was,  # noqa: F401
    train,
    write_config,
)


def write(folder, epoch, age=0, name=None):
    """A checkpoint of a training, ``age`` seconds old."""
    path = folder / (name or f'epoch_{epoch}.pth')
    torch.save(
        dict(
            state_dict=dict(weight=torch.ones(1)),
            meta=dict(epoch=epoch, iter=epoch * 2),
            message_hub=dict(),
        ),
        path,
    )
    os.utime(path, (10**9 - age,) * 2)
    return path


@pytest.fixture
def folder(tmp_path):
    """Three epochs, the third noted as the last."""
    for epoch in (1, 2, 3):
        path = write(tmp_path, epoch, age=100 - epoch)
    (tmp_path / 'last_checkpoint').write_text(str(path))
    return tmp_path


def chosen(folder, **kwargs):
    config = Config(dict(work_dir=str(folder), resume=True, **kwargs))
    choose_checkpoint(config)
    return config.get('load_from') and os.path.basename(config.load_from)


def test_the_noted_one_is_taken_without_a_word(folder, capsys):
    assert chosen(folder) == 'epoch_3.pth'
    assert capsys.readouterr().out == ''


@pytest.mark.parametrize(
    'note, why',
    [
        ('', 'last_checkpoint is empty'),
        ('\0\0\0', 'last_checkpoint names .*which is not there'),
        ('/gone/epoch_9.pth', "names '/gone/epoch_9.pth', which is not there"),
        (None, ''),
    ],
)
def test_a_bad_note_gives_the_newest(folder, capsys, note, why):
    if note is None:
        (folder / 'last_checkpoint').unlink()
    else:
        (folder / 'last_checkpoint').write_text(note)
    assert chosen(folder) == 'epoch_3.pth'
    said = capsys.readouterr().out
    assert (why == '') == (said == '')
    import re

    assert re.search(why, said)


def test_a_moved_work_dir_finds_the_noted_name(folder, tmp_path_factory):
    moved = tmp_path_factory.mktemp('moved') / 'run'
    shutil.move(folder, moved)
    assert chosen(moved) == 'epoch_3.pth'


@pytest.mark.parametrize('length', [0, 100, 900])
def test_a_truncated_checkpoint_gives_the_one_before(folder, capsys, length):
    with open(folder / 'epoch_3.pth', 'r+b') as file:
        file.truncate(length)
    assert chosen(folder) == 'epoch_2.pth'
    said = capsys.readouterr().out
    assert "epoch_2.pth'; checkpoint" in said
    assert "epoch_3.pth' cannot be read; it" in said


def test_a_newer_one_than_noted_is_taken(folder, capsys):
    write(folder, 4)
    assert chosen(folder) == 'epoch_4.pth'
    assert 'newer than the noted epoch_3.pth' in capsys.readouterr().out


def test_what_an_earlier_run_left_is_not_newer(folder):
    write(folder, 12, age=10**6)
    assert chosen(folder) == 'epoch_3.pth'


def test_best_and_foreign_files_are_no_runs_to_go_on_from(folder, capsys):
    write(folder, 9, name='best_accuracy_epoch_9.pth')
    torch.save(dict(weight=torch.ones(1)), folder / 'pretrained_10.pth')
    assert chosen(folder) == 'epoch_3.pth'


def test_nothing_that_reads_is_refused_and_nothing_at_all_starts_anew(
    tmp_path, capsys
):
    assert chosen(tmp_path) is None
    assert 'starts from the beginning' in capsys.readouterr().out
    (tmp_path / 'epoch_1.pth').write_bytes(b'PK')
    with pytest.raises(ValueError, match='no checkpoint in .* can be gone on'):
        chosen(tmp_path)


def test_a_given_checkpoint_must_be_one_of_a_training(folder):
    torch.save(dict(weight=torch.ones(1)), folder / 'student.pth')
    with pytest.raises(ValueError, match='has no meta.epoch, meta.iter'):
        chosen(folder, load_from=str(folder / 'student.pth'))
    with pytest.raises(FileNotFoundError, match='is not a file; check --res'):
        chosen(folder, load_from=str(folder / 'gone.pth'))
    taken = chosen(folder, load_from=str(folder / 'epoch_1.pth'))
    assert taken == 'epoch_1.pth'


def test_another_out_dir_is_searched(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp('out')
    (out / folder.name).mkdir()
    write(out / folder.name, 5)
    (folder / 'last_checkpoint').write_text('')
    hooks = dict(checkpoint=dict(type='CheckpointHook', out_dir=str(out)))
    assert chosen(folder, default_hooks=hooks) == 'epoch_5.pth'


def test_halves_that_a_kill_left_are_removed(folder):
    half = folder / '.epoch_4.pth.abc.part'
    half.write_bytes(b'PK')
    chosen(folder)
    assert not half.exists()


@pytest.mark.usefixtures('mmengine_as_it_was')
def test_a_training_goes_on_after_a_bad_moment(tmp_path, capsys):
    config, out = write_config(tmp_path, PLAIN), tmp_path / 'out'
    longer = ['--cfg-options', 'train_cfg.max_epochs=3']
    train(config, out, '--cfg-options', 'train_cfg.max_epochs=2')
    (out / 'epoch_2.pth').write_bytes(b'')
    (out / 'last_checkpoint').write_bytes(b'')
    train(config, out, '--resume', *longer)
    said = capsys.readouterr().out
    assert 'resumed epoch: 1, iter: 2' in said
    last = torch.load(out / 'epoch_3.pth', weights_only=False)
    assert last['meta']['iter'] == 6


@pytest.mark.usefixtures('mmengine_as_it_was')
def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    out = tmp_path / 'out'
    train(write_config(tmp_path, PLAIN), out)
    other = write_config(tmp_path, dict(PLAIN, num_classes=5), name='b.py')
    with pytest.raises(ValueError, match='is of another model than this con'):
        call(
            'train',
            other,
            '--work-dir',
            tmp_path / 'other',
            '--resume',
            out / 'epoch_1.pth',
        )
