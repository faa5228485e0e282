import os
import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / 'tools'


def bash(script, *args, **environment):
    return subprocess.run(
        ['bash', str(TOOLS / script), *args],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    'args, expected',
    [
        (
            ('dist_train.sh', 'a.py', '2', '--amp'),
            '--nproc_per_node=2 {tools}/train.py a.py '
            '--launcher pytorch --amp',
        ),
        (
            ('dist_test.sh', 'a.py', 'b.pth', '4'),
            '--nproc_per_node=4 {tools}/test.py a.py b.pth --launcher pytorch',
        ),
    ],
)
def test_launch_script_passes_everything_on(args, expected):
    done = bash(*args, PYTHON='echo', PORT='1234')
    assert done.stdout.strip().endswith(expected.format(tools=TOOLS))
    assert '--master_port=1234' in done.stdout


@pytest.mark.parametrize(
    'script', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh']
)
def test_launch_script_says_what_it_wants(script):
    done = bash(script)
    assert done.returncode == 2
    assert done.stderr.startswith('usage: bash ')


def test_install_names_what_is_missing():
    done = bash('install.sh', 'newest')
    assert done.returncode == 1
    assert "got 'newest', expected 'modern' or 'classic'" in done.stderr
    done = bash('install.sh', 'classic', PYTHON='no-such-python')
    assert done.returncode == 1
    assert 'found no Python between 3.10 and 3.11' in done.stderr


@pytest.mark.parametrize(
    'args, message',
    [
        (['--torch', '2.3.0'], 'outside of what the modern stack works with'),
        (['classic', '--torch', '2.6.0'], 'works with: 2.1 to 2.5'),
        (['--torch'], '--torch needs a value'),
        (['--wheel', 'x'], "got '--wheel', expected --torch VERSION or"),
        (['--wheels', '/no/such/folder'], 'there is no folder of that name'),
        (['modern', 'a', 'b'], "got 'modern a b', expected a stack and a"),
    ],
)
def test_install_refuses_options_that_do_not_fit(args, message):
    done = bash('install.sh', *args)
    assert done.returncode == 1
    assert message in done.stderr


@pytest.mark.parametrize('free, told', [(3_000_000, True), (9e10, False)])
def test_install_tells_a_disk_that_is_short(tmp_path, free, told):
    for name, lines in {
        'df': f'echo Size Free\necho /dev/x 1 1 {free:.0f} 1% /',
        'python': '[ "$1" = -c ]',  # it fits, and then cannot make a venv
    }.items():
        (tmp_path / name).write_text(f'#!/bin/sh\n{lines}\n')
        (tmp_path / name).chmod(0o755)
    done = bash(
        'install.sh',
        'modern',
        str(tmp_path / 'not' / 'yet'),
        PATH=f'{tmp_path}:{os.environ["PATH"]}',
        PYTHON=str(tmp_path / 'python'),
    )
    assert done.returncode == 1
    assert ('3 GB are free at' in done.stdout) == told
    assert f'the modern stack into {tmp_path}' in done.stdout
