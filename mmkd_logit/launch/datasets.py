"""The datasets of a config, through whatever wraps them."""

import os
from typing import Any, Iterator, Optional, Tuple

from ..distillers.match_classes import as_names, metainfo_of

#: Where wrappers keep what they wrap: repeated, balanced, mixed, concatenated.
_INSIDE = ('dataset', 'datasets')


def leaf_datasets(dataset: Any) -> Iterator[dict]:
    """The datasets that read files, in the order of their samples.

    Args:
        dataset (dict): Of a data loader; ``ConcatDataset``,
            ``RepeatDataset``, ``ClassBalancedDataset``,
            ``MultiImageMixDataset`` and other wrappers are opened.
    """
    if isinstance(dataset, (list, tuple)):
        for one in dataset:
            yield from leaf_datasets(one)
        return
    if not isinstance(dataset, dict):
        return
    inside = [dataset[key] for key in _INSIDE if dataset.get(key)]
    if inside:
        for one in inside:
            yield from leaf_datasets(one)
    else:
        yield dataset


def dataset_class(dataset: dict, scope: Optional[str] = None) -> Any:
    """The class of a dataset, None if it is not known here.

    Args:
        dataset (dict): Its config; ``type`` may be a class.
        scope (str, optional): The config's ``default_scope``.
    """
    from mmengine.registry import DATASETS

    kind = dataset.get('type')
    if not isinstance(kind, str):
        return kind
    scope = dataset.get('_scope_') or scope
    try:
        return DATASETS.get(
            kind if '.' in kind or not scope else f'{scope}.{kind}'
        )
    except Exception:  # a toolbox that cannot be imported
        return None


def is_kind(cls: Any, name: str) -> bool:
    """Whether a class or one of its parents has this name."""
    return any(
        one.__name__ == name for one in getattr(cls, '__mro__', (cls,)) if one
    )


def class_names(dataset: dict, cls: Any) -> Optional[Tuple[str, ...]]:
    """Names that a dataset's config or class gives to its labels.

    A string is a file with a name in each line, or else one name, as in
    MMEngine.
    """
    names = metainfo_of(dataset).get('classes')
    if names is None:
        names = dataset.get('classes')
    if names is None:
        names = (getattr(cls, 'METAINFO', None) or {}).get('classes')
    return as_names(names)


def head_classes(config: dict) -> Optional[int]:
    """Classes of the head of a classifier that a config trains, if known."""
    model = config.get('model') or {}
    head = (model.get('student') or model).get('head')
    count = head.get('num_classes') if isinstance(head, dict) else None
    return count if isinstance(count, int) else None


def inside_root(dataset: dict, path: Any) -> Optional[str]:
    """A path as the dataset finds it, None if there is none."""
    if not isinstance(path, str) or not path:
        return None
    return os.path.join(dataset.get('data_root') or '', path)
