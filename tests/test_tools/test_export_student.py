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


def test_a_file_that_is_there_is_replaced_only_if_asked(tmp_path, run):
    source, out = tmp_path / 'epoch_1.pth', tmp_path / 'notes.pth'
    torch.save(dict(state_dict=nn.Linear(3, 2).state_dict()), source)
    out.write_text('notes')
    with pytest.raises(SystemExit, match='notes.pth. exists; .*--force'):
        run(source, out)
    with pytest.raises(SystemExit, match='is a folder'):
        run(source, tmp_path, '--force')
    assert out.read_text() == 'notes'
    run(source, out, '--force')
    assert sorted(torch.load(out)['state_dict']) == ['bias', 'weight']


def test_in_place_the_source_outlives_a_failure(tmp_path, run, monkeypatch):
    path = tmp_path / 'epoch_1.pth'
    torch.save(
        dict(state_dict=nn.Linear(3, 2).state_dict(), optimizer={}), path
    )
    before = path.read_bytes()
    with pytest.raises(SystemExit, match='exists'):
        run(path, path)
    save = torch.save

    def fail(checkpoint, file):
        file.write(b'half')
        raise OSError('no space left on device')

    monkeypatch.setattr(torch, 'save', fail)
    with pytest.raises(SystemExit, match='cannot be written: no space left'):
        run(path, path, '--force')
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ['epoch_1.pth']
    monkeypatch.setattr(torch, 'save', save)
    run(path, path, '--force')
    assert 'optimizer' not in torch.load(path)


@pytest.mark.parametrize(
    'content, message',
    [
        ([1, 2], 'holds no state_dict of tensors, but a list'),
        (dict(state_dict={}, meta='text'), 'has a str as `meta`'),
        ({1: torch.ones(1)}, 'has the key 1'),
    ],
)
def test_malformed_checkpoints_are_one_sentence(
    tmp_path, run, content, message
):
    torch.save(content, tmp_path / 'file.pth')
    with pytest.raises(SystemExit, match=message):
        run(tmp_path / 'file.pth', tmp_path / 'out.pth')
    assert not (tmp_path / 'out.pth').exists()
