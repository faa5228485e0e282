"""The converter's command, on a file like those of the trainers."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmkd_logit.checkpoints.safe_load import load_checkpoint_safely
from mmkd_logit.models.cifar_zoo import cifar_network
from mmkd_logit.registry import MODELS

TOOL = Path(__file__).parents[2] / 'tools/model_converters/mdistiller.py'


def convert(*args):
    return subprocess.run(
        [sys.executable, str(TOOL), *map(str, args)],
        cwd=TOOL.parents[2],
        env={'PYTHONPATH': str(TOOL.parents[2]), 'PATH': ''},
        capture_output=True,
        text=True,
    )


def test_there_and_back(tmp_path):
    network = MODELS.build(cifar_network('vgg8').backbone)
    theirs = dict(network.state_dict())
    theirs['classifier.weight'] = torch.randn(7, 512)
    theirs['classifier.bias'] = torch.randn(7)
    file = {f'module.student.{key}': value for key, value in theirs.items()}
    file['module.teacher.fc.weight'] = torch.zeros(1)
    torch.save(dict(epoch=3, model=file), tmp_path / 'theirs.pth')
    done = convert('vgg8', tmp_path / 'theirs.pth', tmp_path / 'a' / 'our.pth')
    assert done.returncode == 0, done.stderr
    assert 'left out 1 keys' in done.stdout
    done = convert(
        'vgg8', tmp_path / 'a' / 'our.pth', tmp_path / 'back.pth', '--back'
    )
    assert done.returncode == 0, done.stderr
    back = load_checkpoint_safely(str(tmp_path / 'back.pth'))['model']
    assert list(back) == list(theirs)
    assert all(torch.equal(back[key], theirs[key]) for key in theirs)


def test_wrong_network_is_one_sentence(tmp_path):
    torch.save({'fc.weight': torch.zeros(7, 64)}, tmp_path / 'theirs.pth')
    done = convert('vgg8', tmp_path / 'theirs.pth', tmp_path / 'ours.pth')
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert 'no classifier.weight, so it is not a vgg8' in last


def test_malformed_files_are_one_sentence(tmp_path, monkeypatch):
    source, target = tmp_path / 'file.pth', tmp_path / 'ours.pth'

    def run(*words):
        words = ['tool', 'vgg8', source, target, *words]
        monkeypatch.setattr(sys, 'argv', [str(word) for word in words])
        runpy.run_path(str(TOOL), run_name='__main__')

    for content, words, expected in (
        ([1], ['--back'], 'holds no state_dict of tensors, but a list'),
        ([1], [], 'the checkpoint holds no state dict'),
        ({0: torch.ones(1)}, [], r'has the key 0 \(int\)'),
        (dict(model=Path), [], 'pass --trust'),
    ):
        torch.save(content, source)
        with pytest.raises(SystemExit, match=f'^ValueError: .*{expected}'):
            run(*words)
    network = MODELS.build(cifar_network('vgg8').backbone)
    weights = dict(network.state_dict())
    weights['classifier.weight'] = torch.randn(7, 512)
    weights['classifier.bias'] = torch.randn(7)
    torch.save(weights, source)
    target.write_text('notes')
    with pytest.raises(SystemExit, match='exists; .*--force'):
        run()
    assert target.read_text() == 'notes'
    run('--force')
    assert 'state_dict' in torch.load(target)
