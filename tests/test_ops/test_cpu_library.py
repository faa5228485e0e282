"""What is loaded is what was written: sources, structures, threads."""

import ctypes
import sys
from types import SimpleNamespace

import pytest

from mmkd_logit.ops import cpu_library

needs_kernel = pytest.mark.skipif(
    cpu_library.library() is None,
    reason='the kernel is not built; with a C compiler: '
    'pip install --no-deps -e .',
)


@needs_kernel
def test_a_kernel_of_other_sources_is_left_alone(monkeypatch, tmp_path):
    source = tmp_path / 'cpu.c'
    monkeypatch.setattr(cpu_library, 'SOURCE', source)
    assert cpu_library.library.__wrapped__() is not None  # as in a wheel
    source.write_text('int64_t checksum(void) { return 7; }')
    with pytest.warns(UserWarning, match=r'cpu\.c .* Build it again'):
        assert cpu_library.library.__wrapped__() is None
    source.write_text('no library')
    monkeypatch.setattr(
        cpu_library, 'find_spec', lambda name: SimpleNamespace(origin=source)
    )
    with pytest.warns(UserWarning, match='left alone'):
        assert cpu_library.library.__wrapped__() is None


@needs_kernel
@pytest.mark.skipif(
    sys.platform != 'linux', reason="other systems' torch may have no GOMP"
)
def test_it_works_with_the_threads_of_torch():
    assert cpu_library.library().parallel


def test_without_a_kernel_there_is_none(monkeypatch):
    monkeypatch.setattr(cpu_library, 'find_spec', lambda name: None)
    assert cpu_library.library.__wrapped__() is None


@needs_kernel
def test_python_and_c_agree_on_the_structures():
    library = cpu_library.library()
    assert cpu_library.read_layouts(library) == cpu_library.expected_layouts()


FIELDS = list(cpu_library.Question._fields_)
AT = {name: i for i, (name, _) in enumerate(FIELDS)}


def swapped(first, second):
    fields = list(FIELDS)
    i, j = AT[first], AT[second]
    fields[i], fields[j] = fields[j], fields[i]
    return fields


@needs_kernel
@pytest.mark.parametrize(
    'fields',
    [
        FIELDS[:-1],
        FIELDS + [('more', cpu_library.c_int64)],
        swapped('rows', 'parts'),
        swapped('weights', 'rows'),
        [
            (name, cpu_library.c_float if name == 'count' else kind)
            for name, kind in FIELDS
        ],
    ],
    ids=['one missing', 'one more', 'equal sizes', 'sizes', 'another type'],
)
def test_structures_that_differ_are_not_used(monkeypatch, fields):
    other = type('Question', (ctypes.Structure,), dict(_fields_=fields))
    structures = (other, *cpu_library.STRUCTURES[1:])
    monkeypatch.setattr(cpu_library, 'STRUCTURES', structures)
    with pytest.warns(UserWarning, match='lays out its structures otherwise'):
        assert cpu_library.library.__wrapped__() is None


@needs_kernel
def test_another_limit_is_not_used(monkeypatch):
    monkeypatch.setattr(cpu_library, 'MAX_K', 16)
    with pytest.warns(UserWarning, match='lays out its structures otherwise'):
        assert cpu_library.library.__wrapped__() is None
