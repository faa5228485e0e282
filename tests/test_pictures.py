"""Figures for the width of a phone."""

import pytest

from mmkd_logit.pictures import (
    WIDTH,
    column,
    columns_of,
    count_iterations,
    legend,
)


def test_panels_stand_below_each_other():
    figure, panels = column([2.0, 1.0], footer=0.5)
    assert figure.get_size_inches().tolist() == [WIDTH, 3.5]
    figure.draw_without_rendering()
    first, second = (panel.get_position() for panel in panels)
    assert first.y0 > second.y1 and first.x0 == second.x0


@pytest.mark.parametrize('place', ['lower', 'upper'])
def test_a_legend_is_outside_of_the_panels(place):
    figure, (panel,) = column([2.0], footer=1.0)
    names = {f'a class number {i}': 'red' for i in range(6)}
    legend(figure, names, 'classes', place)
    figure.draw_without_rendering()
    (box,) = figure.legends
    seen = box.get_window_extent()
    panels = panel.get_window_extent()
    gaps = dict(lower=panels.y0 - seen.y1, upper=seen.y0 - panels.y1)
    assert gaps[place] > 0
    assert 0 <= seen.x0 and seen.x1 <= figure.bbox.x1
    assert [text.get_text() for text in box.get_texts()] == list(names)


@pytest.mark.parametrize('letters, count', [(1, 4), (8, 3), (15, 2), (60, 1)])
def test_long_names_get_fewer_columns(letters, count):
    assert columns_of(letters) == count


def test_iterations_are_whole_numbers():
    figure, (panel,) = column([2.0])
    panel.plot([10], [12.571])  # one evaluation
    count_iterations(panel)
    figure.draw_without_rendering()
    assert panel.get_xlabel() == 'iteration'
    assert all(tick == int(tick) for tick in panel.get_xticks())
    assert panel.yaxis.get_offset_text().get_text() == ''
