"""Marks on samples, from which the rows of a cache are found.

The data set adds a mark to the meta information of each sample: its index,
the place at which it is drawn, and a checksum of its image after the whole
pipeline. The mark is made where the image is loaded, in a worker if there are
workers, and stays with the sample.
"""

import zlib
from functools import lru_cache
from typing import Any, Callable, List, NamedTuple, Optional, Tuple

import numpy as np
import torch
from torch.utils.data import Dataset

from ..messages import WrongType, WrongValue

#: Name of the mark among a sample's meta information.
MARK = 'teacher_row'


class Mark(NamedTuple):
    """The mark of a sample.

    Attributes:
        index (int): Index in the data set.
        place (tuple[int, ...], optional): Seed of the run, process, pass over
            the data, batch and position, see
            :class:`~mmkd_logit.hooks.placed_batches.Place`; None in a run
            whose samples are not seeded.
        image (int): Checksum of the image.
    """

    index: int
    place: Optional[Tuple[int, ...]]
    image: int


def mark_samples(dataset: Dataset) -> None:
    """Make a data set mark its samples.

    Args:
        dataset (Dataset): The data set. It is changed in place, and keeps its
            name, attributes and parents.
    """
    if not hasattr(type(dataset), 'marks_samples'):
        dataset.__class__ = marked_class(type(dataset))


def marks_of(data_samples: Optional[List[Any]]) -> List[Mark]:
    """The marks of a batch.

    Raises:
        ValueError: If a sample has none.
    """
    marks = []
    for sample in data_samples or [None]:
        mark = getattr(sample, 'metainfo', {}).get(MARK)
        if mark is None:
            raise WrongValue(
                'the samples do not say which row of the teacher cache is '
                "theirs; add dict(type='mmkd_logit.TeacherCacheHook') to "
                'custom_hooks, as tools/train.py does'
            )
        marks.append(Mark(*mark))
    return marks


@lru_cache(maxsize=None)
def marked_class(plain: type) -> type:
    """A data set's class that marks its samples.

    Args:
        plain (type): Class of a data set; its objects can become objects of
            the new class.
    """

    def __getitem__(self: Dataset, index: int) -> Any:
        item = plain.__getitem__(self, index)
        place = getattr(index, 'place', None)
        mark = (int(index), place, checksum(_part(item, 'inputs')))
        sample = _part(item, 'data_samples')
        if not hasattr(sample, 'set_metainfo'):
            raise WrongType(
                'a teacher cache needs samples with meta information '
                '(`data_samples` of a toolbox), got '
                f'{type(sample).__name__}'
            )
        sample.set_metainfo({MARK: mark})
        return item

    def __reduce__(self: Dataset) -> tuple:
        # A worker that is spawned, not forked, gets a pickle.
        if '__reduce__' in vars(plain):
            return _marked_copy, plain.__reduce__(self)
        return _marked_copy, (_bare_copy, (plain, vars(self)))

    methods = dict(
        __getitem__=__getitem__, __reduce__=__reduce__, marks_samples=True
    )
    return type(plain.__name__, (plain,), methods)


def _marked_copy(function: Callable, arguments: tuple) -> Dataset:
    copy = function(*arguments)
    mark_samples(copy)
    return copy


def _bare_copy(plain: type, state: dict) -> Dataset:
    copy = object.__new__(plain)
    copy.__dict__.update(state)
    return copy


def _part(item: Any, name: str) -> Any:
    if not isinstance(item, dict) or name not in item:
        raise WrongType(
            'a teacher cache needs samples as dicts with `inputs` and '
            f'`data_samples`, got {type(item).__name__} without {name!r}'
        )
    return item[name]


def checksum(image: Any) -> int:
    """CRC-32 of an image, its type and shape.

    Args:
        image (Tensor | np.ndarray): The image as a pipeline packs it.

    Raises:
        TypeError: If it is neither.
    """
    if isinstance(image, torch.Tensor):
        image = image.numpy()
    if not isinstance(image, np.ndarray):
        raise WrongType(
            'a teacher cache needs one image a sample, got '
            f'{type(image).__name__}'
        )
    begin = zlib.crc32(f'{image.dtype} {image.shape}'.encode())
    return zlib.crc32(np.ascontiguousarray(image), begin)
