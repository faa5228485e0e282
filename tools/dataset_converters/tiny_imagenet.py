"""List Tiny-ImageNet's validation images as MMPretrain reads them.

    python tools/dataset_converters/tiny_imagenet.py data/tiny-imagenet-200

Writes ``val_list.txt``: file name and class index, classes in the order of
the folders under ``train``.
"""

import argparse
from pathlib import Path


def validation_list(root: Path) -> str:
    """One line per validation image.

    Args:
        root (Path): Folder with ``train/<class>/`` and
            ``val/val_annotations.txt``.

    Raises:
        FileNotFoundError: If either is missing.
    """
    annotations = root / 'val' / 'val_annotations.txt'
    for path in (root / 'train', annotations):
        if not path.exists():
            raise FileNotFoundError(
                f'no {path}; expected the unpacked tiny-imagenet-200.zip'
            )
    classes = sorted(p.name for p in (root / 'train').iterdir() if p.is_dir())
    index = {name: i for i, name in enumerate(classes)}
    rows = [line.split('\t') for line in annotations.read_text().splitlines()]
    return ''.join(f'{row[0]} {index[row[1]]}\n' for row in rows)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('root', type=Path, help='tiny-imagenet-200')
    root = parser.parse_args().root
    (root / 'val_list.txt').write_text(validation_list(root))
    print(f'wrote {root / "val_list.txt"}')
