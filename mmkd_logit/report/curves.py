"""Curves as SVG, to be put into a page."""

import io
import re
import zlib
from typing import Dict, List, Sequence, Tuple

from ..pictures import WIDTH, count_iterations

Curve = List[Tuple[int, float]]
#: One colour per group of runs, told apart with any colour vision.
COLOURS = (
    '#0072b2',
    '#d55e00',
    '#009e73',
    '#cc79a7',
    '#e69f00',
    '#56b4e9',
    '#000000',
    '#999999',
)


def draw(
    title: str, groups: Dict[str, Sequence[Curve]], unit: str = ''
) -> str:
    """One panel: a thin line per seed and a thick mean per group.

    Args:
        title (str): Title of the panel.
        groups (dict[str, list]): Legend -> curve of each seed. The position
            of a group decides its colour, even if its curves are empty.
        unit (str): Unit of the values. Defaults to ''.

    Returns:
        str: An ``<svg>`` element; ``''`` if there is nothing to draw.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 3.0), layout='constrained')
    axes = figure.add_subplot()
    for number, (name, curves) in enumerate(groups.items()):
        colour = COLOURS[number % len(COLOURS)]
        curves = [curve for curve in curves if curve]
        for curve in curves if len(curves) > 1 else ():
            axes.plot(*zip(*curve), color=colour, alpha=0.35, linewidth=0.8)
        mean = mean_curve(curves)
        if mean:
            axes.plot(
                *zip(*mean),
                color=colour,
                label=name,
                linewidth=1.8,
                marker='o' if len(mean) < 15 else None,
                markersize=3.5,
            )
    if not axes.lines:
        return ''
    axes.set(title=title, ylabel=unit)
    count_iterations(axes)
    axes.grid(alpha=0.25)
    axes.legend(fontsize=9, frameon=False)
    return as_svg(figure)


def bars(title: str, gains: Dict[str, float]) -> str:
    """Bars of the differences per class, the largest first.

    The result is empty if there are no differences.
    """
    if not gains:
        return ''
    from matplotlib.figure import Figure

    ranked = sorted(gains.items(), key=lambda item: item[1])
    if len(ranked) > 24:
        ranked = ranked[:12] + ranked[-12:]
        title += ' (the 12 least and the 12 most)'
    figure = Figure(
        figsize=(WIDTH, 0.8 + 0.22 * len(ranked)), layout='constrained'
    )
    axes = figure.add_subplot()
    names, values = zip(*ranked)
    axes.barh(
        names,
        values,
        color=[COLOURS[0] if value >= 0 else COLOURS[1] for value in values],
    )
    axes.axvline(0, color='#555555', linewidth=0.8)
    axes.set(title=title)
    axes.tick_params(labelsize=9)
    axes.grid(axis='x', alpha=0.25)
    return as_svg(figure)


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """Mean over the iterations that all curves have."""
    by_step = [dict(curve) for curve in curves]
    shared = set.intersection(*map(set, by_step)) if by_step else set()
    return [
        (step, sum(curve[step] for curve in by_step) / len(by_step))
        for step in sorted(shared)
    ]


def as_svg(figure) -> str:
    """The SVG element alone, without the declarations of a whole file."""
    buffer = io.StringIO()
    figure.savefig(buffer, format='svg', metadata=dict(Date=None))
    text = buffer.getvalue()
    text = text[text.index('<svg') :]
    # Pictures in one page must not share the names of their elements.
    mark = f'f{zlib.crc32(text.encode()):x}-'
    text = re.sub(r'\bid="', f'id="{mark}', text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf'\g<1>{mark}', text)
    return text
