"""Rows in files: written in any order, checked whenever they are read.

A record is written before its entry of the index is, so a process that is
killed leaves no row that counts as written and is not whole; what a machine
loses when it breaks down is found by the checksum. The files themselves are
those of :mod:`~mmkd_logit.cache.files`.
"""

import json
import zlib
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
from tqdm import tqdm

from ..checkpoints.files import written_whole
from ..messages import StoppedRun
from .files import (
    ENTRY,
    INDEX,
    META,
    ROWS,
    VERSION,
    check_is_free,
    check_space,
    open_file,
    read_meta,
    record_type,
    reserve_file,
    row_bytes,
)

#: Rows whose checksums are taken at once.
_CHUNK = 1024


class RowStore:
    """The files of one cache.

    Args:
        folder (str): Their folder.
        meta (dict): The content of ``cache.json``.
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
            meta (dict): Plain values for ``cache.json``.
            fields (list[tuple]): Fields of a record, for
                :class:`numpy.dtype`.
            count (int): Number of rows.

        Raises:
            ValueError: If the folder holds other files, or the disk is full.
        """
        place = Path(folder)
        check_is_free(folder)
        place.mkdir(parents=True, exist_ok=True)
        kind = record_type(fields)
        check_space(folder, count * row_bytes(fields))
        rows = reserve_file(place / ROWS, kind, count)
        index = reserve_file(place / INDEX, ENTRY, count)
        meta = dict(meta, version=VERSION, fields=fields, rows=count)
        # This file comes last, so that a folder with it has everything.
        with written_whole(str(place / META)) as file:
            file.write(json.dumps(meta, indent=1).encode())
        return cls(folder, read_meta(folder), rows, index)

    @classmethod
    def open(cls, folder: str, writing: bool = False) -> 'RowStore':
        """Open a cache that is there.

        Args:
            folder (str): Folder of the cache.
            writing (bool): Whether rows will be added. Defaults to False.

        Raises:
            FileNotFoundError: If there is none.
            ValueError: If a file of it is missing or damaged.
        """
        meta = read_meta(folder)
        kinds = {ROWS: record_type(meta['fields']), INDEX: ENTRY}
        rows, index = (
            open_file(Path(folder, name), kind, meta['rows'], writing)
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
            numbers (list[int]): Numbers of the rows.
            inputs (list[int]): Checksums of the images that they are of.
            fields (dict[str, np.ndarray]): Values of each field, one entry
                for each row.
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
            numbers (list[int]): Numbers of the rows.
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
        """Write to the disk what is still in memory."""
        self._rows.flush()
        self._index.flush()


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
