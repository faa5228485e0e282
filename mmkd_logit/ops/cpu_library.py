"""The compiled functions of ``cpu.c`` and the structures that they take."""

import ctypes
import warnings
import zlib
from ctypes import c_char_p, c_float, c_int64, c_void_p
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import List, Optional, Tuple

#: The C code; a wheel does not contain it.
SOURCE = Path(__file__).with_name('cpu.c')
#: Most classes that the C code sorts, or compares in pairs.
MAX_K = 15


class Question(ctypes.Structure):
    """``Question`` of cpu.c."""

    _fields_ = [
        ('student', c_void_p),
        ('teacher', c_void_p),
        ('top', c_void_p),
        ('weights', c_void_p * 3),
        ('rows', c_void_p),
        ('parts', c_void_p),
        ('grad', c_void_p),
        ('by_class', c_int64),
        ('count', c_int64),
        ('classes', c_int64),
        ('k', c_int64),
        ('lead', c_int64),
        ('cross_entropy', c_int64),
        ('student_step', c_int64),
        ('teacher_step', c_int64),
        ('grad_step', c_int64),
        ('top_steps', c_int64 * 2),
        ('weight_steps', c_int64 * 3),
        ('room', c_void_p),
        ('tau', c_float),
    ]


class Ranking(ctypes.Structure):
    """``Ranking`` of cpu.c."""

    _fields_ = [
        ('logits', c_void_p),
        ('top', c_void_p),
        ('steps', c_int64 * 4),
        ('count', c_int64),
        ('classes', c_int64),
        ('k', c_int64),
        ('sign', c_float),
    ]


class Pairs(ctypes.Structure):
    """``Pairs`` of cpu.c."""

    _fields_ = [
        ('student', c_void_p),
        ('teacher', c_void_p),
        ('weights', c_void_p),
        ('rows', c_void_p),
        ('grad', c_void_p),
        ('count', c_int64),
        ('k', c_int64),
    ]


class Field(ctypes.Structure):
    """``Field`` of cpu.c: a name, where it lies and how long it is."""

    _fields_ = [('name', c_char_p), ('offset', c_int64), ('size', c_int64)]


#: In the order of ``layout`` in cpu.c.
STRUCTURES = (Question, Ranking, Pairs)


def expected_layouts() -> List[List[Tuple[str, int, int]]]:
    """The fields of every structure as Python lays them out.

    Each list begins with the structure itself and its size.
    """
    layouts = [[('MAX_K', 0, MAX_K)]]
    for structure in STRUCTURES:
        fields = [(structure.__name__, 0, ctypes.sizeof(structure))]
        for name, _ in structure._fields_:
            field = getattr(structure, name)
            fields.append((name, field.offset, field.size))
        layouts.append(fields)
    return layouts


def read_layouts(kernel: ctypes.CDLL) -> List[List[Tuple[str, int, int]]]:
    """The same as the C compiler laid them out."""
    kernel.layout.restype = ctypes.POINTER(Field)
    kernel.layout.argtypes = [c_int64]
    layouts = []
    for which in range(len(STRUCTURES) + 1):
        fields, found = kernel.layout(which), []
        while fields[len(found)].name is not None:
            field = fields[len(found)]
            found.append((field.name.decode(), field.offset, field.size))
        layouts.append(found)
    return layouts


@lru_cache(maxsize=1)
def library() -> Optional[ctypes.CDLL]:
    """The compiled functions; None where they were not built.

    A file that was built from other sources, or whose structures are laid out
    otherwise than in Python, is refused with a warning.
    """
    found = find_spec('mmkd_logit.ops._cpu_kernel')
    if found is None:
        return None
    try:
        kernel = ctypes.CDLL(found.origin)
        kernel.checksum.restype = c_int64
        if SOURCE.is_file() and kernel.checksum() != zlib.crc32(
            SOURCE.read_bytes()
        ):
            return _refuse(
                found.origin, f'was not built from {SOURCE.name} as it is now'
            )
        if read_layouts(kernel) != expected_layouts():
            return _refuse(
                found.origin, 'lays out its structures otherwise than cpu.py'
            )
    except (OSError, AttributeError):
        return _refuse(found.origin, 'is no library of the losses')
    kernel.room_for.restype = c_int64
    kernel.room_for.argtypes = [c_int64] * 2
    for function in (kernel.group_kl, kernel.largest_classes, kernel.pair_kl):
        function.restype = c_int64
        function.argtypes = [c_void_p, c_int64, c_void_p]
    # Found where torch has loaded an OpenMP library.
    parallel = getattr(ctypes.CDLL(None), 'GOMP_parallel', None)
    kernel.parallel = parallel and ctypes.cast(parallel, c_void_p)
    return kernel


def _refuse(file: str, why: str) -> None:
    warnings.warn(
        f'{file} {why} and is left alone; the losses are slower without it. '
        'Build it again: pip install --no-deps -e .',
        stacklevel=4,
    )
