"""The benchmark of caches measures what it says."""

import runpy
import sys

import pytest

pytest.importorskip('mmpretrain')
pytest.importorskip('mmseg')

from tests.test_cache.toy_runs import config  # noqa: E402
from tests.test_end_to_end.commands import ROOT  # noqa: E402

TOOL = ROOT / 'tools/analysis_tools/benchmark_cache.py'


def test_exact_rows_differ_by_nothing(tmp_path, monkeypatch, capsys):
    cfg = config(tmp_path)
    cfg.model.pop('teacher_cache')
    cfg.dump(tmp_path / 'config.py')
    command = [TOOL, tmp_path / 'config.py', '--keep', 'all', '1']
    command += ['--rounds', '2', '--warmup', '1']
    monkeypatch.setattr(sys, 'argv', list(map(str, command)))
    runpy.run_path(str(TOOL), run_name='__main__')
    lines = capsys.readouterr().out.splitlines()[-6:]
    table = {line[:38].strip(): line[38:].split() for line in lines}
    assert float(table['student alone'][0]) > 0
    # four logits, or one, a class and the rest; and nine bytes of the index
    sizes = {name: row[1:2] for name, row in table.items()}
    assert sizes == {
        'student alone': [],
        'with its teacher': [],
        'all logits in float32': ['25'],
        'all logits in float16': ['17'],
        'the largest 1 logits in float32': ['18'],
        'the largest 1 logits in float16': ['14'],
    }
    differences = [float(row[2]) for row in table.values() if len(row) > 2]
    assert differences[0] == 0
    assert 0 < differences[1] < 0.01 < differences[2]
