"""Configs that are missing or misspelt."""

import pytest

from mmkd_logit.distillers.config_file import (
    check_package,
    not_in_package,
    read_config,
)

RETINA = 'retinanet/retinanet_r18_fpn_1x_coco.py'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'configs' / 'teacher.py').write_text('a = 1\n')
    (tmp_path / 'child.py').write_text("_base_ = 'configs/teacher.py'\n")
    (tmp_path / 'orphan.py').write_text("_base_ = 'configs/taecher.py'\n")
    (tmp_path / 'new.py').write_text(
        'from mmengine.config import read_base\n'
        'with read_base():\n    from .configs.teachr import *\n'
    )
    return tmp_path


def test_configs_are_read(folder):
    assert read_config('child.py').a == 1
    assert read_config(str(folder / 'configs/teacher.py')).a == 1


@pytest.mark.parametrize(
    'path, message',
    [
        (
            'configs/techer.py',
            "^teacher config 'configs/techer.py' is not a file, see the docs; "
            "did you mean 'configs/teacher.py'.$",
        ),
        ('confgs/teacher.py', "did you mean 'configs/teacher.py'"),
        ('configs/student.py', 'is not a file, see the docs$'),
        (
            'orphan.py',
            "config 'orphan.py' inherits a file that is not there: .*"
            "taecher.py'; did you mean .*configs/teacher.py'",
        ),
        ('new.py', "config 'new.py' inherits a file that is not there"),
    ],
)
def test_a_missing_file_is_one_sentence(folder, path, message):
    with pytest.raises(FileNotFoundError, match=message):
        read_config(path, 'teacher ', ', see the docs')


IMPORTS = "custom_imports = dict(imports=['not_there'])\n"


@pytest.mark.parametrize(
    'name, text, error, message',
    [
        ('a.py', 'model = dict(\n', ValueError, 'cannot be read: Syntax.* 1'),
        ('a.yml', 'model: [1\n', ValueError, 'cannot be read: Parser'),
        ('a.py', 'a = b\n', ValueError, "NameError: name 'b' is not"),
        (
            'a.py',
            "_base_ = ['./one.py', './two.py']\n",
            ValueError,
            'Duplicate key is not allowed among bases',
        ),
        ('a.json', '{"model": ', ValueError, 'cannot be read: JSON'),
        ('a.txt', 'a = 1\n', ValueError, r'expected one of \.py, .yml'),
        ('a.py', "_base_ = './a.py'\n", ValueError, 'inherits itself'),
        (
            'a.py',
            IMPORTS.replace(')', ', allow_failed_imports=False)'),
            ImportError,
            'not_there.*; install it, or add the folder .* PYTHONPATH$',
        ),
    ],
)
def test_a_config_that_cannot_be_read(tmp_path, name, text, error, message):
    for other in ('one.py', 'two.py'):
        (tmp_path / other).write_text('same = 1\n')
    (tmp_path / name).write_text(text)
    with pytest.raises(error, match=f"teacher config '.*{name}'.*{message}"):
        read_config(str(tmp_path / name), 'teacher ')


def test_a_package_without_configs():
    with pytest.raises(ValueError, match="^config 'mmdat::a.py'.*'mmdat'"):
        read_config('mmdat::a.py')
    check_package('mmdet::a.py')


def test_a_config_that_a_package_does_not_have():
    pytest.importorskip('mmdet')
    read_config(f'mmdet::{RETINA}')
    for wrong in (RETINA.replace('coco', 'cocoo'), f'retinet{RETINA[9:]}'):
        hint = (
            f"not among the configs of mmdet; .*did you mean 'mmdet::{RETINA}'"
        )
        with pytest.raises(FileNotFoundError, match=hint):
            read_config(f'mmdet::{wrong}')
        assert f"'mmdet::{RETINA}'" in str(not_in_package(f'mmdet::{wrong}'))
    assert str(not_in_package('mmdet::a.py', 'teacher ')) == (
        "teacher config 'mmdet::a.py' is not among the configs of mmdet; look "
        'under its `.mim/configs`'
    )
