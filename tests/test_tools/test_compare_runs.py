"""Two runs side by side, from what MMEngine logged."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/analysis_tools/compare_runs.py'


def write_run(folder, maps, **losses):
    """20 iterations an epoch, logged at its end; a metric per epoch."""
    path = folder / '20250101_000000' / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    rows = []
    for epoch, value in enumerate(maps, 1):
        step = 20 * epoch
        rows.append(
            dict(lr=0.1, loss=2.0 / epoch, epoch=epoch, iter=step, step=step)
        )
        rows[-1].update(losses)
        rows.append({'coco/bbox_mAP': value, 'time': 0.1, 'step': epoch})
    path.write_text('\n'.join(map(json.dumps, rows)))
    return folder


def compare(*args):
    return subprocess.run(
        [sys.executable, str(TOOL), *map(str, args)],
        env={'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
    )


def test_best_and_last_of_each_run_and_a_picture(tmp_path):
    alone = write_run(tmp_path / 'alone', [0.1, 0.25, 0.2])
    distilled = write_run(tmp_path / 'dkd', [0.2, 0.3], loss_kd=0.5)
    picture = tmp_path / 'runs.png'
    done = compare(alone, distilled, '--out', picture)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[1] == ['alone', 'dkd']
    # best at the end of the second epoch, iteration 40, then the last
    assert lines[2] == 'coco/bbox_mAP 0.25 (40) 0.2 0.3 (40) 0.3'.split()
    assert lines[3] == ['loss', '0.6667', '1']
    assert lines[4] == ['loss_kd', '-', '0.5']
    assert picture.read_bytes().startswith(b'\x89PNG')


@pytest.mark.parametrize(
    'args, message',
    [
        (['{}', '/nowhere'], "'/nowhere' has no log"),
        (['{}', '--curves', 'coco/mAP'], "logged \\['coco/mAP'\\].*bbox_mAP"),
        (['{}', '{}'], 'a different one for each'),
    ],
)
def test_mistakes_are_one_sentence(tmp_path, args, message):
    import re

    run = write_run(tmp_path / 'run', [0.1])
    done = compare(*(part.format(run) for part in args))
    assert done.returncode != 0 and 'Traceback' not in done.stderr
    assert re.search(message, done.stderr), done.stderr
