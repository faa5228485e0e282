"""Read the classes of a COCO annotation file."""

import json
import mmap
import os
from collections import Counter
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ..messages import WrongValue

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
    """

    names: Tuple[str, ...]
    counts: Optional[Dict[str, int]] = None
    images: Optional[int] = None
    without_mask: Optional[str] = None


def read_coco_file(loader: str, path: str) -> CocoFile:
    """Categories and, unless the file is large, objects per category.

    Raises:
        ValueError: If it is not a COCO annotation file.
    """
    try:
        if os.path.getsize(path) > _WHOLE:
            return CocoFile(_names(_categories_of(path)))
        with open(path, 'rb') as file:
            content = json.load(file)
        categories = content['categories']
        images = content['images']
        objects = content.get('annotations', [])  # a test set has none
    except (ValueError, KeyError, TypeError) as error:
        raise WrongValue(
            f'{loader}: {path!r} is no annotation file of COCO ({error}); '
            'expected a JSON object with the lists `images`, `annotations` '
            'and `categories`'
        ) from error
    by_id = {one.get('id'): str(one.get('name')) for one in categories}
    usable = [one for one in objects if _is_usable(one)]
    counts = Counter(by_id.get(one.get('category_id')) for one in usable)
    without = next((o for o in usable if not o.get('segmentation')), None)
    return CocoFile(
        _names(categories),
        {name: counts[name] for name in by_id.values()},
        len(images),
        without and f'annotation {without.get("id")}',
    )


def _names(categories: List[dict]) -> Tuple[str, ...]:
    return tuple(str(one.get('name')) for one in categories)


def _is_category(entry: Any) -> bool:
    return isinstance(entry, dict) and 'name' in entry


def _is_usable(annotation: dict) -> bool:
    """Whether MMDetection keeps an annotation."""
    box = annotation.get('bbox') or ()
    return (
        not annotation.get('ignore', False)
        and len(box) == 4
        and min(box[2:]) >= 1
        and annotation.get('area', 1) > 0
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


def image_names(path: str) -> Optional[List[str]]:
    """Names of the images in a file of COCO; None if it is another file.

    A file too large to be read twice counts as another file.
    """
    if not path.endswith('.json') or not os.path.isfile(path):
        return None
    if os.path.getsize(path) > _WHOLE:
        return None
    try:
        with open(path, 'rb') as file:
            images = json.load(file)['images']
        return [str(one['file_name']) for one in images]
    except (ValueError, KeyError, TypeError):
        return None
