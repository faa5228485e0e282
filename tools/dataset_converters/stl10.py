"""Write STL-10's labelled images as PNG files in class folders.

    python tools/dataset_converters/stl10.py stl10_binary data/stl10

Reads ``train_X.bin``, ``train_y.bin``, ``test_X.bin``, ``test_y.bin`` and
``class_names.txt`` of the unpacked stl10_binary.tar.gz.
"""

import argparse
from pathlib import Path

import mmcv
import numpy as np

SIDE = 96


def read_split(root: Path, split: str) -> tuple:
    """Images (N, 96, 96, 3) in RGB and classes (N,) from 0.

    Raises:
        FileNotFoundError: If a file of the split is missing.
        ValueError: If the files do not belong together.
    """
    for name in (f'{split}_X.bin', f'{split}_y.bin'):
        if not (root / name).exists():
            raise FileNotFoundError(
                f'no {root / name}; expected the unpacked stl10_binary.tar.gz'
            )
    # each image: red, green and blue plane, column by column
    planes = np.fromfile(root / f'{split}_X.bin', dtype=np.uint8)
    labels = np.fromfile(root / f'{split}_y.bin', dtype=np.uint8)
    if len(planes) != len(labels) * 3 * SIDE**2:
        raise ValueError(
            f'{split}_X.bin has {len(planes)} bytes, expected '
            f'{len(labels)} x {3 * SIDE**2} for the labels of {split}_y.bin; '
            'unpack the archive again'
        )
    planes = planes.reshape(-1, 3, SIDE, SIDE)
    return planes.transpose(0, 3, 2, 1), labels.astype(int) - 1


def convert(root: Path, out: Path) -> int:
    """Write both splits and count the images."""
    names = (root / 'class_names.txt').read_text().split()
    count = 0
    for split in ('train', 'test'):
        for image, label in zip(*read_split(root, split)):
            path = out / split / names[label] / f'{count:05d}.png'
            mmcv.imwrite(np.ascontiguousarray(image[..., ::-1]), str(path))
            count += 1
    return count


if __name__ == '__main__':
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('root', type=Path, help='stl10_binary')
    parser.add_argument('out', type=Path, help='folder for the images')
    args = parser.parse_args()
    print(f'wrote {convert(args.root, args.out)} images to {args.out}')
