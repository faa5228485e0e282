import ctypes
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('mmdet')
pytest.importorskip('sklearn')

COMMAND = [sys.executable, '-m', 'demo', '--quick', '--work-dir']
#: Events of Linux's inotify.
IN_MOVED_TO, IN_CREATE = 0x80, 0x100


def wait_for(path: Path, process: subprocess.Popen) -> None:
    """Block until a file appears in a folder that exists.

    Fails if the process ends before, or after ten minutes.
    """
    libc = ctypes.CDLL(None)
    events, ended = libc.inotify_init(), os.pidfd_open(process.pid)
    try:
        folder = os.fsencode(path.parent)
        added = libc.inotify_add_watch(events, folder, IN_MOVED_TO | IN_CREATE)
        assert added >= 0
        while not path.exists():
            ready = select.select([events, ended], [], [], 600)[0]
            assert ready == [events], f'the process made no {path}'
            os.read(events, 1 << 12)
    finally:
        os.close(events)
        os.close(ended)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != 'linux', reason='inotify is of Linux')
def test_quick_demo_survives_an_interruption(tmp_path):
    process = subprocess.Popen(
        [*COMMAND, str(tmp_path)],
        stderr=subprocess.PIPE,
        start_new_session=True,
        # a test run in the background ignores Ctrl-C, and so would its child
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        wait_for(tmp_path / 'teacher', process)
        wait_for(tmp_path / 'teacher' / 'last_checkpoint', process)
    finally:
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C in a terminal does
        words = process.communicate()[1].decode()
    assert process.returncode == 1
    assert 'the same command goes on from here' in words

    done = subprocess.run(
        [*COMMAND, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    output = (tmp_path / 'teacher' / 'output.txt').read_text()
    assert 'resumed epoch: 0, iter: 5' in output
    table = (tmp_path / 'table.md').read_text()
    assert table in done.stdout
    for name in ('teacher', 'student alone', 'with DKD'):
        assert f'| {name}' in table
    for name in ('curves.png', 'detections.png'):
        assert (tmp_path / name).stat().st_size > 10000


def test_one_demo_per_folder(tmp_path):
    from demo.__main__ import _lock

    held = _lock(tmp_path)
    with pytest.raises(SystemExit, match='another demo is at work'):
        _lock(tmp_path)
    os.close(held)
    os.close(_lock(tmp_path))
