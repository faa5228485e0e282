"""Figures that can be read at the width of a phone.

Panels stand below each other and letters are large for the width, so that a
picture that is shrunk to 390 pixels still has letters of 9.
"""

from typing import Dict, Sequence, Tuple, Union

#: Inches; 390 pixels are then 75 to the inch, and 9 points are 9 of them.
WIDTH = 5.2
DPI = 150
Colour = Union[str, Tuple[float, ...]]


def column(
    heights: Sequence[float], footer: float = 0.0, layout: str = 'constrained'
):
    """A figure with one panel below the other.

    Args:
        heights (list[float]): Inches of each panel, titles included.
        footer (float): Inches below them, for a legend. Defaults to 0.
        layout (str): matplotlib's layout engine; ``'compressed'`` is for
            panels of a fixed shape. Defaults to 'constrained'.

    Returns:
        tuple[Figure, list[Axes]]: matplotlib's own.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, sum(heights) + footer), layout=layout)
    panels = figure.subplots(
        len(heights), 1, squeeze=False, height_ratios=heights
    )
    return figure, list(panels[:, 0])


def count_iterations(axes) -> None:
    """Whole numbers at the x axis, and plain ones at the other.

    Args:
        axes (Axes): Whose x values are iterations.
    """
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel('iteration')
    axes.xaxis.set_major_locator(
        MaxNLocator(nbins=8, integer=True, min_n_ticks=1)
    )
    axes.yaxis.get_major_formatter().set_useOffset(False)


def legend(
    figure, colours: Dict[str, Colour], title: str = '', place: str = 'lower'
) -> None:
    """Name colours below the panels, or above them with ``place='upper'``.

    Args:
        figure (Figure): Its layout makes room.
        colours (dict): Name -> colour; numbers from 0 to 1.
        title (str): Of the legend. Defaults to ''.
        place (str): ``'lower'`` or ``'upper'``. Defaults to 'lower'.
    """
    from matplotlib.patches import Patch

    longest = max((len(name) for name in colours), default=1)
    figure.legend(
        handles=[
            Patch(facecolor=colour, edgecolor='#888888', label=name)
            for name, colour in colours.items()
        ],
        loc=f'outside {place} center',
        ncols=columns_of(longest),
        title=title or None,
        fontsize=9,
        title_fontsize=9,
    )


def columns_of(letters: int) -> int:
    """How many names of so many letters stand beside each other."""
    return max(1, min(4, 52 // (letters + 7)))


def legend_height(names: Sequence[str], titled: bool = True) -> float:
    """Inches that a legend of these names takes."""
    longest = max((len(name) for name in names), default=1)
    lines = -(-len(names) // columns_of(longest))
    return 0.2 * (lines + titled) + 0.2
