"""Losses x head families: a cell trains, or is refused with a sentence."""

import importlib.util

import pytest

from mmkd_logit.heads import DEFAULT_READERS
from mmkd_logit.registry import MODELS
from tests import matrix
from tests.toy_families import FAMILIES
from tools.make_matrix import END, ROOT, START, between_markers


def _there(toolbox: str) -> bool:
    return importlib.util.find_spec(toolbox) is not None


@pytest.mark.parametrize('name', FAMILIES)
def test_each_cell_trains_or_is_refused_with_a_sentence(name):
    pytest.importorskip(FAMILIES[name].toolbox)
    cells = matrix.cells(name)
    assert len(cells) == len(matrix.FORMS) * len(matrix.losses())
    for method, cell in cells.items():
        if cell.refusal:
            assert len(cell.refusal.split()) > 5, (method, cell)
            # a loss with settings of its own needs matrix.SETTINGS
            assert 'missing a required' not in cell.refusal
            continue
        assert len(cell.values) == matrix.STEPS
        assert all(value > 0 for value in cell.values), (method, cell)
        assert cell.gradient > 0, (method, cell)
        if abs(cell.least) < 1e-9:
            assert abs(cell.equal) < 1e-3 * cell.values[0], (method, cell)


def test_most_losses_are_0_where_both_models_agree():
    # or else the line above would look at nothing
    cells = matrix.cells('linear' if _there('mmpretrain') else 'roi')
    least = [abs(cell.least) < 1e-9 for cell in cells.values()]
    assert sum(least) > len(least) / 2


def test_every_sigmoid_head_takes_every_softmax_loss():
    pytest.importorskip('mmdet')
    for name in ('retina', 'gfl', 'fcos', 'roi_sigmoid'):
        refused = {
            method
            for method, cell in matrix.cells(name).items()
            if cell.refusal
        }
        assert refused == {'LS-KDQFL'}


def test_every_reader_has_a_family():
    used = {family.reader for family in FAMILIES.values() if family.reader}
    used |= {reader.__name__ for reader in DEFAULT_READERS}
    assert set(matrix.readers()) <= used
    found = set()
    for family in FAMILIES.values():
        if not family.reader and _there(family.toolbox):
            model = family.build(family.cfg(), 0)
            found.add(type(matrix.find_reader(model)))
    for reader in DEFAULT_READERS:
        toolbox = reader.family.split()[0]
        assert reader in found or not _there(toolbox), reader


def test_a_new_loss_enters_the_matrix(monkeypatch):
    before = matrix.losses()
    cls = type('NewLoss', (MODELS.get('mmkd_logit.KDLoss'),), {})
    cls.__module__ = 'mmkd_logit.losses.new'
    monkeypatch.setitem(MODELS.module_dict, 'NewLoss', cls)
    assert set(matrix.losses()) - set(before) == {'NewLoss'}


@pytest.mark.parametrize(
    'name, write',
    [('docs/matrix.md', matrix.table), ('README.md', matrix.summary)],
)
def test_the_page_shows_what_was_tried(name, write):
    for family in FAMILIES.values():
        pytest.importorskip(family.toolbox)
    page = (ROOT / name).read_text()
    assert page == between_markers(page, write()), (
        f'{name} differs; run python tools/make_matrix.py'
    )


def test_a_page_without_markers_is_refused():
    page = f'before {START} old {END} after'
    assert between_markers(page, 'new').split() == (
        f'before {START} new {END} after'.split()
    )
    with pytest.raises(ValueError, match='lacks'):
        between_markers('nothing', 'new')
