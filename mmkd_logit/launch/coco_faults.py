"""What is wrong inside a COCO annotation file."""

import math
from collections import Counter
from typing import Any, Dict, List, Optional

#: What MMDetection and pycocotools read of each entry.
_NEEDED = dict(
    categories=('id', 'name'),
    images=('id', 'file_name', 'width', 'height'),
    annotations=('id', 'image_id', 'category_id', 'bbox', 'area'),
)
_NUMBERS = {'width', 'height', 'area'}
_ONE = dict(categories='category', images='image', annotations='annotation')


def first_fault(content: Any) -> Optional[str]:
    """The first thing that MMDetection would fail at, or read wrongly.

    Args:
        content (object): Of a JSON file.

    Returns:
        str, optional: None if there is nothing. Panoptic files, whose
        annotations have ``segments_info``, and the images of LVIS, which have
        ``coco_url``, are looked at as far as they are like those of COCO.
    """
    if not isinstance(content, dict):
        return f'it holds a {type(content).__name__}'
    for part, needed in _NEEDED.items():
        if part not in content:
            if part == 'annotations':  # a test set has none
                continue
            return f'it has no `{part}`'
        entries = content[part]
        if not isinstance(entries, list):
            return f'`{part}` is a {type(entries).__name__}'
        fault = _fault_of_entries(part, entries, needed)
        if fault:
            return fault
    return None


def _fault_of_entries(
    part: str, entries: List[Any], needed: tuple
) -> Optional[str]:
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            return f'entry {number} of `{part}` is {entry!r}'
        if 'segments_info' in entry:
            return None
        missing = [key for key in needed if key not in entry]
        if 'coco_url' in entry and 'file_name' in missing:
            missing.remove('file_name')
        if missing:
            names = ', '.join(f'`{key}`' for key in missing)
            return f'entry {number} of `{part}` has no {names}'
        if 'bbox' in needed and not _is_box(entry['bbox']):
            return (
                f'entry {number} of `{part}` has the `bbox` '
                f'{entry["bbox"]!r}, expected four numbers: x, y, width, '
                'height'
            )
        for key in _NUMBERS.intersection(needed):
            if not _is_number(entry[key]):
                return (
                    f'entry {number} of `{part}` has the `{key}` '
                    f'{entry[key]!r}, expected a number'
                )
    ids = Counter(repr(entry['id']) for entry in entries)
    twice = [key for key, count in ids.items() if count > 1]
    if twice:
        return (
            f'{len(twice)} ids of `{part}` are given more than once, such as '
            f'{twice[0]}, so that what belongs to one {_ONE[part]} is taken '
            'for that of another; number them anew, as after joining files'
        )
    return None


def _is_box(box: Any) -> bool:
    return (
        isinstance(box, list) and len(box) == 4 and all(map(_is_number, box))
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def unknown_ids(content: Dict[str, Any]) -> Optional[str]:
    """Objects whose category or image the file does not list.

    Args:
        content (dict): Without a fault.

    Returns:
        str, optional: Their number and an example; None if there are none.
    """
    for key, part in (('category_id', 'categories'), ('image_id', 'images')):
        known = {entry['id'] for entry in content[part]}
        strays = [
            one[key]
            for one in content.get('annotations', ())
            if 'segments_info' not in one and one[key] not in known
        ]
        if strays:
            return (
                f'{len(strays)} of {len(content["annotations"])} objects have '
                f'a `{key}` that is none of `{part}`, such as {strays[0]!r}'
            )
    return None
