"""Read a COCO annotation file: its classes, and what is wrong with it."""

import codecs
import json
import mmap
import os
from collections import Counter
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ..messages import WrongValue
from .coco_faults import first_fault, unknown_ids

#: Files up to this size are read whole; of larger ones the list of categories
#: alone, which takes no time.
_WHOLE = 1 << 26
#: Bytes that a list of categories may have.
_LIST = 1 << 25


class CocoFile(NamedTuple):
    """Summary of an annotation file.

    Attributes:
        names (tuple[str]): Of the categories, in the order of the file,
            which is the order of the labels.
        counts (dict[str, int], optional): Usable objects of each category;
            None if the file is too large to be read twice.
        images (int, optional): Number of images.
        without_mask (str, optional): An object without a segmentation.
        sorted_names (tuple[str], optional): Names in the order of the
            categories' ids.
        strays (str, optional): Objects of an unknown category or image.
    """

    names: Tuple[str, ...]
    counts: Optional[Dict[str, int]] = None
    images: Optional[int] = None
    without_mask: Optional[str] = None
    sorted_names: Optional[Tuple[str, ...]] = None
    strays: Optional[str] = None


def read_coco_file(loader: str, path: str) -> CocoFile:
    """Categories and, unless the file is large, objects per category.

    Raises:
        ValueError: If it is not a COCO annotation file, or lacks what
            MMDetection reads of each image and object.
    """
    try:
        if os.path.getsize(path) > _WHOLE:
            categories = _categories_of(path)
            return CocoFile(
                _names(categories), sorted_names=_names(_by_id(categories))
            )
        with open(path, 'rb') as file:
            content = json.load(file)
            file.seek(0)
            marked = file.read(3) == codecs.BOM_UTF8
        fault = first_fault(content)
        if marked:  # pycocotools does not read it
            fault = 'it begins with a byte order mark; save it as plain UTF-8'
    except (ValueError, KeyError) as error:
        fault = str(error)
    if fault:
        raise WrongValue(
            f'{loader}: {path!r} is no annotation file of COCO ({fault}); '
            'expected a JSON object with the lists `images`, `annotations` '
            'and `categories`, as COCO has them'
        )
    categories = content['categories']
    images = {one['id']: one for one in content['images']}
    objects = content.get('annotations', [])  # a test set has none
    if any('segments_info' in one for one in objects):  # panoptic
        return CocoFile(_names(categories), images=len(images))
    by_id = {one['id']: str(one['name']) for one in categories}
    usable = [
        one for one in objects if _is_usable(one, images.get(one['image_id']))
    ]
    counts = Counter(
        by_id.get(one['category_id'])
        for one in usable
        if not one.get('iscrowd')  # such a region is ignored in training
    )
    without = next((o for o in usable if not o.get('segmentation')), None)
    return CocoFile(
        _names(categories),
        {name: counts[name] for name in by_id.values()},
        len(images),
        without and f'annotation {without.get("id")}',
        _names(_by_id(categories)),
        unknown_ids(content),
    )


def _names(categories: List[dict]) -> Tuple[str, ...]:
    return tuple(str(one.get('name')) for one in categories)


def _by_id(categories: List[dict]) -> List[dict]:
    try:
        return sorted(categories, key=lambda one: one['id'])
    except (KeyError, TypeError):  # ids that cannot be compared
        return categories


def _is_category(entry: Any) -> bool:
    return isinstance(entry, dict) and 'name' in entry


def _is_usable(annotation: dict, image: Optional[dict]) -> bool:
    """Whether MMDetection keeps an annotation."""
    if image is None or annotation.get('ignore') or annotation['area'] <= 0:
        return False
    left, top, width, height = annotation['bbox']
    return (
        min(width, height) >= 1
        and min(left + width, image['width']) > max(left, 0)
        and min(top + height, image['height']) > max(top, 0)
    )


def _categories_of(path: str) -> List[dict]:
    """The list of categories of a file that is too large to be read twice."""
    decoder = json.JSONDecoder()
    with open(path, 'rb') as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            place = content.rfind(b'"categories"')
            while place >= 0:
                start = content.find(b'[', place)
                text = content[start : start + _LIST].decode(errors='replace')
                try:
                    found = decoder.raw_decode(text)[0] if start >= 0 else []
                except json.JSONDecodeError:
                    found = []
                if found and all(_is_category(one) for one in found):
                    return found
                place = content.rfind(b'"categories"', 0, place)
    raise KeyError('categories')


class CocoImages(NamedTuple):
    """Images and categories of a file.

    Attributes:
        names (dict): Id of an image -> its file.
        sizes (dict[str, tuple[int, int]]): File -> width and height.
        classes (list[str]): Names of the categories in the file's order.
    """

    names: Dict[Any, str]
    sizes: Dict[str, Tuple[Any, Any]]
    classes: List[str]


def read_images(path: str) -> Optional[CocoImages]:
    """Images in a file of COCO; None if it is another file.

    A file too large to be read twice counts as another file.
    """
    if not path.endswith('.json') or not os.path.isfile(path):
        return None
    if os.path.getsize(path) > _WHOLE:
        return None
    try:
        with open(path, 'rb') as file:
            content = json.load(file)
        images = content['images']
        names = {one['id']: str(one['file_name']) for one in images}
        sizes = [(one.get('width'), one.get('height')) for one in images]
        return CocoImages(
            names,
            dict(zip(names.values(), sizes)),
            [str(one['name']) for one in content['categories']],
        )
    except (ValueError, KeyError, TypeError):
        return None
