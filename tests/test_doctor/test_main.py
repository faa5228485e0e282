"""The report of ``python -m mmkd_logit.doctor``."""

import pytest

from mmkd_logit.doctor import __main__ as doctor
from tests.test_doctor.installations import GOOD_MODERN, pretend


def test_report_survives_a_part_that_cannot_be_imported(monkeypatch, capsys):
    pretend(monkeypatch, GOOD_MODERN)

    def probe(module):
        if module == 'mmdet.models':
            return '', "ModuleNotFoundError: No module named 'shapely'"
        return '', ''

    monkeypatch.setattr(doctor, '_probe', probe)
    assert doctor.main() == 1
    report = capsys.readouterr().out
    assert "No module named 'shapely'" in report
    assert 'to fix: python -m pip install shapely' in report


@pytest.mark.parametrize(
    'broken, named',
    [
        ('torch', 'torch'),
        ('mmengine', 'mmengine'),
        ('mmcv', 'mmcv'),
        ('mmdet', 'mmdet'),
    ],
)
def test_one_cause_is_one_problem(monkeypatch, capsys, broken, named):
    pretend(monkeypatch, GOOD_MODERN)
    order = list(doctor._PROBES)
    toolboxes = ('mmpretrain', 'mmdet', 'mmseg')

    def probe(module):
        part = module.partition('.')[0]
        follows = order.index(part) >= order.index(broken)
        if broken in toolboxes:
            follows = part == broken
        return '', 'ImportError: undefined symbol' if follows else ''

    monkeypatch.setattr(doctor, '_probe', probe)
    assert doctor.main() == 1
    report = capsys.readouterr().out
    assert f'problem 1: {doctor._PROBES[named]} cannot be' in report
    assert 'problem 2' not in report
    if broken == 'mmcv':
        assert report.count('as mmcv is to be fixed first') == 3


def test_probe_returns_the_last_line_of_an_error():
    said, error = doctor._probe('mmkd_logit.no_such_part')
    assert said == ''
    assert error.startswith('ModuleNotFoundError')


def test_doctor_says_whether_the_cpu_kernel_is_built(monkeypatch, tmp_path):
    monkeypatch.setattr(
        doctor, '__file__', str(tmp_path / 'doctor' / '__main__.py')
    )
    assert doctor._kernel().endswith('python -m pip install --no-deps -e .')
    (tmp_path / 'ops').mkdir()
    (tmp_path / 'ops' / '_cpu_kernel.cpython-311.so').touch()
    assert doctor._kernel() == 'built'
