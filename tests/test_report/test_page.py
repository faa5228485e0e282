"""One page about several runs, without any other file."""

import re

import pytest

pytest.importorskip('matplotlib')

from mmkd_logit.report import write_report
from mmkd_logit.report.curves import COLOURS
from mmkd_logit.report.page import _breakable, _split, spread
from tests.test_report.fake_runs import STUDENT, TEACHER, distiller, write_run


@pytest.fixture
def page(tmp_path):
    folders = [write_run(tmp_path / 'teacher', TEACHER, [0.4, 0.5])]
    for seed, (alone, kd) in enumerate([(0.2, 0.3), (0.3, 0.35)]):
        folders += [
            write_run(
                tmp_path / f'alone_seed{seed}',
                STUDENT,
                [0.1, alone],
                seed,
                dict(cat=0.1, dog=0.2),
            ),
            write_run(
                tmp_path / f'kd_seed{seed}',
                distiller(),
                [0.31, kd],
                seed,
                dict(cat=0.3, dog=0.1),
                'x - mmengine - WARNING - <b>look</b>\n',
            ),
        ]
    out = tmp_path / 'deep' / 'report.html'
    write_report(folders, str(out), title='Cats & dogs')
    return out.read_text()


def test_means_spreads_and_gains(page):
    text = re.sub(r'<svg.*?</svg>', '', page, flags=re.S)
    # alone (0.2, 0.3), with KD (0.3, 0.35): gains 0.1 and 0.05
    assert '0.25 ± 0.071' in text and '0.325 ± 0.035' in text
    assert '+0.075 ± 0.035' in text
    assert 'best 0.33 ± 0.028' in text
    assert 'against alone' in text and 'Cats &amp; dogs' in text


def test_page_needs_no_other_file(page):
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    assert '<script' not in page and '@import' not in page
    assert page.count('<svg') >= 5


def test_settings_costs_and_warnings(page):
    assert 'alone differs from teacher in' in page
    assert 'kd differs from alone in 3 settings' in page
    assert 'model.backbone.depth: 101 → 18' in page
    assert '&lt;b&gt;look&lt;/b&gt;' in page and '<b>look' not in page
    assert '>0.5 ± 0<' in page  # median seconds of a step, two seeds
    assert 'kd: gain of each class' in page


def test_spread():
    assert spread([None]) == '-' and spread([0.5]) == '0.5'
    assert spread([1.0, 3.0], '+') == '+2 ± 1.4'


def test_a_few_metrics_are_one_table_and_many_can_be_unfolded():
    names = [f'm{index}' for index in range(7)]
    assert [len(part) for part in _split(names[:5])] == [5, 0]
    assert [len(part) for part in _split(names)] == [4, 3]
    assert str(_breakable('<b>/a_b')) == '&lt;b&gt;/<wbr>a_<wbr>b'


def test_rules_of_the_page_hold_in_light_and_dark(page):
    style = page[page.index('<style>') : page.index('</style>')]
    # the grid of the examples is a rule of its own, not one of the dark mode
    assert re.search(r'^\.views \{ display: grid', style, re.M)
    assert style.count('{') == style.count('}')


def test_a_group_has_one_colour_in_all_panels(page):
    teacher, alone, kd = COLOURS[:3]
    panels = re.findall('<svg.*?</svg>', page, re.S)
    distilled = [
        svg for svg in panels if teacher not in svg and alone not in svg
    ]
    # the loss of the term, and its scale
    assert len(distilled) == 2 and all(kd in svg for svg in distilled)
