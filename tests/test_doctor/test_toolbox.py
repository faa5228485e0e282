"""Toolboxes that are missing or cannot be imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmkd_logit.doctor import check_toolbox, missing_toolbox_message
from tests.test_doctor.installations import GOOD_MODERN, pretend

ROOT = Path(__file__).parents[2]


def test_other_scopes_are_left_alone():
    check_toolbox(None)
    check_toolbox('mmengine')
    check_toolbox('mmrotate')


@pytest.mark.parametrize(
    'content, cause',
    [
        (
            "raise ImportError('mmcv/_ext.so: undefined symbol: _ZN2at')",
            'because of mmcv: ImportError: mmcv/_ext.so: undefined symbol',
        ),
        ("__version__ = '1.7.0'", 'mmcv'),
    ],
)
def test_a_broken_mmcv_is_one_sentence_with_cause_and_doctor(
    tmp_path, content, cause
):
    pytest.importorskip('mmpretrain')
    (tmp_path / 'mmcv').mkdir()
    (tmp_path / 'mmcv/__init__.py').write_text(content)
    config = tmp_path / 'config.py'
    config.write_text(
        "default_scope = 'mmpretrain'\n"
        "model = dict(type='ImageClassifier')\n"
        "visualizer = dict(type='UniversalVisualizer')\n"
    )
    done = subprocess.run(
        [sys.executable, 'tools/train.py', config],
        cwd=ROOT,
        env={**os.environ, 'PYTHONPATH': f'{tmp_path}{os.pathsep}{ROOT}'},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 1
    last = done.stdout.strip().splitlines()[-1]
    assert last.startswith('ImportError: mmpretrain cannot be imported')
    assert cause in last and 'python -m mmkd_logit.doctor' in last


def test_missing_toolbox_message_fits_the_installed_stack(monkeypatch):
    classic = {'mmengine': '0.10.7', 'mmcv': '2.1.0', 'torch': '2.1.2'}
    pretend(monkeypatch, classic)
    assert missing_toolbox_message('mmseg').endswith(
        'mmsegmentation==1.2.2 ftfy regex'
    )
    pretend(monkeypatch, {'onedl-mmengine': '0.10.12'})
    assert missing_toolbox_message('mmdet').endswith(
        'onedl-mmdetection==3.5.1'
    )
    pretend(monkeypatch, GOOD_MODERN)
    assert 'mmkd_logit.doctor' in missing_toolbox_message('mmdet')
    assert 'none of the toolboxes' in missing_toolbox_message('mmrotate')
