"""An image that cannot be read is named."""

import traceback
from functools import lru_cache
from typing import Any, Optional

from torch.utils.data import Dataset

from ..launch.image_files import what_is_wrong
from ..messages import StoppedRun

_KEYS = ('img_path', 'seg_map_path')


class UnreadableFile(StoppedRun):
    """An error whose text is taken out of a worker's traceback."""

    def __init__(self, text: str) -> None:
        mark = f'{type(self).__name__}: '
        super().__init__(text.rpartition(mark)[2].strip())


def name_unreadable_files(dataset: Dataset) -> None:
    """Make a dataset name a file that it could not read.

    Args:
        dataset (Dataset): The data set. It is changed in place, and keeps its
            name, attributes and parents.
    """
    if not hasattr(type(dataset), 'names_unreadable_files'):
        dataset.__class__ = naming_class(type(dataset))


@lru_cache(maxsize=None)
def naming_class(plain: type) -> type:
    def __getitem__(self: Dataset, index: int) -> Any:
        try:
            return plain.__getitem__(self, index)
        except Exception as error:
            path = unreadable_file(error)
            if path is None:
                raise
            raise UnreadableFile(
                f'the file {path!r} {what_is_wrong(path)}; replace it, or '
                'take it out of the annotations (--cfg-options '
                'check_files=all looks at all images before training)'
            ) from None

    def __reduce__(self: Dataset) -> tuple:
        return _naming_copy, (plain, vars(self))

    methods = dict(
        __getitem__=__getitem__,
        __reduce__=__reduce__,
        names_unreadable_files=True,
        importable_class=plain,
    )
    return type(plain.__name__, (plain,), methods)


def _naming_copy(plain: type, state: dict) -> Dataset:
    copy = object.__new__(naming_class(plain))
    copy.__dict__.update(state)
    return copy


def unreadable_file(error: BaseException) -> Optional[str]:
    """The file that a step of a pipeline failed on, if it is broken.

    Args:
        error (BaseException): An error whose traceback has the frames of the
            pipeline.
    """
    for frame, _ in traceback.walk_tb(error.__traceback__):
        results = frame.f_locals.get('results')
        if isinstance(results, dict):
            for key in _KEYS:
                path = results.get(key)
                if isinstance(path, str) and what_is_wrong(path):
                    return path
    return None
