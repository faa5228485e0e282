"""Mistakes in a segmentation dataset that are found before training."""

import inspect
import logging
import os
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from mmengine.logging import print_log

from ..distillers.match_classes import metainfo_of
from ..messages import MissingFile, WrongValue
from ..registry import type_name
from .datasets import dataset_class, is_kind, leaf_datasets
from .label_values import check_label_values


def check_label_maps(loader: str, dataset: dict) -> None:
    """Check that a dataset of MMSegmentation has all its label maps.

    Some label maps are opened, see :func:`check_label_values`; all values are
    compared with the classes by the reader, batch by batch.

    Args:
        loader (str): For messages, such as ``'train_dataloader'``.
        dataset (dict): Its innermost dataset; those without a ``seg_map_path``
            are skipped.

    Raises:
        FileNotFoundError: If all or some label maps are missing.
        ValueError: If they are pictures in colour, or the palette has another
            length than the classes.
    """
    prefix = dataset.get('data_prefix') or {}
    if not isinstance(prefix, dict) or not prefix.get('seg_map_path'):
        return
    _check_palette(loader, dataset)
    cityscapes = type_name(dataset.get('type')) == 'CityscapesDataset'
    suffix = _ending(dataset, 'seg_map_suffix') or '.png'
    root = dataset.get('data_root') or ''
    folder = os.path.join(root, prefix['seg_map_path'])
    found = sorted(Path(folder).rglob(f'*{suffix}'))
    if not found:
        raise MissingFile(
            f'{loader} finds no label map *{suffix} below {folder!r}; '
            + (
                "make them from Cityscapes' own files with "
                'tools/dataset_converters/cityscapes.py of MMSegmentation'
                if cityscapes
                else 'correct `seg_map_suffix` or `data_prefix`'
            )
        )
    if not dataset.get('ann_file'):
        _check_every_image(loader, dataset, found, folder)
    _check_channels(loader, dataset, found[0])
    check_label_values(loader, dataset)


def warn_of_another_zero(config: dict, loaders: Sequence[str]) -> None:
    """Tell it if only some data sets of a run leave out label 0.

    Args:
        config (dict): Of a run.
        loaders (list[str]): Keys of its data loaders that the run uses.
    """
    reduced: Dict[bool, str] = {}
    for loader in loaders:
        settings = config.get(loader) or {}
        for dataset in leaf_datasets(settings.get('dataset')):
            cls = dataset_class(dataset, config.get('default_scope'))
            if is_kind(cls, 'BaseSegDataset'):
                known = inspect.signature(cls).parameters
                default = known.get('reduce_zero_label')
                own = bool(default and default.default is True)
                value = dataset.get('reduce_zero_label', own)
                reduced.setdefault(bool(value), loader)
    if len(reduced) == 2:
        print_log(
            f'{reduced[True]} leaves out label 0 (`reduce_zero_label`) and '
            f'{reduced[False]} does not, so that the labels of one are '
            'shifted by one against the other, unless their label maps differ',
            'current',
            logging.WARNING,
        )


def _check_every_image(
    loader: str, dataset: dict, found: List[Path], folder: str
) -> None:
    """Refuse images without a label map of their name."""
    ends = [_ending(dataset, key) for key in ('img_suffix', 'seg_map_suffix')]
    images = dataset['data_prefix'].get('img_path')
    if None in ends or not images:
        return
    images = Path(dataset.get('data_root') or '', images)
    names = {str(path.relative_to(folder))[: -len(ends[1])] for path in found}
    every = [
        str(path.relative_to(images))[: -len(ends[0])]
        for path in sorted(images.rglob(f'*{ends[0]}'))
    ]
    without = [name for name in every if name not in names]
    if without:
        raise MissingFile(
            f'{loader}: {len(without)} of {len(every)} images below '
            f'{str(images)!r} have no label map, the first one lacks '
            f'{os.path.join(folder, without[0] + ends[1])!r}; add the label '
            'maps, remove the images, or list those to use in `ann_file`'
        )


def _check_channels(loader: str, dataset: dict, path: Path) -> None:
    """Refuse label maps in colour, which hold no class indices."""
    steps = [type_name(s.get('type')) for s in dataset.get('pipeline') or []]
    if 'LoadAnnotations' not in steps:
        return
    from PIL import Image

    try:
        with Image.open(path) as picture:
            mode = picture.mode
    except OSError:  # not an image, or empty: the toolbox reports it
        return
    if mode in ('RGB', 'RGBA', 'LA', 'CMYK', 'YCbCr'):
        raise WrongValue(
            f'{loader}: the label map {str(path)!r} is a picture of '
            f'{len(mode) if mode != "YCbCr" else 3} channels ({mode}); '
            'expected one channel with the index of the class in each pixel, '
            'so turn its colours into indices first'
        )


def _check_palette(loader: str, dataset: dict) -> None:
    """Refuse a palette without a colour for each class."""
    metainfo = metainfo_of(dataset)
    palette = metainfo.get('palette')
    classes = metainfo.get('classes')
    if classes is None:
        own = getattr(dataset_class(dataset, 'mmseg'), 'METAINFO', {})
        classes = own.get('classes')
    if palette and classes and len(palette) < len(classes):
        raise WrongValue(
            f'{loader}: the palette has {len(palette)} colours for '
            f'{len(classes)} classes; correct `metainfo.palette`, or leave '
            'it out'
        )


def _ending(dataset: dict, key: str) -> Optional[str]:
    """As configured, or the default of the dataset's class, if known."""
    if dataset.get(key):
        return dataset[key]
    cls = dataset_class(dataset, 'mmseg')
    parameter = cls and inspect.signature(cls).parameters.get(key)
    default = parameter and parameter.default
    return default if isinstance(default, str) else None
