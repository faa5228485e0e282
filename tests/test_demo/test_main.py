import os
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip('mmdet')
pytest.importorskip('sklearn')

COMMAND = [sys.executable, '-m', 'demo', '--quick', '--work-dir']


@pytest.mark.slow
def test_quick_demo_survives_an_interruption(tmp_path):
    process = subprocess.Popen(
        [*COMMAND, str(tmp_path)],
        stderr=subprocess.PIPE,
        start_new_session=True,
        # a test run in the background ignores Ctrl-C, and so would its child
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        while not (tmp_path / 'teacher' / 'last_checkpoint').exists():
            assert process.poll() is None
            time.sleep(0.2)
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
