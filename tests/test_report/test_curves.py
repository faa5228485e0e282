"""Pictures inside a page."""

import re

import pytest

pytest.importorskip('matplotlib')

from mmkd_logit.report.curves import COLOURS, bars, draw, mean_curve


def test_mean_over_what_all_seeds_have():
    assert mean_curve([[(1, 1.0), (2, 2.0)], [(2, 4.0), (3, 9.0)]]) == [
        (2, 3.0)
    ]
    assert mean_curve([]) == []


def test_pictures_of_one_page_share_no_name():
    first = draw('mAP', dict(a=[[(1, 0.1), (2, 0.2)]]))
    second = draw('loss', dict(a=[[(1, 0.3), (2, 0.2)]]))
    assert first.startswith('<svg') and 'iteration' not in first[:40]
    pages = (first, second)
    names = [set(re.findall(r'\bid="([^"]+)"', one)) for one in pages]
    assert names[0] and not names[0] & names[1]
    for one, own in zip(pages, names):
        assert set(re.findall(r'href="#([^"]+)"', one)) <= own


def test_nothing_to_draw_is_no_picture():
    assert draw('mAP', dict(a=[[]])) == '' and bars('gain', {}) == ''


def test_many_classes_are_cut_to_both_ends():
    svg = bars('gain', {f'c{i}': float(i) for i in range(100)})
    assert 'the 12 least' in svg and svg.startswith('<svg')


def test_a_group_keeps_its_colour_where_another_has_no_curve():
    curve = [(1, 0.1), (2, 0.2)]
    both = draw('mAP', dict(alone=[curve], kd=[curve]))
    one = draw('loss_kd', dict(alone=[[]], kd=[curve]))
    assert COLOURS[0] in both and COLOURS[1] in both
    assert COLOURS[1] in one and COLOURS[0] not in one
