"""Files of weights are checked before data are read."""

import os

import pytest
import torch
from mmengine.config import Config

from mmkd_logit.launch.weights import check_names, check_weights
from tests.test_launch.toy_job import Harm, train, write_config
from tests.toys import ToyModel, distiller_config, teacher_file


def check(folder, **changes):
    model = distiller_config(teacher_file(folder))
    load_from = changes.pop('load_from', None)
    model.update(changes)
    config = Config(dict(model=model, load_from=load_from))
    check_names(config)
    check_weights(config)


def test_weights_that_are_there_pass(tmp_path):
    check(tmp_path)
    check(tmp_path, load_from=teacher_file(tmp_path))
    check_weights(Config(dict(model=dict(type='mmkd_logit.ToyModel'))))


def test_an_average_of_the_student_has_no_weights(tmp_path):
    check(tmp_path, teacher='ema', teacher_ckpt=None)
    check(tmp_path, teacher='ema', teacher_ckpt='auto')
    with pytest.raises(ValueError, match='an average of the student'):
        check(tmp_path, teacher='ema')


def test_each_of_several_teachers_is_checked(tmp_path):
    path = teacher_file(tmp_path)
    several = dict(teacher=[dict(type='mmkd_logit.ToyModel')] * 2)
    check(tmp_path, **several, teacher_ckpt=[path, path])
    with pytest.raises(FileNotFoundError, match="'/no.pth' is not"):
        check(tmp_path, **several, teacher_ckpt=[path, '/no.pth'])


@pytest.mark.parametrize(
    'changes, error, message',
    [
        (dict(teacher='/no.py'), FileNotFoundError, "config '/no.py' is not"),
        (dict(teacher_ckpt='/no.pth'), FileNotFoundError, "'/no.pth' is not"),
        (dict(teacher_ckpt=None), ValueError, '`teacher_ckpt` is missing'),
        (dict(teacher_ckpt='auto'), ValueError, "'auto': no metafile lists"),
        (
            dict(teacher_ckpt='http://localhost:9/a.pth'),
            ConnectionError,
            'cannot be downloaded',
        ),
        (dict(load_from='/no.pth'), FileNotFoundError, 'check `load_from`'),
        (
            dict(
                student=dict(
                    backbone=dict(
                        init_cfg=dict(type='Pretrained', checkpoint='/no.pth')
                    )
                )
            ),
            FileNotFoundError,
            "model.backbone.init_cfg.checkpoint names .* '/no.pth'",
        ),
    ],
)
def test_what_is_missing_is_named(
    tmp_path, monkeypatch, changes, error, message
):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    with pytest.raises(error, match=message):
        check(tmp_path, **changes)


def test_weights_that_do_not_read_are_named(tmp_path):
    path = tmp_path / 'file.pth'
    path.write_text('<html>')
    pretrained = dict(init_cfg=[dict(type='Pretrained', checkpoint=str(path))])
    for changes in (
        dict(teacher_ckpt=str(path)),
        dict(load_from=str(path)),
        dict(student=pretrained),
    ):
        with pytest.raises(ValueError, match="file.pth' cannot be read"):
            check(tmp_path, **changes)
    torch.save(dict(a=ToyModel().state_dict()), path)
    with pytest.raises(ValueError, match='file.pth. holds no state_dict'):
        check(tmp_path, teacher_ckpt=str(path))
    torch.save(dict(a=Harm(tmp_path / 'made')), path)
    with pytest.raises(ValueError, match='could run code'):
        check(tmp_path, student=pretrained)
    assert not os.path.exists(tmp_path / 'made')


def test_a_teacher_typo_is_told_before_data_are_read(tmp_path, monkeypatch):
    from tests import toys

    def read(*args, **kwargs):
        raise AssertionError('the data were read')

    monkeypatch.setattr(toys.ToyDataset, '__init__', read)
    config = write_config(tmp_path)
    with pytest.raises(FileNotFoundError, match="'/no.pth' is not a file"):
        train(config, tmp_path / 'out', '--teacher-ckpt', '/no.pth')
    assert not (tmp_path / 'out').exists()
