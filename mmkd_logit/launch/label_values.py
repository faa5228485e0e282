"""Check the values in a sample of a dataset's label maps."""

import copy
import logging
from collections import Counter
from typing import Any, Dict, List, Optional

import numpy as np
from mmengine.logging import print_log

from ..messages import MissingFile, UserMistake, WrongValue
from .datasets import class_names, dataset_class
from .image_files import what_is_wrong

#: Label maps that are opened of each dataset, spread over it.
SAMPLE = 12
_LOADING = ('LoadImageFromFile', 'LoadAnnotations')


def check_label_values(
    loader: str, dataset: dict, scope: Optional[str] = 'mmseg'
) -> None:
    """Open some label maps as training will, and check their values.

    Args:
        loader (str): For messages, such as ``'train_dataloader'``.
        dataset (dict): A dataset of MMSegmentation with label maps.
        scope (str, optional): Scope of its type. Defaults to 'mmseg'.

    Raises:
        ValueError: If a label map has another size than its image, values
            that are no class, or more than eight bits.
    """
    built = _with_loading_alone(dataset, scope)
    if built is None or not len(built):
        return
    step = max(len(built) // SAMPLE, 1)
    counts: Counter = Counter()
    for index in range(0, len(built), step)[:SAMPLE]:
        info = built.get_data_info(index)
        try:
            _check_bits(loader, info['seg_map_path'])
            item = built.pipeline(info)
        except UserMistake:
            raise
        except Exception:
            _name_broken_file(loader, info)
            raise
        if item is None or item.get('gt_seg_map') is None:
            return
        _check_size(loader, info, item)
        values, pixels = np.unique(item['gt_seg_map'], return_counts=True)
        counts.update(dict(zip(values.tolist(), pixels.tolist())))
    names = class_names(dataset, type(built))
    _check_values(loader, dict(counts), built, names)


def _with_loading_alone(dataset: dict, scope: Optional[str]) -> Any:
    """The dataset with the first steps of its pipeline, if they are known."""
    steps: List[dict] = [
        step
        for step in dataset.get('pipeline') or ()
        if isinstance(step, dict)
        and str(step.get('type')).rpartition('.')[2] in _LOADING
    ]
    cls = dataset_class(dataset, scope)
    kinds = {str(step['type']).rpartition('.')[2] for step in steps}
    if kinds != set(_LOADING) or cls is None:
        return None
    from mmengine.registry import DefaultScope

    settings = copy.deepcopy(dict(dataset, pipeline=steps))
    del settings['type']
    settings.pop('_scope_', None)
    try:
        with DefaultScope.overwrite_default_scope(scope):
            return cls(**settings)
    except Exception:  # the toolbox reports it when the run builds it
        return None


def _name_broken_file(loader: str, info: Dict[str, Any]) -> None:
    for path in (info['seg_map_path'], info['img_path']):
        problem = what_is_wrong(path)
        if problem:
            kind = MissingFile if problem == 'is not there' else WrongValue
            raise kind(
                f'{loader}: the file {path!r} {problem}; replace it, or take '
                'it out of the data'
            )


def _check_bits(loader: str, path: str) -> None:
    """Refuse values that MMSegmentation cuts to eight bits."""
    from PIL import Image

    with Image.open(path) as picture:
        if not picture.mode.startswith('I'):
            return
        most = picture.getextrema()[1]
    if most > 255:
        raise WrongValue(
            f'{loader}: the label map {path!r} has 16 bits and values up to '
            f'{most}, of which MMSegmentation keeps the lower 8 bits; save '
            'class indices from 0 to 255 in 8 bits'
        )


def _check_size(loader: str, info: Dict[str, Any], item: dict) -> None:
    image, labels = item['img'].shape[:2], item['gt_seg_map'].shape[:2]
    if image != labels:
        raise WrongValue(
            f'{loader}: the label map {info["seg_map_path"]!r} has '
            f'{labels[0]} x {labels[1]} pixels, its image '
            f'{info["img_path"]!r} {image[0]} x {image[1]}; both must have '
            'one size'
        )


def _check_values(
    loader: str, counts: Dict[int, int], built: Any, names: Any
) -> None:
    """Refuse values that are no class; warn where there is little to learn."""
    ignored = getattr(built, 'ignore_index', 255)
    shown = ', '.join(
        f'{value}: {pixels} pixels' for value, pixels in sorted(counts.items())
    )
    classes = {value for value in counts if value != ignored}
    if not names:
        return
    # the only class of a binary head is 1; 0 is background
    count = max(len(names), 2)
    odd = {value for value in classes if value >= count}
    if odd:
        raise WrongValue(
            f'{loader}: label maps hold {shown}, but there are the classes 0 '
            f'to {count - 1} and {ignored} for ignored pixels; correct '
            'the label maps, `metainfo=dict(classes=...)`, or '
            '`reduce_zero_label`'
        )
    if len(classes) < 2:
        why = (
            f'; {ignored} is ignored: if it stands for a class, as in masks '
            'of 0 and 255, give it that index'
            if ignored in counts
            else ''
        )
        print_log(
            f'{loader}: {SAMPLE} label maps at most were opened and hold '
            f'{len(classes)} of {count} classes ({shown}), so a model '
            f'learns to say nothing else{why}',
            'current',
            logging.WARNING,
        )
