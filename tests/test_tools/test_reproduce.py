"""A table of runs: what is done stays, what failed is told and goes on."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

pytest.importorskip('matplotlib')

from mmkd_logit.messages import StoppedRun
from tests.test_report.fake_runs import STUDENT, distiller, write_run

TOOL = Path(__file__).parents[2] / 'tools/reproduce.py'
SPEC = importlib.util.spec_from_file_location('reproduce', TOOL)
reproduce = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(reproduce)


@pytest.fixture
def calls(monkeypatch):
    """Commands for tools/train.py, which writes logs and fails for dkd."""
    commands = []

    def train(command, **kwargs):
        commands.append(command)
        folder = Path(command[command.index('--work-dir') + 1])
        if 'dkd' in folder.name and len(commands) < 4:
            kwargs['stdout'].write('out of memory\n')
            return 1
        seed = int(command[-1].rpartition('=')[2])
        alone = 'baseline' in folder.name
        write_run(
            folder,
            STUDENT if alone else distiller(),
            [0.1, 0.2 if alone else 0.3],
            seed,
        )
        return 0

    monkeypatch.setattr(reproduce.subprocess, 'call', train)
    return commands


def test_what_is_done_stays_and_what_failed_goes_on(
    calls, tmp_path, monkeypatch, capsys
):
    argv = (
        'reproduce.py configs/baseline/s.py configs/dkd/t_s.py '
        f'--work-dir {tmp_path} --teacher-ckpt t.pth --seeds 3'
    )
    monkeypatch.setattr(sys, 'argv', argv.split())
    with pytest.raises(StoppedRun, match='1 of 2 runs stopped: dkd_t_s_seed3'):
        reproduce.main()
    assert 'out of memory' in capsys.readouterr().out
    assert len(calls) == 2 and all('--resume' in call for call in calls)
    assert '--teacher-ckpt' not in calls[0] and 't.pth' in calls[1]
    assert 'randomness.seed=3' in calls[0]

    with pytest.raises(StoppedRun):
        reproduce.main()
    assert len(calls) == 3 and 'configs/dkd/t_s.py' in calls[2]

    reproduce.main()
    assert len(calls) == 4
    table = (tmp_path / 'table.md').read_text().splitlines()
    assert table[0].startswith('| run | seeds |') and len(table) == 4
    assert '0.2' in table[2] and '0.3' in table[3] and '+0.1' in table[3]
    assert (tmp_path / 'report.html').exists()
    done = json.loads((tmp_path / 'dkd_t_s_seed3/reproduced.json').read_text())
    assert done['seconds'] >= 0


def test_a_folder_of_another_command_is_refused(
    calls, tmp_path, monkeypatch, capsys
):
    argv = f'reproduce.py configs/baseline/s.py --work-dir {tmp_path}'.split()
    monkeypatch.setattr(sys, 'argv', argv)
    reproduce.main()
    monkeypatch.setattr(sys, 'argv', [*argv, '--data-root', 'data/other'])
    with pytest.raises(StoppedRun):
        reproduce.main()
    assert 'has a run of another command' in capsys.readouterr().out
    assert len(calls) == 1
