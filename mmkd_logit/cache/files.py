"""The folder of a cache: its three files, and what is wrong with them.

``cache.json`` says what a cache belongs to and how its rows are made up.
``rows.npy`` has a record of the teacher's logits for each row, all of one
size, and ``index.npy`` what is known of each row: whether it is written, the
checksum of the image that the teacher saw, and that of the record itself.
"""

import json
import shutil
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Tuple

import numpy as np

from ..messages import MissingFile, WrongValue

#: Of the layout of a cache; another number is another layout.
VERSION = 1
META, ROWS, INDEX = 'cache.json', 'rows.npy', 'index.npy'
#: Entry of a row in ``index.npy``.
ENTRY = np.dtype([('written', '|u1'), ('input', '<u4'), ('sum', '<u4')])


def read_meta(folder: str) -> Dict[str, Any]:
    """The content of ``cache.json``.

    Raises:
        FileNotFoundError: If there is no cache.
        ValueError: If it is damaged, or describes another layout.
    """
    path = Path(folder, META)
    if not path.is_file():
        raise MissingFile(
            f'{folder!r} is no cache of teacher logits (no {META}); write '
            'one with tools/cache_teacher.py CONFIG --out FOLDER'
        )
    try:
        meta = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise WrongValue(
            f'the cache {folder!r} is damaged: {META} is no JSON ({error}); '
            'write it anew'
        ) from error
    if meta.get('version') != VERSION:
        raise WrongValue(
            f'the cache {folder!r} has layout {meta.get("version")}, this '
            f'version of mmkd_logit reads layout {VERSION}; write it anew'
        )
    return meta


def is_cache(folder: str) -> bool:
    """Whether a folder holds a cache, complete or not."""
    return Path(folder, META).is_file()


def check_is_free(folder: str) -> None:
    """Refuse a folder for a new cache that has other files.

    Raises:
        ValueError: Naming one of them.
    """
    names = {path.name for path in Path(folder).glob('*')}
    others = {
        name
        for name in names - {ROWS, INDEX}
        if not (name.startswith(f'.{META}') and name.endswith('.part'))
    }
    if others:
        raise WrongValue(
            f'the folder {folder!r} for the cache has other files '
            f'({sorted(others)[0]}); name an empty one with --out'
        )


def row_bytes(fields: Sequence[Tuple[str, str, Tuple[int, ...]]]) -> int:
    """Bytes of a row on the disk, its entry of the index included."""
    return record_type(fields).itemsize + ENTRY.itemsize


def record_type(fields: Sequence[Tuple[str, str, Sequence[int]]]) -> np.dtype:
    """The type of a record, whose shapes may come from JSON."""
    return np.dtype(
        [(name, kind, tuple(shape)) for name, kind, shape in fields]
    )


def check_space(folder: str, size: int) -> None:
    """Refuse a cache for which a disk has no room.

    Raises:
        ValueError: Saying how much is needed and how much there is.
    """
    free = shutil.disk_usage(folder).free
    if size > free:
        raise WrongValue(
            f'the cache takes {size / 2**30:.1f} GiB, but the disk of '
            f'{folder!r} has {free / 2**30:.1f} GiB left; take --dtype '
            'float16, --keep K or fewer epochs'
        )


def reserve_file(path: Path, kind: np.dtype, count: int) -> np.memmap:
    """Make a file with room for ``count`` records."""
    return np.lib.format.open_memmap(path, 'w+', kind, (count,))


def open_file(
    path: Path, kind: np.dtype, count: int, writing: bool
) -> np.memmap:
    problem: Optional[str] = None
    try:
        found = np.load(path, 'r+' if writing else 'r', allow_pickle=False)
        if found.dtype != kind or found.shape != (count,):
            problem = f'has other records than {META} says'
    except (OSError, ValueError, EOFError) as error:
        problem = f'cannot be read ({error})'
    if problem:
        raise WrongValue(
            f'the cache {str(path.parent)!r} is damaged: {path.name} '
            f'{problem}; write it anew into an empty folder'
        )
    return found
