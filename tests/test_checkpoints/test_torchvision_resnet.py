"""A ResNet of torchvision and MMPretrain's with its weights are equal."""

import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmengine.registry import DefaultScope

from mmkd_logit.checkpoints.torchvision_resnet import from_torchvision
from mmkd_logit.launch import load_config
from mmkd_logit.registry import MODELS
from tests.toys import seeded

TOOL = 'tools/model_converters/torchvision_resnet.py'
ROOT = Path(__file__).resolve().parents[2]


def network(name):
    """Random weights, and statistics that are not those of a new layer."""
    models = pytest.importorskip('torchvision.models')
    torch.manual_seed(0)
    model = getattr(models, name)(weights=None).eval()
    for key, value in model.state_dict().items():
        if 'running_' in key:
            value.copy_(0.5 + torch.rand(value.shape, generator=seeded(1)))
    return model


@pytest.mark.parametrize('name', ['resnet34', 'resnet50'])
def test_both_give_the_same_logits(name):
    pytest.importorskip('mmpretrain')
    theirs = network(name).double()
    config = load_config(f'mmpretrain::resnet/{name}_8xb32_in1k.py')
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        ours = MODELS.build(config.model)
    ours.load_state_dict(from_torchvision(theirs.state_dict()))
    ours.double().eval()
    images = torch.randn(2, 3, 64, 64, generator=seeded(2)).double()
    with torch.no_grad():
        expected = theirs(images)
        torch.testing.assert_close(ours(images), expected)
    assert expected.std() > 1e-3


def test_the_command(tmp_path, monkeypatch, capsys):
    source, target = tmp_path / 'theirs.pth', tmp_path / 'ours.pth'
    torch.save(network('resnet18').state_dict(), source)
    monkeypatch.setattr(sys, 'argv', [TOOL, str(source), str(target)])
    runpy.run_path(str(ROOT / TOOL), run_name='__main__')
    assert capsys.readouterr().out == f'wrote {target}: 122 tensors\n'
    state = torch.load(target, weights_only=True)['state_dict']
    assert {'head.fc.weight', 'backbone.layer2.0.downsample.0.weight'} <= (
        set(state)
    )


def test_other_networks_are_refused():
    state = {'features.0.weight': torch.zeros(3), 'fc.bias': torch.zeros(3)}
    with pytest.raises(ValueError, match=r'x.pth is not a ResNet.*conv1'):
        from_torchvision(state, 'x.pth')
