"""Paths of a config's data, and checks that they exist."""

import os
from typing import Any, Iterator, List, Optional, Tuple

from mmengine.config import Config

from ..arguments import parameters_of
from ..messages import MissingFile, WrongValue, near_path
from ..registry import type_name
from .classes import check_classes
from .datasets import class_names, dataset_class, head_classes, leaf_datasets
from .evaluators import check_evaluator_files, check_evaluator_paths
from .image_files import LOOKS, check_image_files
from .label_maps import check_label_maps, warn_of_another_zero
from .listed_files import check_list

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_DATA_KEYS = _LOADERS + ('val_evaluator', 'test_evaluator')


def move_data_root(config: Config, root: str) -> None:
    """Point every loader and evaluator to another folder, same layout.

    Args:
        config (Config): Changed in place.
        root (str): Folder with what the config's own ``data_root`` has.

    Raises:
        ValueError: If the config names no ``data_root``.
    """
    parts = [config[key] for key in _DATA_KEYS if config.get(key)]
    old = {
        value
        for part in parts
        for _, key, value in _strings(part)
        if key == 'data_root' and value
    }
    if not old:
        raise WrongValue(
            '--data-root was given, but no dataset of this '
            'config has a `data_root`; use --cfg-options'
        )
    new = os.path.join(root, '')
    by_length = sorted(
        (os.path.join(o, '') for o in old), key=len, reverse=True
    )
    for part in parts:
        for owner, key, value in list(_strings(part)):
            if key == 'data_root':
                owner[key] = new
                continue
            prefix = next((o for o in by_length if value.startswith(o)), None)
            if prefix is not None:
                owner[key] = new + value[len(prefix) :]
    if 'data_root' in config:
        config.data_root = new


def _strings(node: Any) -> Iterator[Tuple[Any, Any, str]]:
    """(owner, key, value) of every string in nested dicts and lists."""
    items = (
        node.items()
        if isinstance(node, dict)
        else (enumerate(node) if isinstance(node, (list, tuple)) else ())
    )
    for key, value in list(items):
        if isinstance(value, str):
            if not isinstance(node, tuple):
                yield node, key, value
        else:
            yield from _strings(value)


def training_loaders(config: Config) -> Tuple[str, ...]:
    """Loaders that a training builds; an inherited test set does not count.

    MMEngine builds the validation's loader if ``val_cfg`` is set, whenever it
    validates.
    """
    validates = config.get('val_cfg') is not None
    return _LOADERS[:2] if validates else _LOADERS[:1]


def check_paths(config: Config, loaders: Tuple[str, ...] = _LOADERS) -> None:
    """Check that each dataset's files exist; none is read.

    Raises:
        FileNotFoundError: Naming what is missing and the expected layout.
    """
    for loader, dataset in _local_datasets(config, loaders):
        _check_paths(loader, dataset, config.get('default_scope'))
    check_evaluator_paths(config, loaders)


def _local_datasets(
    config: Config, loaders: Tuple[str, ...]
) -> Iterator[Tuple[str, dict]]:
    """(loader, dataset) of each dataset on this machine's disk."""
    for loader in loaders:
        settings = config.get(loader) or {}
        for dataset in leaf_datasets(settings.get('dataset')):
            if not dataset.get('backend_args'):
                yield loader, dataset


def check_data(config: Config, loaders: Tuple[str, ...] = _LOADERS) -> None:
    """Check each dataset's files, before anything is built.

    A config's ``check_files`` says how many images of each dataset are
    opened, or ``'all'``. Defaults to 200.

    Raises:
        FileNotFoundError: Naming what is missing and the expected layout.
        ValueError: If label maps or a palette cannot be used.
    """
    looks = config.get('check_files', LOOKS)
    check_paths(config, loaders)
    for loader, dataset in _local_datasets(config, loaders):
        cls = dataset_class(dataset, config.get('default_scope'))
        names = class_names(dataset, cls)
        check_list(loader, dataset, cls, names, head_classes(config))
        check_label_maps(loader, dataset)
        check_image_files(loader, dataset, looks, cls)
    warn_of_another_zero(config, loaders)
    check_classes(config, loaders)
    check_evaluator_files(config, loaders)


def _check_paths(loader: str, dataset: dict, scope: Optional[str]) -> None:
    """Refuse a dataset whose files are not there."""
    if _fetches_itself(dataset, dataset_class(dataset, scope)):
        return
    wanted = _wanted_paths(dataset)
    missing = [path for path in wanted if not os.path.exists(path)]
    if missing:
        root = dataset.get('data_root') or '.'
        layout = ', '.join(os.path.relpath(path, root) for path in wanted)
        raise MissingFile(
            f'{loader} finds no {missing[0]!r}; expected below '
            f'{root!r}: {layout}. Pass --data-root FOLDER if the same '
            f'layout lies elsewhere{near_path(missing[0])}'
        )


def _fetches_itself(dataset: dict, cls: Any) -> bool:
    """Whether a dataset downloads its files where they are missing.

    CIFAR, MNIST and FashionMNIST do, with a switch ``download``.
    """
    if 'download' in dataset:
        return bool(dataset['download'])
    if not isinstance(cls, type):
        return False
    switch = parameters_of(cls).get('download')
    return switch is not None and switch.default is True


def _reads_segments(dataset: dict) -> bool:
    """Whether a COCO dataset's pipeline loads the maps below ``seg``."""
    if type_name(dataset.get('type')) != 'CocoDataset':
        return True
    return any(
        step.get('with_seg') or 'Panoptic' in type_name(step.get('type'))
        for step in dataset.get('pipeline') or []
    )


def _wanted_paths(dataset: dict) -> List[str]:
    """Files and folders that a dataset's config names."""
    kind = type_name(dataset.get('type'))
    root = dataset.get('data_root') or ''
    if kind == 'CUB':  # its class names the files
        return [
            os.path.join(root, name)
            for name in ('images', 'images.txt', 'train_test_split.txt')
        ]
    prefix = dataset.get('data_prefix') or {}
    if kind == 'ImageNet' and not prefix:  # the split is the folder's name
        prefix = dataset.get('split')
    if isinstance(prefix, dict) and not _reads_segments(dataset):
        # instance models of MMDetection inherit it from panoptic ones
        prefix = {key: part for key, part in prefix.items() if key != 'seg'}
    names = [dataset.get('ann_file')] + (
        list(prefix.values()) if isinstance(prefix, dict) else [prefix]
    )
    return [
        os.path.join(root, name)
        for name in names
        if isinstance(name, str) and name
    ] or ([root] if root else [])
