"""Annotation files of evaluators against those of the data."""

import logging
import os
from typing import Any, Iterator, List, NamedTuple, Optional, Sequence

from mmengine.config import Config
from mmengine.logging import print_log

from ..messages import MissingFile, WrongValue, near_path
from .coco_file import CocoImages, read_images
from .datasets import head_classes, inside_root, leaf_datasets


class Measured(NamedTuple):
    """A file that an evaluator compares predictions with.

    Attributes:
        loader (str): Key of the data loader whose images are evaluated.
        evaluator (str): Key of the evaluator.
        path (str): The evaluator's ``ann_file``.
        data (str, optional): That of the data set, if it is the only one.
    """

    loader: str
    evaluator: str
    path: str
    data: Optional[str]


def check_evaluator_paths(config: Config, loaders: Sequence[str]) -> None:
    """Check that the files of evaluators are there, and their ``topk``.

    Raises:
        FileNotFoundError: If one is not.
        ValueError: If an accuracy needs more classes than the head has.
    """
    classes = head_classes(config)
    for key in [name.replace('dataloader', 'evaluator') for name in loaders]:
        for metric in _metrics(config.get(key)):
            topk = metric.get('topk')
            topk = [topk] if isinstance(topk, int) else topk or [0]
            if classes and max(topk) > classes:
                raise WrongValue(
                    f'{key} asks for topk={max(topk)}, but the head has '
                    f'{classes} classes; leave out what is larger'
                )
    for one in _measured(config, loaders):
        if not os.path.isfile(one.path):
            raise MissingFile(
                f'{one.evaluator} names the annotation file {one.path!r}, '
                'which is not there; it must be the whole path of that of '
                f'{one.loader}'
                + (f', {one.data!r}' if one.data else '')
                + near_path(one.path)
            )


def check_evaluator_files(config: Config, loaders: Sequence[str]) -> None:
    """Check that evaluators know the images and classes that they get.

    Raises:
        ValueError: If images or the order of the classes are others than
            those of the data.
    """
    for one in _measured(config, loaders):
        if not one.data or os.path.realpath(one.data) == os.path.realpath(
            one.path
        ):
            continue
        theirs, ours = read_images(one.path), read_images(one.data)
        if theirs is None or ours is None:
            continue
        what = _difference(ours, theirs)
        if what:
            raise WrongValue(
                f'{one.evaluator} compares with {one.path!r}, but '
                f'{one.loader} reads {one.data!r}, {what}; give both the '
                'same `ann_file`'
            )
        more = len(theirs.names) - len(ours.names)
        if more:
            print_log(
                f'{one.evaluator} compares with {one.path!r}, which has '
                f'{more} images more than {one.data!r} of {one.loader}; '
                'they count as images without a detection',
                'current',
                logging.WARNING,
            )


def _difference(ours: CocoImages, theirs: CocoImages) -> Optional[str]:
    """What another file says of the same numbers, if anything."""
    for number, name in ours.names.items():
        if theirs.names.get(number) != name:
            return (
                f'in which image {number} is {name!r} and not '
                f'{theirs.names.get(number)!r}'
            )
    shared = [name for name in ours.classes if name in theirs.classes]
    if shared != [name for name in theirs.classes if name in shared]:
        return 'in which the categories have another order'
    return None


def _measured(config: Config, loaders: Sequence[str]) -> Iterator[Measured]:
    for loader in loaders:
        key = loader.replace('dataloader', 'evaluator')
        if key == loader or loader.startswith('train'):
            continue
        leaves = list(leaf_datasets((config.get(loader) or {}).get('dataset')))
        data = None
        if len(leaves) == 1 and not leaves[0].get('backend_args'):
            data = inside_root(leaves[0], leaves[0].get('ann_file'))
        for path in _files(config.get(key)):
            yield Measured(loader, key, path, data)


def _metrics(evaluator: Any) -> List[dict]:
    if isinstance(evaluator, dict) and 'metrics' in evaluator:
        evaluator = evaluator['metrics']
    several = isinstance(evaluator, (list, tuple))
    metrics = evaluator if several else [evaluator]
    return [metric for metric in metrics if isinstance(metric, dict)]


def _files(evaluator: Any) -> List[str]:
    """``ann_file`` of each metric that reads one from this machine's disk."""
    return [
        metric['ann_file']
        for metric in _metrics(evaluator)
        if isinstance(metric.get('ann_file'), str)
        and metric['ann_file']
        and not metric.get('backend_args')
    ]
