import runpy
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

TOOL = Path(__file__).parents[2] / 'tools' / 'export_student.py'


@pytest.fixture
def run(monkeypatch):
    def run_tool(*args):
        monkeypatch.setattr(sys, 'argv', [TOOL.name, *map(str, args)])
        runpy.run_path(str(TOOL), run_name='__main__')

    return run_tool


def test_old_mmrazor_file_loads_into_the_plain_student(tmp_path, run, capsys):
    student = nn.Linear(3, 2)
    state = {f'architecture.{k}': v for k, v in student.state_dict().items()}
    state.update({'teacher.weight': torch.zeros(20, 30)})
    optimizer = torch.optim.SGD(student.parameters(), lr=0.1)
    source, out = tmp_path / 'epoch_1.pth', tmp_path / 'new' / 'student.pth'
    torch.save(
        dict(
            meta=dict(epoch=1),
            state_dict=state,
            optimizer=optimizer.state_dict(),
        ),
        source,
    )
    run(source, out)
    assert '2 tensors' in capsys.readouterr().out
    exported = torch.load(out)
    assert sorted(exported) == ['meta', 'state_dict']
    nn.Linear(3, 2).load_state_dict(exported['state_dict'], strict=True)


def test_mistakes_get_one_sentence(tmp_path, run):
    with pytest.raises(SystemExit, match='is not a file'):
        run(tmp_path / 'none.pth', tmp_path / 'out.pth')
    torch.save(dict(state_dict={}, extra=Path), tmp_path / 'pickle.pth')
    with pytest.raises(SystemExit, match='pass --trust'):
        run(tmp_path / 'pickle.pth', tmp_path / 'out.pth')
