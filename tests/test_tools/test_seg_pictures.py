"""Pictures of two segmentors on generated scenes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip('mmseg')
pytest.importorskip('matplotlib')

from mmengine.registry import DefaultScope  # noqa: E402

from mmkd_logit.launch import load_config  # noqa: E402
from mmkd_logit.registry import MODELS  # noqa: E402

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / 'tools/analysis_tools'


def test_colours_of_pixels_where_students_differ(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    import seg_pictures as tool

    label = np.array([[0, 1, 2, 255, 1]])
    alone = np.array([[0, 1, 0, 0, 0]])
    distilled = np.array([[0, 2, 2, 1, 2]])
    picture = tool.differences(label, alone, distilled, 3)
    assert [tuple(pixel) for pixel in picture[0]] == [
        tool.WHITE,
        tool.WORSE,
        tool.BETTER,
        tool.WHITE,
        tool.BOTH_WRONG,
    ]
    assert tool.right_share(label, alone, 3) == 0.5
    # of four labelled pixels one is better and one is worse
    assert tool.shares_of_change(label, alone, distilled, 3) == (0.25, 0.25)
    assert np.isnan(tool.shares_of_change(label * 0 + 9, alone, alone, 3)[0])
    assert np.isnan(tool.right_share(label * 0 + 255, alone, 3))


@pytest.mark.slow
def test_pictures_of_the_demo_s_students(tmp_path):
    from demo.layouts import write_cityscapes

    write_cityscapes(tmp_path / 'data', (1, 2))
    files = {}
    for name in ('student', 'teacher'):
        cfg = load_config(str(ROOT / f'configs/demo/fcn_{name}.py'))
        with DefaultScope.overwrite_default_scope('mmseg'):
            model = MODELS.build(cfg.model)
        files[name] = str(tmp_path / f'{name}.pth')
        torch.save(model.state_dict(), files[name])
    out = tmp_path / 'pictures.png'
    command = [
        sys.executable,
        str(TOOLS / 'seg_pictures.py'),
        'configs/demo/fcn_student.py',
        files['student'],
        'configs/demo/fcn_dkd.py',
        files['student'],
        '--teacher-ckpt',
        files['teacher'],
        '--data-root',
        str(tmp_path / 'data'),
        '--images',
        '0',
        '1',
        '--out',
        str(out),
    ]
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert out.stat().st_size > 10_000
