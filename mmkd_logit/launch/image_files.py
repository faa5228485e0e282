"""A quick check of the image files of a dataset before training."""

import os
from typing import Any, Iterator, List, Union

from ..messages import MissingFile, WrongValue
from .coco_file import image_names
from .datasets import inside_root

#: Files that are opened of each dataset, spread over it.
LOOKS = 200
_IMAGES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp', '.ppm')
_PREFIXES = ('img', 'img_path')


def check_image_files(
    loader: str, dataset: dict, looks: Union[int, str] = LOOKS
) -> None:
    """Check that images exist, are not empty, and begin like images.

    Args:
        loader (str): For messages, such as ``'train_dataloader'``.
        dataset (dict): A dataset that reads files, see
            :func:`~mmkd_logit.launch.datasets.leaf_datasets`.
        looks (int or str): How many, spread over the dataset; ``'all'`` for
            every one. Defaults to 200.

    Raises:
        FileNotFoundError: If one that an annotation file names is not there.
        ValueError: If one cannot be read, or ``looks`` is not a number.
    """
    if looks != 'all' and (not isinstance(looks, int) or looks < 0):
        raise WrongValue(
            f"check_files must be a number >= 0 or 'all', got {looks!r}"
        )
    if looks == 0:
        return
    paths = list(_image_paths(dataset))
    step = 1 if looks == 'all' else max(len(paths) // looks, 1)
    bad = [
        f'{path!r} {problem}'
        for path in paths[::step]
        for problem in [what_is_wrong(path)]
        if problem
    ]
    if bad:
        kind = MissingFile if bad[0].endswith('is not there') else WrongValue
        raise kind(
            f'{loader}: the image {bad[0]} ({len(bad)} bad among '
            f'{len(paths[::step])} that were read, {len(paths)} in all); '
            'replace them, or take them out of the annotations '
            '(--cfg-options check_files=all reads every one)'
        )


def what_is_wrong(path: str) -> str:
    """What makes a file no image, or nothing."""
    from PIL import Image

    if not os.path.exists(path):
        return 'is not there'
    if not os.path.getsize(path):
        return 'has 0 bytes'
    try:
        with Image.open(path):
            return ''
    except Exception:  # whatever a decoder makes of it
        return 'is no image that can be read'


def _image_paths(dataset: dict) -> Iterator[str]:
    """Files that annotations name, or all images below the image folder."""
    prefix: Any = dataset.get('data_prefix') or ''
    folders: List[str] = []
    if isinstance(prefix, dict):
        folders = [prefix[key] for key in _PREFIXES if prefix.get(key)]
    elif isinstance(prefix, str) and prefix:
        folders = [prefix]
    annotations = inside_root(dataset, dataset.get('ann_file'))
    for folder in folders:
        folder = os.path.join(dataset.get('data_root') or '', folder)
        named = image_names(annotations) if annotations else None
        if named is not None:
            yield from (os.path.join(folder, name) for name in named)
            continue
        for where, _, files in sorted(os.walk(folder)):
            for name in sorted(files):
                if name.lower().endswith(_IMAGES):
                    yield os.path.join(where, name)
