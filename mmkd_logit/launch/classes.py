"""Class names of a config against the data, before anything is built.

A class that is misspelt, missing or out of order shifts the labels of all
that follow, and no later error shows it.
"""

import logging
import os
from typing import Dict, List, Optional, Sequence, Tuple

from mmengine.config import Config
from mmengine.logging import print_log

from ..messages import WrongValue, did_you_mean
from .coco_file import CocoFile, read_coco_file
from .datasets import (
    class_names,
    dataset_class,
    inside_root,
    is_kind,
    leaf_datasets,
)

Names = Tuple[str, ...]


def check_classes(config: Config, loaders: Sequence[str]) -> None:
    """Compare the class names of all datasets with their files.

    Datasets with COCO annotations and folders of images are compared with
    what lies on the disk, and all loaders with each other.

    Args:
        config (Config): Of a run.
        loaders (list[str]): Keys of its data loaders that the run uses.

    Raises:
        ValueError: If names and data cannot belong together.
    """
    scope = config.get('default_scope')
    found: Dict[str, List[Names]] = {}
    for loader in loaders:
        dataset = (config.get(loader) or {}).get('dataset')
        leaves = list(leaf_datasets(dataset))
        for number, leaf in enumerate(leaves):
            name = f'{loader}[{number}]' if len(leaves) > 1 else loader
            labels = _labels(name, leaf, dataset_class(leaf, scope))
            if labels:
                found.setdefault(loader, []).append(labels)
    _compare(found)


def _labels(loader: str, dataset: dict, cls: type) -> Optional[Names]:
    """Names in the order of the labels that a dataset gives.

    None where only the dataset itself knows them.
    """
    names = class_names(dataset, cls)
    path = inside_root(dataset, dataset.get('ann_file'))
    here = not dataset.get('backend_args')
    if here and is_kind(cls, 'CocoDataset') and path and names:
        if os.path.isfile(path):
            content = read_coco_file(loader, path)
            if is_kind(cls, 'LVISV05Dataset'):  # labels go by the ids alone
                return names
            if is_kind(cls, 'Objects365V1Dataset') and content.sorted_names:
                content = content._replace(names=content.sorted_names)
            _check_objects(loader, path, content, names, dataset)
            return _coco_labels(loader, path, content, names)
    if here and is_kind(cls, 'CustomDataset'):
        folders = _folders(dataset)
        if folders is not None:
            return _folder_labels(loader, folders, names)
    return names


# ------------------------------------------------------------------- COCO


def _coco_labels(
    loader: str, path: str, content: CocoFile, names: Names
) -> Names:
    """MMDetection numbers the named categories in the order of the file."""
    missing = [name for name in names if name not in content.names]
    if len(missing) == len(names):
        raise WrongValue(
            f'{loader}: none of the {len(names)} classes {_some(names)} is '
            f'among the categories of {path!r}, which are '
            f'{_some(content.names)}; write these into '
            f'`metainfo=dict(classes=...)`{_case(missing, content.names)}'
        )
    if missing:
        hint = did_you_mean(missing[0], content.names, cutoff=0.5)
        raise WrongValue(
            f'{loader}: the class {missing[0]!r} is not among the categories '
            f'of {path!r}, which are {_some(content.names)}; without it the '
            'labels of the classes behind it would move up by one. '
            f'{hint or "Correct `metainfo=dict(classes=...)`"}'
        )
    labels = tuple(name for name in content.names if name in names)
    if len(labels) > len(names):
        twice = next(name for name in labels if labels.count(name) > 1)
        raise WrongValue(
            f'{loader}: {labels.count(twice)} categories of {path!r} have '
            f'the name {twice!r}; MMDetection gives each a label of its own, '
            'so that those of the classes behind move up. Remove one of them '
            '(some exports begin with the name of the whole data set), or '
            'name them differently'
        )
    if labels != names:
        print_log(
            f'{loader}: MMDetection numbers classes as {path!r} does, '
            f'{_some(labels)}, not in the order of `metainfo`, '
            f'{_some(names)}; names in reports and pictures are those of '
            'other classes. Write them in the order of the file',
            'current',
            logging.WARNING,
        )
    return labels


def _check_objects(
    loader: str, path: str, content: CocoFile, names: Names, dataset: dict
) -> None:
    """Refuse a file with nothing to learn from."""
    if content.images == 0:
        raise WrongValue(
            f'{loader}: {path!r} lists no images; expected a file with '
            '`images`, `annotations` and `categories`'
        )
    if content.counts is None:
        return
    trains = loader.startswith('train')
    counts = {name: content.counts.get(name, 0) for name in names}
    if trains and not any(counts.values()) and set(names) & {*content.names}:
        others = sum(content.counts.values())
        raise WrongValue(
            f'{loader}: {path!r} has no object of the classes {_some(names)}'
            f' ({others} of other categories'
            + (f'; {content.strays}' if content.strays else '')
            + '); there is nothing to train on'
        )
    if loader.startswith('val') and not any(counts.values()):
        print_log(
            f'{loader}: {path!r} has no object of the classes {_some(names)}, '
            'so that a validation measures nothing, or fails',
            'current',
            logging.WARNING,
        )
    if content.strays:
        print_log(
            f'{loader}: {path!r}: {content.strays}; they are left out, and '
            'if the numbers are shifted, the others have wrong labels',
            'current',
            logging.WARNING,
        )
    empty = [name for name, count in counts.items() if not count]
    if trains and empty and set(names) <= {*content.names}:
        print_log(
            f'{loader}: {path!r} has no object of {len(empty)} of '
            f'{len(names)} classes: {_some(empty)}',
            'current',
            logging.WARNING,
        )
    if trains and _reads_masks(dataset) and content.without_mask:
        raise WrongValue(
            f'{loader}: {content.without_mask} of {path!r} has no '
            '`segmentation`, but the pipeline loads masks; give each object '
            'a polygon or an RLE, remove such objects, or train without masks'
        )


def _reads_masks(dataset: dict) -> bool:
    return any(
        isinstance(step, dict) and step.get('with_mask')
        for step in dataset.get('pipeline') or ()
    )


# ---------------------------------------------------------------- folders


def _folders(dataset: dict) -> Optional[List[str]]:
    """Class folders of MMPretrain's ``CustomDataset`` in its own order."""
    if dataset.get('ann_file') or not dataset.get('with_label', True):
        return None
    prefix = dataset.get('data_prefix') or ''
    if isinstance(prefix, dict):
        prefix = prefix.get('img_path') or ''
    if not prefix and isinstance(dataset.get('split'), str):
        prefix = dataset['split']
    root = os.path.join(dataset.get('data_root') or '', prefix)
    if not root or not os.path.isdir(root):
        return None
    folders = sorted(one.name for one in os.scandir(root) if one.is_dir())
    return folders or None


def _folder_labels(
    loader: str, folders: List[str], names: Optional[Names]
) -> Names:
    """MMPretrain numbers the folders in alphabetical order."""
    if names is None or set(names).isdisjoint(folders):
        if names and len(names) != len(folders):
            raise WrongValue(
                f'{loader}: {len(folders)} folders {_some(folders)} for the '
                f'{len(names)} classes {_some(names)}; each class needs a '
                'folder of its own, which may be empty'
            )
        return tuple(folders)
    if sorted(names) != folders:
        missing = [name for name in names if name not in folders]
        extra = [name for name in folders if name not in names]
        raise WrongValue(
            f'{loader}: the folders are not the classes of `metainfo`'
            + (f'; there is no folder {_some(missing)}' if missing else '')
            + (f'; {_some(extra)} is no class' if extra else '')
            + '. MMPretrain numbers the folders in alphabetical order, so '
            'that labels would move; each class needs a folder, which may be '
            'empty'
        )
    if list(names) != folders:
        raise WrongValue(
            f'{loader}: the classes are {_some(names)}, but MMPretrain '
            f'numbers the folders in alphabetical order, {_some(folders)}; '
            'write them in this order'
        )
    return tuple(folders)


# ---------------------------------------------------------------- loaders


def _compare(found: Dict[str, List[Names]]) -> None:
    """Refuse datasets of a run that give a class different labels."""
    whole: Dict[str, Names] = {}
    for loader, children in found.items():
        for number, names in enumerate(children[1:], 1):
            # MMDetection concatenates datasets that know fewer classes
            shared = min(len(names), len(children[0]))
            if names[:shared] != children[0][:shared] and not (
                _are_other_words(children[0], names)
            ):
                _refuse(
                    f'{loader}[0]', children[0], f'{loader}[{number}]', names
                )
        whole[loader] = max(children, key=len)
    if whole:
        (first, ours), *others = whole.items()
        for loader, theirs in others:
            if theirs != ours and not _are_other_words(ours, theirs):
                _refuse(first, ours, loader, theirs)


def _are_other_words(ours: Names, theirs: Names) -> bool:
    """Whether names may be those of folders on one side alone.

    ImageNet is read from folders such as ``n01440764`` in one loader and
    from a list of files in another, whose classes have names for people.
    """
    return len(ours) == len(theirs) and set(ours).isdisjoint(theirs)


def _refuse(first: str, ours: Names, second: str, theirs: Names) -> None:
    missing = [name for name in ours if name not in theirs]
    extra = [name for name in theirs if name not in ours]
    index = next(
        (i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b),
        min(len(ours), len(theirs)),
    )
    mine, other = (
        repr(names[index]) if index < len(names) else 'none'
        for names in (ours, theirs)
    )
    raise WrongValue(
        f'{first} and {second} have different classes: class {index} is '
        f'{mine} in the first and {other} in the second'
        + (f'; {second} lacks {_some(missing)}' if missing else '')
        + (f'; {first} lacks {_some(extra)}' if extra else '')
        + '. Give all datasets of a run the same classes in one order: '
        '`metainfo=dict(classes=...)`, or a folder for each class'
    )


def _some(names: Sequence[str], limit: int = 5) -> str:
    shown = ', '.join(repr(name) for name in names[:limit])
    more = len(names) - limit
    return shown + (f' and {more} more' if more > 0 else '')


def _case(names: Sequence[str], known: Sequence[str]) -> str:
    """A hint where only upper and lower case differ."""
    lower = {name.lower(): name for name in known}
    for name in names:
        if name.lower() in lower:
            return (
                f'; upper and lower case count: {lower[name.lower()]!r}, '
                f'not {name!r}'
            )
    return ''
