"""Pictures of two segmentors on generated scenes."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

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
        tool.NO_LABEL,
        tool.BOTH_WRONG,
    ]
    assert tool.right_share(label, alone, 3) == 0.5
    # of four labelled pixels one is better and one is worse
    assert tool.shares_of_change(label, alone, distilled, 3) == (0.25, 0.25)
    assert np.isnan(tool.shares_of_change(label * 0 + 9, alone, alone, 3)[0])
    assert np.isnan(tool.right_share(label * 0 + 255, alone, 3))


class ToyScenes:
    """Two images of a cat on grass, beside pixels without a label."""

    metainfo = dict(
        classes=('grass', 'cat', 'sky'),
        palette=[(0, 200, 0), (200, 100, 0), (0, 0, 250)],
    )
    labels = np.array([[0, 0, 1, 255], [0, 0, 1, 255]])

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return dict(inputs=torch.zeros(3, 2, 4, dtype=torch.uint8))


def test_colours_are_explained(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(TOOLS))
    import seg_pictures as tool

    data = ToyScenes()
    seen = {'student alone': data.labels * 0, 'distilled': data.labels % 255}
    monkeypatch.setattr(
        tool, 'predict', lambda model, item: (seen[model], data.labels)
    )
    out = str(tmp_path / 'a.png')
    figure = tool.draw(
        {name: name for name in seen},
        data,
        SimpleNamespace(images=[0, 1], out=out),
    )
    about_students, about_maps = (
        {
            text.get_text(): tuple(
                round(255 * part) for part in patch.get_facecolor()[:3]
            )
            for text, patch in zip(legend.get_texts(), legend.get_patches())
        }
        for legend in figure.legends
    )
    assert about_students == tool.MEANINGS
    # sky occurs nowhere
    assert about_maps == {
        'grass': (0, 200, 0),
        'cat': (200, 100, 0),
        'no label': tool.WHITE,
    }
    panels = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in panels[:5]] == [
        'image 0',
        'label',
        'student alone: 66.7% right',
        'distilled: 100.0% right',
        'distilled: 33.3% better, 0.0% worse',
    ]
    shown = panels[1].images[0].get_array()
    assert tuple(shown[0, 3]) == about_maps['no label']
    assert len(panels) == 10 and len(figure.axes) == 12
    assert figure.get_figwidth() < 6  # two columns, for a phone


def test_no_label_is_unlike_every_class(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    import seg_pictures as tool

    assert tool.colour_of_no_label([(0, 0, 0), (90, 0, 0)]) == tool.WHITE
    assert tool.colour_of_no_label([(250, 250, 240)]) == (0, 0, 0)


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
