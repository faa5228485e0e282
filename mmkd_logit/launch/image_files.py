"""A quick check of the image files of a dataset before training."""

import logging
import os
from typing import Any, Dict, List, Optional, Tuple, Union

from mmengine.logging import print_log

from ..messages import MissingFile, WrongValue
from .coco_file import read_images
from .datasets import inside_root
from .listed_files import image_suffix, listed_images, reader_of

#: Files that are opened of each dataset, spread over it.
LOOKS = 200
_IMAGES = (
    *('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp'),
    *('.ppm', '.pgm'),
)
#: Of JPEG and PNG.
_ENDS = (b'\xff\xd9', b'IEND')
#: Datasets that look for images below a folder.
_FOLDERS = ('CustomDataset', 'BaseSegDataset')
_PREFIXES = ('img', 'img_path')


def check_image_files(
    loader: str,
    dataset: dict,
    looks: Union[int, str] = LOOKS,
    cls: Optional[type] = None,
) -> None:
    """Check that images exist, are not empty, and begin like images.

    Args:
        loader (str): For messages, such as ``'train_dataloader'``.
        dataset (dict): A dataset that reads files, see
            :func:`~mmkd_logit.launch.datasets.leaf_datasets`.
        looks (int or str): How many, spread over the dataset; ``'all'`` for
            every one. Defaults to 200.
        cls (type, optional): Class of the dataset, if known.

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
    sizes = _image_sizes(dataset, cls)
    paths = list(sizes)
    if not paths and _looks_below_folders(dataset, cls):
        suffix = image_suffix(dataset, cls)
        ending = f' that ends with {suffix!r}' if suffix else ''
        raise MissingFile(
            f'{loader} finds no image{ending} below {_folders(dataset)}; '
            'correct `data_root`, `data_prefix` or the ending'
        )
    step = 1 if looks == 'all' else max(len(paths) // looks, 1)
    bad, other, cut = [], [], []
    for path in paths[::step]:
        problem, size = look_at(path)
        if problem:
            bad.append(f'{path!r} {problem}')
            continue
        if is_cut_off(path):
            cut.append(path)
        if _is_other(size, sizes[path]):
            other.append(
                f'{path!r} has {size[0]} x {size[1]} pixels, not '
                f'{sizes[path][0]} x {sizes[path][1]}'
            )
    if bad:
        kind = MissingFile if bad[0].endswith('is not there') else WrongValue
        raise kind(
            f'{loader}: the image {bad[0]} ({len(bad)} bad among '
            f'{len(paths[::step])} that were read, {len(paths)} in all); '
            'replace them, or take them out of the annotations '
            '(--cfg-options check_files=all reads every one)'
        )
    if cut:
        print_log(
            f'{loader}: {len(cut)} of {len(paths[::step])} images that were '
            f'read end too early: {cut[0]!r}; decoders fill the rest with '
            'grey, or fail. Replace them, or take them out of the annotations',
            'current',
            logging.WARNING,
        )
    if other:
        print_log(
            f'{loader}: {len(other)} of {len(paths[::step])} images that were '
            f'read have another size than the annotations say: {other[0]}; '
            'if they were resized, their boxes lie elsewhere',
            'current',
            logging.WARNING,
        )


def what_is_wrong(path: str) -> str:
    """What makes a file no image, or nothing; it is read to its end."""
    problem, _ = look_at(path)
    return problem or ('ends too early' if is_cut_off(path) else '')


def is_cut_off(path: str) -> bool:
    """Whether an image ends before its last pixel, as after a full disk.

    Only images without the mark at the end of their format are decoded.
    """
    from PIL import Image

    with open(path, 'rb') as file:
        file.seek(max(os.path.getsize(path) - 64, 0))
        end = file.read()
        if any(mark in end for mark in _ENDS):
            return False
    try:
        with Image.open(path) as image:
            image.load()
    except Exception:  # whatever a decoder makes of it
        return True
    return False


def look_at(path: str) -> Tuple[str, Optional[Tuple[int, int]]]:
    """What makes a file no image, or nothing, and its width and height."""
    from PIL import Image

    if not os.path.exists(path):
        return 'is not there', None
    if not os.path.getsize(path):
        return 'has 0 bytes', None
    try:
        with Image.open(path) as image:
            return '', image.size
    except Exception:  # whatever a decoder makes of it
        return 'is no image that can be read', None


def _is_other(size: tuple, said: Optional[tuple]) -> bool:
    """Whether an annotation file gives an image another size.

    A picture that a camera has marked as turned may have both sides
    exchanged.
    """
    return bool(said) and None not in said and sorted(said) != sorted(size)


def _image_sizes(
    dataset: dict, cls: Optional[type]
) -> Dict[str, Optional[tuple]]:
    """Files that annotations name, or all images below the image folder.

    With the width and height that the annotations give.
    """
    listed = listed_images(dataset, cls)
    if listed is not None:
        return dict.fromkeys(listed)
    found: Dict[str, Optional[tuple]] = {}
    annotations = inside_root(dataset, dataset.get('ann_file'))
    named = read_images(annotations) if annotations else None
    suffix = image_suffix(dataset, cls)
    for folder in _folders(dataset):
        if named is not None:
            for name, size in named.sizes.items():
                found[os.path.join(folder, name)] = size
            continue
        for where, _, files in sorted(os.walk(folder)):
            for name in sorted(files):
                if name.endswith(suffix) if suffix else _is_image(name):
                    found[os.path.join(where, name)] = None
    return found


def _is_image(name: str) -> bool:
    return name.lower().endswith(_IMAGES)


def _looks_below_folders(dataset: dict, cls: Optional[type]) -> bool:
    """Whether a dataset takes what it finds, with endings known here."""
    folders = _folders(dataset)
    return (
        reader_of(cls) in _FOLDERS
        and 'extensions' not in dataset
        and bool(folders)
        and all(map(os.path.isdir, folders))
    )


def _folders(dataset: dict) -> List[str]:
    """Folders of the images that a dataset's config names."""
    prefix: Any = dataset.get('data_prefix') or ''
    folders: List[str] = []
    if isinstance(prefix, dict):
        folders = [prefix[key] for key in _PREFIXES if prefix.get(key)]
    elif isinstance(prefix, str) and prefix:
        folders = [prefix]
    root = dataset.get('data_root') or ''
    return [os.path.join(root, folder) for folder in folders]
