"""STL-10's binary files as images in class folders."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

mmcv = pytest.importorskip('mmcv')

TOOL = (
    Path(__file__).resolve().parents[2] / 'tools/dataset_converters/stl10.py'
)


def run(*args):
    return subprocess.run(
        [sys.executable, TOOL, *args], capture_output=True, text=True
    )


def test_images_and_classes(tmp_path):
    (tmp_path / 'class_names.txt').write_text('airplane\nbird\n')
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(2, 96, 96, 3), dtype=np.uint8)
    for split in ('train', 'test'):
        # plane by plane, column by column
        images.transpose(0, 3, 2, 1).tofile(tmp_path / f'{split}_X.bin')
        np.array([2, 1], np.uint8).tofile(tmp_path / f'{split}_y.bin')
    done = run(tmp_path, tmp_path / 'out')
    assert done.returncode == 0, done.stderr
    assert 'wrote 4 images' in done.stdout
    read = mmcv.imread(tmp_path / 'out/train/bird/00000.png', 'color', 'rgb')
    assert np.array_equal(read, images[0])
    assert (tmp_path / 'out/test/airplane/00003.png').exists()


def test_files_that_are_missing_or_cut_off(tmp_path):
    (tmp_path / 'class_names.txt').write_text('airplane\n')
    assert 'expected the unpacked stl10_binary' in run(tmp_path, 'x').stderr
    (tmp_path / 'train_X.bin').write_bytes(b'0' * 9)
    (tmp_path / 'train_y.bin').write_bytes(b'\x01')
    assert 'has 9 bytes, expected 1 x 27648' in run(tmp_path, 'x').stderr
