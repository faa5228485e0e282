"""Rows in files: written in any order, checked whenever they are read.

A cache is a folder of three files. ``cache.json`` says what it belongs to and
how its rows are made up. ``rows.npy`` has a record of the teacher's logits for
each row, all of one size, and ``index.npy`` what is known of each row: whether
it is written, the checksum of the image that the teacher saw, and that of the
record itself. A record is written before its entry of the index is, so a
process that is killed leaves no row that counts as written and is not whole;
what a machine loses when it breaks down is found by the checksum.
"""

import json
import shutil
import zlib
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
from tqdm import tqdm

from ..checkpoints.files import written_whole
from ..messages import MissingFile, StoppedRun, WrongValue

#: Of the layout of a cache; another number is another layout.
VERSION = 1
_META, _ROWS, _INDEX = 'cache.json', 'rows.npy', 'index.npy'
_ENTRY = np.dtype([('written', '|u1'), ('input', '<u4'), ('sum', '<u4')])
#: Rows whose checksums are taken at once.
_CHUNK = 1024


class RowStore:
    """The files of one cache.

    Args:
        folder (str): Where they are.
        meta (dict): What ``cache.json`` has.
        rows (np.memmap): Records, shape (N,).
        index (np.memmap): Entries, shape (N,).
    """

    def __init__(
        self, folder: str, meta: Dict[str, Any], rows: Any, index: Any
    ) -> None:
        self.folder = folder
        self.meta = meta
        self._rows = rows
        self._index = index

    def __len__(self) -> int:
        return len(self._index)

    # ------------------------------------------------------------ opening

    @classmethod
    def create(
        cls,
        folder: str,
        meta: Dict[str, Any],
        fields: Sequence[Tuple[str, str, Tuple[int, ...]]],
        count: int,
    ) -> 'RowStore':
        """Reserve the files of a new cache.

        Args:
            folder (str): Made if needed; it must hold nothing else.
            meta (dict): For ``cache.json``, of plain values.
            fields (list[tuple]): Of a record, for :class:`numpy.dtype`.
            count (int): Number of rows.

        Raises:
            ValueError: If the folder holds other files, or the disk is full.
        """
        place = Path(folder)
        check_is_free(folder)
        place.mkdir(parents=True, exist_ok=True)
        kind = _record(fields)
        check_space(folder, count * row_bytes(fields))
        rows = _reserve(place / _ROWS, kind, count)
        index = _reserve(place / _INDEX, _ENTRY, count)
        meta = dict(meta, version=VERSION, fields=fields, rows=count)
        # last, so that a folder with it has everything
        with written_whole(str(place / _META)) as file:
            file.write(json.dumps(meta, indent=1).encode())
        return cls(folder, read_meta(folder), rows, index)

    @classmethod
    def open(cls, folder: str, writing: bool = False) -> 'RowStore':
        """Open a cache that is there.

        Args:
            folder (str): Of the cache.
            writing (bool): Whether rows will be added. Defaults to False.

        Raises:
            FileNotFoundError: If there is none.
            ValueError: If a file of it is missing or damaged.
        """
        meta = read_meta(folder)
        kinds = {_ROWS: _record(meta['fields']), _INDEX: _ENTRY}
        rows, index = (
            _open(Path(folder, name), kind, meta['rows'], writing)
            for name, kind in kinds.items()
        )
        return cls(folder, meta, rows, index)

    # ------------------------------------------------------------ rows

    @property
    def missing(self) -> np.ndarray:
        """Which rows are not written, shape (N,), bool."""
        return np.asarray(self._index['written']) == 0

    def write(
        self,
        numbers: Sequence[int],
        inputs: Sequence[int],
        fields: Dict[str, np.ndarray],
    ) -> None:
        """Write some rows.

        Args:
            numbers (list[int]): Of the rows.
            inputs (list[int]): Checksums of the images that they are of.
            fields (dict[str, np.ndarray]): Each with one entry a row.
        """
        records = np.zeros(len(numbers), self._rows.dtype)
        for name, values in fields.items():
            records[name] = values
        sums = _checksums(numbers, inputs, records)
        for i, number in enumerate(numbers):
            self._rows[number] = records[i]
            self._index[number] = (1, inputs[i], sums[i])

    def read(
        self, numbers: Sequence[int], inputs: Sequence[int]
    ) -> np.ndarray:
        """Records of some rows, each checked.

        Args:
            numbers (list[int]): Of the rows.
            inputs (list[int]): Checksums of the images that are trained on.

        Raises:
            RuntimeError: If a row is damaged, or of another image.
        """
        numbers = np.asarray(numbers, dtype=np.int64)
        entries = np.asarray(self._index[numbers])
        records = np.asarray(self._rows[numbers])
        sums = _checksums(numbers, entries['input'], records)
        bad = (entries['written'] != 1) | (entries['sum'] != sums)
        if bad.any():
            raise StoppedRun(
                f'row {numbers[bad][0]} of the cache {self.folder!r} is '
                'damaged: its checksum differs from its content; run '
                'tools/cache_teacher.py with the same arguments again, which '
                'writes damaged rows anew'
            )
        other = entries['input'] != np.asarray(inputs, dtype=np.uint32)
        if other.any():
            raise StoppedRun(
                f'row {numbers[other][0]} of the cache {self.folder!r} is of '
                'another image than the one that is trained on, though data '
                'set, pipeline and seed have the same settings: image files '
                'or the libraries of the pipeline have changed; write the '
                'cache anew'
            )
        return records

    def forget_damaged(self, progress: bool = True) -> int:
        """Count damaged rows as not written; returns how many there are."""
        written = np.flatnonzero(~self.missing)
        damaged = 0
        for begin in tqdm(
            range(0, len(written), _CHUNK),
            desc='checksums',
            disable=not progress or len(written) < 10 * _CHUNK,
        ):
            numbers = written[begin : begin + _CHUNK]
            entries = np.asarray(self._index[numbers])
            records = np.asarray(self._rows[numbers])
            sums = _checksums(numbers, entries['input'], records)
            for number in numbers[entries['sum'] != sums]:
                self._index[number] = (0, 0, 0)
                damaged += 1
        return damaged

    def flush(self) -> None:
        """Let the disk have what was written."""
        self._rows.flush()
        self._index.flush()


def read_meta(folder: str) -> Dict[str, Any]:
    """What a cache says about itself.

    Raises:
        FileNotFoundError: If there is no cache.
        ValueError: If it cannot be understood.
    """
    path = Path(folder, _META)
    if not path.is_file():
        raise MissingFile(
            f'{folder!r} is no cache of teacher logits (no {_META}); write '
            'one with tools/cache_teacher.py CONFIG --out FOLDER'
        )
    try:
        meta = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise WrongValue(
            f'the cache {folder!r} is damaged: {_META} is no JSON ({error}); '
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
    return Path(folder, _META).is_file()


def check_is_free(folder: str) -> None:
    """Refuse a folder for a new cache that has other files.

    Raises:
        ValueError: If it has.
    """
    names = {path.name for path in Path(folder).glob('*')}
    others = {
        name
        for name in names - {_ROWS, _INDEX}
        if not (name.startswith(f'.{_META}') and name.endswith('.part'))
    }
    if others:
        raise WrongValue(
            f'the folder {folder!r} for the cache has other files '
            f'({sorted(others)[0]}); name an empty one with --out'
        )


def row_bytes(fields: Sequence[Tuple[str, str, Tuple[int, ...]]]) -> int:
    """Bytes of a row on the disk, its entry of the index included."""
    return _record(fields).itemsize + _ENTRY.itemsize


def _record(fields: Sequence[Tuple[str, str, Sequence[int]]]) -> np.dtype:
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


def _reserve(path: Path, kind: np.dtype, count: int) -> np.memmap:
    return np.lib.format.open_memmap(path, 'w+', kind, (count,))


def _open(path: Path, kind: np.dtype, count: int, writing: bool) -> np.memmap:
    problem: Optional[str] = None
    try:
        found = np.load(path, 'r+' if writing else 'r', allow_pickle=False)
        if found.dtype != kind or found.shape != (count,):
            problem = f'has other records than {_META} says'
    except (OSError, ValueError, EOFError) as error:
        problem = f'cannot be read ({error})'
    if problem:
        raise WrongValue(
            f'the cache {str(path.parent)!r} is damaged: {path.name} '
            f'{problem}; write it anew into an empty folder'
        )
    return found


def _checksums(
    numbers: Sequence[int], inputs: Sequence[int], records: np.ndarray
) -> np.ndarray:
    """CRC-32 of each record, its row and its image."""
    places = np.zeros((len(records), 2), '<u8')
    places[:, 0], places[:, 1] = numbers, inputs
    flat = np.ascontiguousarray(records).view(np.uint8)
    flat = flat.reshape(len(records), -1)
    sums: List[int] = [
        zlib.crc32(row, zlib.crc32(place)) for row, place in zip(flat, places)
    ]
    return np.array(sums, dtype=np.uint32)
