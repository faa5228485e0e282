"""Files that list the images of a dataset, one in a line."""

import inspect
import logging
import os
from collections import Counter
from typing import Any, Iterator, List, Optional, Tuple
from xml.etree import ElementTree

from mmengine.logging import print_log

from ..messages import MissingFile, WrongValue, did_you_mean
from .datasets import inside_root, is_kind

#: XML files that are read of each dataset, spread over it.
XML_FILES = 1000
#: Classes whose own ``load_data_list`` reads a list.
_READERS = ('CustomDataset', 'BaseSegDataset', 'XMLDataset')


def listed_images(dataset: dict, cls: Any) -> Optional[List[str]]:
    """Paths of the images that a dataset's list names.

    Args:
        dataset (dict): Its config.
        cls (type, optional): Its class, if known.

    Returns:
        list[str], optional: None if it reads no list.
    """
    lines, kind = _lines(dataset, cls)
    if lines is None:
        return None
    if kind == 'XMLDataset':
        folder = os.path.join(_prefix(dataset), _setting(dataset, cls, 'img'))
        return [os.path.join(folder, f'{line}.jpg') for line in lines]
    if kind == 'BaseSegDataset':
        suffix = image_suffix(dataset, cls)
        lines = [line.strip() + suffix for line in lines]
    elif dataset.get('with_label', True):
        lines = [line.strip().rsplit(' ', 1)[0] for line in lines]
    return [os.path.join(_prefix(dataset), line) for line in lines]


def check_list(
    loader: str,
    dataset: dict,
    cls: Any,
    names: Optional[Tuple[str, ...]],
    classes: Optional[int] = None,
) -> None:
    """Check what a list says beside the names of images.

    Args:
        loader (str): For messages.
        dataset (dict): A dataset on this machine's disk.
        cls (type, optional): Its class, if known.
        names (tuple[str], optional): Class names of the dataset.
        classes (int, optional): Of the model's head, for a dataset that
            names none.

    Raises:
        FileNotFoundError: If an annotation that a list names is not there.
        ValueError: If the list is empty, a label is none, or no object has
            one of the classes.
    """
    lines, kind = _lines(dataset, cls)
    if lines is None:
        return
    path = inside_root(dataset, dataset.get('ann_file'))
    if not lines:
        raise WrongValue(
            f'{loader}: the list {path!r} is empty; expected the name of an '
            'image in each line'
        )
    if kind == 'XMLDataset':
        files = os.path.join(_prefix(dataset), _setting(dataset, cls, 'ann'))
        wanted = [os.path.join(files, f'{line}.xml') for line in lines]
        _check_objects(loader, wanted, names or ())
    elif kind == 'CustomDataset' and dataset.get('with_label', True):
        _check_labels(loader, path, lines, names, classes)


def _lines(dataset: dict, cls: Any) -> Tuple[Optional[List[str]], str]:
    """Lines of the list and whose reader takes them; (None, '') if none."""
    path = inside_root(dataset, dataset.get('ann_file'))
    kind = reader_of(cls)
    if kind not in _READERS or not path or not os.path.isfile(path):
        return None, ''
    if '://' in _prefix(dataset):
        return None, ''
    with open(path, encoding='utf-8', errors='replace') as file:
        return [line.rstrip('\n\r') for line in file], kind


def reader_of(cls: Any) -> str:
    """Name of the class whose ``load_data_list`` a dataset has, or ''."""
    own = getattr(getattr(cls, 'load_data_list', None), '__qualname__', '')
    return own.partition('.')[0]


def image_suffix(dataset: dict, cls: Any) -> str:
    """Ending of the images of a dataset of MMSegmentation, or ''."""
    if not is_kind(cls, 'BaseSegDataset'):
        return ''
    return dataset.get('img_suffix') or _default_of(cls, 'img_suffix')


def _prefix(dataset: dict) -> str:
    """Folder of the images, or of the whole of a dataset like VOC."""
    prefix = dataset.get('data_prefix') or ''
    if isinstance(prefix, dict):
        keys = ('img_path', 'sub_data_root')
        prefix = next((prefix[key] for key in keys if prefix.get(key)), '')
    return os.path.join(dataset.get('data_root') or '', prefix)


def _setting(dataset: dict, cls: Any, what: str) -> str:
    """Subfolder of images or annotations of a dataset like VOC."""
    key = f'{what}_subdir'
    if key in dataset:
        return dataset[key]
    for parent in cls.__mro__:
        default = _default_of(parent, key)
        if default:
            return default
    return ''


def _default_of(cls: Any, key: str) -> str:
    """A text that a class takes where its config says nothing."""
    parameter = inspect.signature(cls).parameters.get(key)
    default = parameter.default if parameter else ''
    return default if isinstance(default, str) else ''


def _check_labels(
    loader: str,
    path: Optional[str],
    lines: List[str],
    names: Optional[Tuple[str, ...]],
    classes: Optional[int],
) -> None:
    """Labels are whole numbers from 0 to the number of classes."""
    most = len(names) if names else classes
    others = {}
    for number, line in enumerate(lines, 1):
        words = line.strip().rsplit(' ', 1)
        label = words[1] if len(words) == 2 else ''
        if not label.lstrip('-').isdigit():
            raise WrongValue(
                f'{loader}: line {number} of {path!r} is {line!r}; expected '
                'the name of an image, a blank and the number of its class, '
                'such as "cat/1.jpg 0"'
            )
        if int(label) < 0 or (most and int(label) >= most):
            count = f'0 to {most - 1}' if most else 'at least 0'
            raise WrongValue(
                f'{loader}: line {number} of {path!r} has the class '
                f'{label}, expected {count}; classes are counted from 0'
                + (', see `metainfo=dict(classes=...)`' if names else '')
            )
        folder = words[0].partition('/')[0]
        if names and folder in names and names[int(label)] != folder:
            others.setdefault((folder, label), number)
    if others:
        (folder, label), number = next(iter(others.items()))
        print_log(
            f'{loader}: line {number} of {path!r} gives an image of the folder'
            f' {folder!r} the class {label}, which is {names[int(label)]!r}; '
            f'so do {len(others)} of the folders. Correct the list, or write '
            '`metainfo=dict(classes=...)` in its order',
            'current',
            logging.WARNING,
        )


def _check_objects(
    loader: str, paths: List[str], names: Tuple[str, ...]
) -> None:
    """Objects whose name is no class are passed over in silence."""
    step = max(len(paths) // XML_FILES, 1)
    counts: Counter = Counter()
    for path in paths[::step]:
        counts.update(_object_names(loader, path))
    if not names or not counts:
        return
    others = {name: n for name, n in counts.items() if name not in names}
    shown = ', '.join(f'{name!r}: {n}' for name, n in list(others.items())[:5])
    if len(others) == len(counts):
        raise WrongValue(
            f'{loader}: no object in {len(paths[::step])} annotation files '
            f'has one of the classes {names[:5]}; there are {shown}. Write '
            'these into `metainfo=dict(classes=...)`'
        )
    absent = [name for name in names if name not in counts]
    if absent and others:
        hint = did_you_mean(absent[0], others)
        print_log(
            f'{loader}: no object in {len(paths[::step])} annotation files '
            f'has the class {absent[0]!r}, and those of other names are '
            f'passed over ({shown}){"; " + hint if hint else ""}',
            'current',
            logging.WARNING,
        )


def _object_names(loader: str, path: str) -> Iterator[str]:
    if not os.path.isfile(path):
        raise MissingFile(
            f'{loader}: the annotation file {path!r} is not there; correct '
            'the list, `data_prefix` or `ann_subdir`'
        )
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise WrongValue(
            f'{loader}: the annotation file {path!r} is no XML ({error})'
        ) from error
    return (one.findtext('name', '') for one in root.findall('object'))
