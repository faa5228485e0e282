"""What a cache belongs to: teacher, data set, pipeline and readers.

All of it is kept in words, so that a difference can be named. Labels do not
belong to it, as the teacher's logits do not depend on them, nor does the
student, but for its preprocessor, which makes the images.
"""

import hashlib
import os
from pathlib import PurePath
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

import numpy as np
from torch.utils.data import Dataset

from ..messages import WrongValue
from ..registry import type_name

#: Part -> setting -> value.
Fingerprint = Dict[str, Dict[str, str]]

#: Part -> what a difference in it means.
_OF = dict(
    teacher='of another teacher',
    data='of another data set',
    pipeline='of another pipeline',
    preprocessor='of another data preprocessor',
    run='of another order of samples or another seed',
    classes='of another `class_map`',
    readers='for other options of the readers',
)


def teacher_part(
    model: Mapping[str, Any],
    weights: Optional[str],
    dtype: Optional[str] = None,
) -> Dict[str, str]:
    """The teacher: its config, the hash of its weights, its number type.

    Args:
        model (dict): Config of the teacher.
        weights (str, optional): SHA-256 of its checkpoint; None if it is not
            known.
        dtype (str, optional): Number type from ``teacher_options``. Their
            other settings change the last bits at most, and are left out.
    """
    part = dict(flat(model))
    if dtype not in (None, 'float32'):
        part['teacher_options.dtype'] = dtype
    if weights is not None:
        part['sha256 of the weights'] = weights
    return part


def data_part(dataset: Dataset) -> Dict[str, str]:
    """The list of samples: where their images lie below the data's root."""
    return {
        f'{where}{name}': value
        for where, leaf in _leaves(dataset)
        for name, value in (
            ('type', type(leaf).__name__),
            ('samples', str(len(leaf))),
            ('sha256 of their names', _hash_of_samples(leaf)),
        )
    }


def pipeline_part(dataset: Any) -> Dict[str, str]:
    """The transforms of a data set and of those that it wraps.

    Args:
        dataset (dict): Config of the data set.
    """
    found: Dict[str, str] = {}
    for where, node in _nodes(dataset, ''):
        if 'pipeline' in node:
            found.update(flat(node['pipeline'], f'{where}pipeline'))
    return found


def flat(value: Any, key: str = '') -> Iterator[Tuple[str, str]]:
    """Settings of nested dicts and lists: ``'backbone.depth'`` -> ``'18'``."""
    if isinstance(value, Mapping):
        for name in sorted(value):
            if name not in ('_scope_', 'init_cfg'):
                yield from flat(value[name], f'{key}.{name}' if key else name)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from flat(item, f'{key}.{number}')
    elif value is not None:  # None is what most defaults are
        is_type = isinstance(value, type) or key.split('.')[-1] == 'type'
        yield key, type_name(value) if is_type else str(value)


def check_same(
    folder: str, cache: Fingerprint, run: Fingerprint, skip: tuple = ()
) -> None:
    """Compare a cache with a run.

    Args:
        folder (str): Folder of the cache, for messages.
        cache (Fingerprint): What the cache belongs to.
        run (Fingerprint): Parts of a run; those that it lacks are not
            compared.
        skip (tuple[str]): Settings that are not compared.

    Raises:
        ValueError: Naming the first setting that differs.
    """
    for part, ours in run.items():
        theirs = cache.get(part, {})
        for name in dict.fromkeys([*theirs, *ours]):
            if theirs.get(name) == ours.get(name) or name in skip:
                continue
            raise WrongValue(
                f'the teacher cache {folder!r} is {_OF[part]}: {name} was '
                f'{theirs.get(name, "not set")}, is '
                f'{ours.get(name, "not set")}; write one for this run with '
                'tools/cache_teacher.py CONFIG --out FOLDER'
            )


def _leaves(dataset: Any, where: str = '') -> Iterator[Tuple[str, Any]]:
    """Data sets without another one inside, wrapped or concatenated."""
    inside = getattr(dataset, 'datasets', None)
    if inside is None and getattr(dataset, 'dataset', None) is not None:
        inside = [dataset.dataset]
    if inside is None:
        yield where, dataset
        return
    for number, one in enumerate(inside):
        yield from _leaves(one, f'{where}{number}.')


def _nodes(node: Any, where: str) -> Iterator[Tuple[str, Mapping]]:
    if isinstance(node, Mapping):
        yield where, node
        for name in ('dataset', 'datasets'):
            yield from _nodes(node.get(name), f'{where}{name}.')
    elif isinstance(node, (list, tuple)):
        for number, item in enumerate(node):
            yield from _nodes(item, f'{where}{number}.')


def _hash_of_samples(dataset: Any) -> str:
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    whole = hashlib.sha256()
    root = getattr(dataset, 'data_root', None) or ''
    if hasattr(dataset, 'get_data_info'):
        for index in range(len(dataset)):
            for word in _words(dataset.get_data_info(index), root):
                whole.update(word)
    return whole.hexdigest()[:16]


def _words(info: Mapping[str, Any], root: str) -> List[bytes]:
    """What identifies the image of a sample."""
    words = []
    for name in ('img_path', 'img'):
        value = info.get(name)
        if isinstance(value, str):
            words.append(_below(value, root).encode())
        elif isinstance(value, np.ndarray):
            words.append(np.ascontiguousarray(value).tobytes())
    return words


def _below(path: str, root: str) -> str:
    """A path below the data's root, so that the data may be moved."""
    if root:
        path = os.path.relpath(path, root)
    return PurePath(path).as_posix() + '\n'
