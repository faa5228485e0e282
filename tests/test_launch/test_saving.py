"""A kill at any moment of saving leaves a whole checkpoint."""

import pytest
import torch
from mmengine.fileio import get_file_backend
from mmengine.runner import Runner

from mmkd_logit.launch.runner import ToolRunner
from mmkd_logit.launch.saving import (
    WholeCheckpointHook,
    WholeFileBackend,
    write_whole_files,
)
from tests.test_launch.toy_job import mmengine_as_it_was  # noqa: F401
from tests.toys import runner_config

pytestmark = pytest.mark.usefixtures('mmengine_as_it_was')


class Killed(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


def run(folder, monkeypatch=None, kill_at=None, **hook):
    """Train four epochs; the ``kill_at``-th file is written by half."""
    write_whole_files()
    written = []

    if kill_at is not None:
        save = torch.save

        def save_half(checkpoint, file, **kwargs):
            written.append(file)
            if len(written) < kill_at:
                return save(checkpoint, file, **kwargs)
            raise Killed

        monkeypatch.setattr(torch, 'save', save_half)
    config = runner_config(
        dict(type='mmkd_logit.ToyModel'),
        folder,
        train_cfg=dict(by_epoch=True, max_epochs=4),
        custom_hooks=[],
    )
    config['train_dataloader']['dataset']['length'] = 4
    config['default_hooks']['checkpoint'] = dict(
        type='CheckpointHook', interval=1, **hook
    )
    runner = ToolRunner.from_cfg(config)
    if kill_at is None:
        runner.train()
    else:
        with pytest.raises(Killed):
            runner.train()
    return sorted(path.name for path in folder.glob('*.pth'))


def test_the_older_one_stays_until_the_newer_is_whole(tmp_path, monkeypatch):
    names = run(tmp_path, monkeypatch, kill_at=3, max_keep_ckpts=1)
    assert names == ['epoch_2.pth']
    assert (tmp_path / 'last_checkpoint').read_text().endswith('epoch_2.pth')
    torch.load(tmp_path / 'epoch_2.pth', weights_only=False)


def test_without_a_kill_as_many_are_kept_as_asked(tmp_path):
    assert run(tmp_path, max_keep_ckpts=1) == ['epoch_4.pth']


@pytest.mark.parametrize('keep', [2, -1])
def test_more_than_one_are_kept_as_mmengine_keeps_them(tmp_path, keep):
    names = run(tmp_path, max_keep_ckpts=keep)
    expected = [3, 4] if keep == 2 else [1, 2, 3, 4]
    assert names == [f'epoch_{epoch}.pth' for epoch in expected]


def test_a_file_that_is_cut_off_never_takes_the_place(tmp_path, monkeypatch):
    write_whole_files()
    backend = get_file_backend(str(tmp_path))
    assert isinstance(backend, WholeFileBackend)
    backend.put(b'old', str(tmp_path / 'new' / 'file'))

    def fail(descriptor):
        raise OSError('disk full')

    monkeypatch.setattr('os.fsync', fail)
    with pytest.raises(OSError, match='disk full'):
        backend.put(b'new', str(tmp_path / 'new' / 'file'))
    assert (tmp_path / 'new' / 'file').read_bytes() == b'old'


@pytest.mark.parametrize('kill', [True, False])
def test_the_best_one_stays_until_a_better_is_whole(
    tmp_path, monkeypatch, kill
):
    hook = WholeCheckpointHook(interval=-1, save_best='score', rule='greater')
    write_whole_files()
    runner = Runner.from_cfg(
        runner_config(
            dict(type='mmkd_logit.ToyModel'),
            tmp_path,
            custom_hooks=[],
            default_hooks=dict(checkpoint=None),
        )
    )
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    hook.before_train(runner)
    hook._save_best_checkpoint(runner, dict(score=0.5))
    runner.train_loop._epoch = 1

    def killed(*args, **kwargs):
        raise Killed

    if kill:
        monkeypatch.setattr(torch, 'save', killed)
        with pytest.raises(Killed):
            hook._save_best_checkpoint(runner, dict(score=0.7))
    else:
        hook._save_best_checkpoint(runner, dict(score=0.7))
    names = [path.name for path in tmp_path.glob('*.pth')]
    assert names == [f'best_score_epoch_{0 if kill else 1}.pth']
