"""MMEngine's own loading, through the safe reader."""

import pytest
import torch
from mmengine.runner.checkpoint import load_checkpoint
from torch import nn

from mmkd_logit.checkpoints.loaders import read_checkpoints_safely
from tests.test_checkpoints.test_downloads import running_server
from tests.test_launch.toy_job import Harm, mmengine_as_it_was  # noqa: F401

pytestmark = pytest.mark.usefixtures('mmengine_as_it_was')


def harmful(folder):
    path = folder / 'harm.pth'
    torch.save(
        dict(state_dict=nn.Linear(1, 1).state_dict(), harm=Harm(folder / 'x')),
        path,
    )
    return path


def test_files_are_read_safely(tmp_path):
    path = harmful(tmp_path)
    read_checkpoints_safely()
    for source in (str(path), path.as_uri()):
        with pytest.raises(ValueError, match='could run code.*pass --trust'):
            load_checkpoint(nn.Linear(1, 1), source)
    assert not (tmp_path / 'x').exists()
    read_checkpoints_safely(trusted=True)
    load_checkpoint(nn.Linear(1, 1), str(path))
    assert (tmp_path / 'x').exists()


def test_downloads_are_read_safely_and_kept_by_address(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    read_checkpoints_safely()
    with running_server() as server:
        server.files['/harm/best.pth'] = harmful(tmp_path).read_bytes()
        good = nn.Linear(1, 1)
        torch.save(good.state_dict(), tmp_path / 'good.pth')
        server.files['/good/best.pth'] = (tmp_path / 'good.pth').read_bytes()
        model = nn.Linear(1, 1)
        load_checkpoint(model, f'{server.url}/good/best.pth')
        assert torch.equal(model.weight, good.weight)
        with pytest.raises(ValueError, match='could run code'):
            load_checkpoint(model, f'{server.url}/harm/best.pth')
    assert not (tmp_path / 'x').exists()


def test_names_of_model_zoos_are_read_safely(tmp_path, monkeypatch):
    from mmengine.runner import checkpoint

    address = harmful(tmp_path).as_uri()
    monkeypatch.setattr(
        checkpoint, 'get_torchvision_models', lambda: {'toy': address}
    )
    read_checkpoints_safely()
    with pytest.raises(ValueError, match='could run code'):
        load_checkpoint(nn.Linear(1, 1), 'torchvision://toy')
    assert not (tmp_path / 'x').exists()
