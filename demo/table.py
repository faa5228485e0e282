"""The demo's result: one row per model, as a Markdown table."""

from typing import Dict, List, NamedTuple, Sequence

import numpy as np


class Row(NamedTuple):
    """The result of one model.

    Attributes:
        name (str): Name of the model, such as ``'student alone'``.
        values (dict[str, list[float]]): Column -> value of each seed, in the
            order of the seeds.
        minutes (list[float]): Training and validation of each seed.
    """

    name: str
    values: Dict[str, List[float]]
    minutes: List[float]


def format_table(rows: Sequence[Row], baseline: str = 'student alone') -> str:
    """Markdown with the mean and the spread of each column.

    Args:
        rows (Sequence[Row]): At least one; all with the same columns.
        baseline (str): Row that rows with as many seeds are compared with,
            by the first column. Defaults to ``'student alone'``.
    """
    columns = list(rows[0].values)
    first = columns[0]
    reference = {row.name: row.values[first] for row in rows}[baseline]
    lines = [['model', *columns, 'gain', f'{first} of each seed', 'minutes']]
    for row in rows:
        own = row.values[first]
        gain = ''
        if rows.index(row) > [r.name for r in rows].index(baseline):
            gain = _spread([a - b for a, b in zip(own, reference)], '+')
        lines.append(
            [
                row.name,
                *(_spread(row.values[column]) for column in columns),
                gain,
                ', '.join(f'{value:.3f}' for value in own),
                f'{np.mean(row.minutes):.1f}',
            ]
        )
    widths = [max(map(len, column)) for column in zip(*lines)]
    lines.insert(1, ['-' * width for width in widths])
    return '\n'.join(
        '| '
        + ' | '.join(cell.ljust(width) for cell, width in zip(line, widths))
        + ' |'
        for line in lines
    )


def _spread(values: Sequence[float], sign: str = '') -> str:
    """Mean, and the sample's standard deviation if there are several."""
    text = f'{np.mean(values):{sign}.3f}'
    return (
        f'{text} ± {np.std(values, ddof=1):.3f}' if len(values) > 1 else text
    )
