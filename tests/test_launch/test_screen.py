"""What a terminal shows of a run, and that its log file has the rest."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest
from mmengine.registry import METRICS

from mmkd_logit.launch import jobs
from mmkd_logit.launch.screen import is_terminal
from tests.test_end_to_end.commands import ENV
from tests.test_hooks.test_kd_evaluation_hook import ToyValues
from tests.test_launch.toy_job import (
    PLAIN,
    ROOT,
    call,
    mmengine_as_it_was,  # noqa: F401
    train,
    write_config,
)
from tests.toys import teacher_file

pytestmark = pytest.mark.usefixtures('mmengine_as_it_was')
EVALUATED = """
val_dataloader = dict(
    dataset=dict(type='ToyDataset', length=8),
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'), batch_size=4, num_workers=0)
val_evaluator = dict(type='ToyTalker', values=[60.0, 50.0])
val_cfg = dict()
test_dataloader, test_evaluator = val_dataloader, val_evaluator
test_cfg = dict()
"""


@METRICS.register_module(force=True)
class ToyTalker(ToyValues):
    """Prints what nobody asked for, as pycocotools does."""

    def compute_metrics(self, results):
        print('creating index...')
        return super().compute_metrics(results)


@pytest.fixture
def terminal(monkeypatch):
    """Let the tools take the captured outputs for a terminal."""
    monkeypatch.setattr(jobs, 'is_terminal', lambda: True)


def log(folder):
    newest = max(folder.glob('*/*.log'), key=os.path.getmtime)
    return newest.read_text()


@pytest.mark.parametrize(
    'loop, length, begin, end',
    [
        ('by_epoch=True, max_epochs=2', 4, 'epoch 1/2:', 'epoch 2/2: 100%'),
        ('by_epoch=False, max_iters=4, val_interval=2', 4, 'train:', '100%'),
    ],
)
def test_a_terminal_shows_bars_and_the_file_has_the_lines(
    tmp_path, capsys, terminal, loop, length, begin, end
):
    more = f'{EVALUATED}\ntrain_cfg = dict({loop})\n'
    train(write_config(tmp_path, PLAIN, more=more), tmp_path / 'out')
    lines, bars = capsys.readouterr()
    assert begin in bars and end in bars and f'| {length}/{length} [' in bars
    assert 'val:' in bars and re.search(r'loss \d', bars)
    kind = 'epoch' if 'max_epochs' in loop else 'iteration'
    first, last = (1, 2) if kind == 'epoch' else (2, 4)
    assert f'{kind} {first}: accuracy/top1 60 | best 60' in lines
    assert f'{kind} {last}: accuracy/top1 50 | best 60 ({kind} {first})' in (
        lines
    )
    for hidden in ('train) ', 'creating index', 'Saving', 'Hooks', 'val)'):
        assert hidden not in lines
        assert hidden in log(tmp_path / 'out')
    assert 'INFO' not in lines and 'checkpoint: ' in lines


def test_a_resumed_bar_goes_on(tmp_path, capsys, terminal):
    config = write_config(tmp_path, PLAIN)
    train(config, tmp_path / 'out')
    capsys.readouterr()
    options = ['--cfg-options', 'train_cfg.max_epochs=3']
    train(config, tmp_path / 'out', '--resume', *options)
    bars = capsys.readouterr().err
    assert '| 2/6 [' in bars and '| 6/6 [' in bars and '| 0/' not in bars


def test_a_test_ends_with_what_its_evaluators_say(tmp_path, capsys, terminal):
    config = write_config(tmp_path, PLAIN, more=EVALUATED)
    work_dir = ['--work-dir', tmp_path / 'out']
    call('test', config, teacher_file(tmp_path), *work_dir)
    lines, bars = capsys.readouterr()
    assert 'test: 100%' in bars and '| 2/2 [' in bars
    assert 'creating index...' in lines and 'accuracy/top1: 60.0' in lines
    assert '[1/2]' not in lines and 'Hooks' not in lines


def test_a_run_that_fails_leaves_the_outputs_as_they_were(
    tmp_path, capsys, terminal
):
    outputs = sys.stdout, sys.stderr
    more = EVALUATED.replace('[60.0, 50.0]', '[]')
    with pytest.raises(IndexError):
        train(write_config(tmp_path, PLAIN, more=more), tmp_path / 'out')
    assert (sys.stdout, sys.stderr) == outputs


def test_no_progress_gives_the_lines(tmp_path, capsys, terminal):
    config = write_config(tmp_path, PLAIN)
    train(config, tmp_path / 'out', '--no-progress')
    lines, bars = capsys.readouterr()
    assert 'Epoch(train)' in lines and 'epoch 1/1' not in bars


def test_other_processes_are_silent(tmp_path, capsys, terminal, monkeypatch):
    from mmkd_logit.launch import screen

    monkeypatch.setattr(screen, 'is_main_process', lambda: False)
    train(write_config(tmp_path, PLAIN), tmp_path / 'out')
    assert 'epoch 1/1' not in capsys.readouterr().err


def test_captured_outputs_are_no_terminal(capsys):
    assert not is_terminal()


def test_a_real_terminal_gets_bars(tmp_path):
    config = write_config(tmp_path, PLAIN)
    main, side = pty.openpty()
    size = struct.pack('HHHH', 40, 100, 0, 0)  # lines, columns, pixels
    fcntl.ioctl(side, termios.TIOCSWINSZ, size)
    process = subprocess.Popen(
        [sys.executable, ROOT / 'tools' / 'train.py', config]
        + ['--work-dir', tmp_path / 'out'],
        env={**ENV, 'TERM': 'xterm'},
        stdout=side,
        stderr=side,
    )
    os.close(side)
    seen = b''
    while True:
        try:
            part = os.read(main, 4096)
        except OSError:  # the process has ended
            break
        if not part:
            break
        seen += part
    os.close(main)
    assert process.wait() == 0
    assert b'epoch 1/1: 100%' in seen and b'Epoch(train)' not in seen
