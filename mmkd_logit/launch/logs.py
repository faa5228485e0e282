"""Read MMEngine's own json logs, and draw them."""

import json
import re
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Union

from ..checkpoints.config_text import parse_config
from ..messages import WrongValue
from ..pictures import DPI, column, count_iterations
from .run_settings import logs_of_last_run, refuse_joined_runs

Log = Dict[int, Dict[str, float]]

#: The student's loss without distillation, which all runs can be compared by.
OWN_LOSS = 'loss_own'
#: Logged names that say when, and nothing of the model.
COUNTERS = {'time', 'data_time', 'step', 'iter', 'epoch'}
#: "Epoch(train)  [1][100/157]" of the log file
_PLACE = re.compile(r'Epoch\(train\)\s+\[\d+\]\[\s*\d+/(\d+)\]')


def logged_rows(folder: Union[str, Path]) -> Iterator[Dict[str, float]]:
    """Each line that a run logged, in the order of its starts.

    A start that did not resume begins another run; only the last run of a
    work dir counts.

    A validation that MMEngine logged by its epoch gets the step of that
    epoch's last iteration; lines of the training have an ``iter``. They also
    get the loss without the terms of distillation, :data:`OWN_LOSS`.

    Args:
        folder (str or Path): Work dir of a run, with
            ``<time>/vis_data/scalars.json``, or the folder of one start.
    """
    for path in logs_of_last_run(folder):
        rows = list(_rows(path))
        length = _epoch_length(path.parents[1], rows)
        terms = _distillation_terms(path.with_name('config.py'))
        trained = epoch = 0
        for values in rows:
            if 'iter' in values:
                trained, epoch = values['step'], values.get('epoch', 0)
                if 'loss' in values:
                    values[OWN_LOSS] = values['loss'] - sum(
                        value
                        for key, value in values.items()
                        if key.rpartition('.')[2] in terms
                    )
            elif epoch and values['step'] <= epoch and length:
                values['step'] *= length
            else:
                values['step'] = max(values['step'], trained)
            yield values


class Logged(NamedTuple):
    """What a run logged.

    Attributes:
        rows (list[dict]): Its lines, see :func:`logged_rows`.
        metrics (list[str]): Names that validations logged.
        losses (list[str]): Names of losses and of their parts.
    """

    rows: List[Dict[str, float]]
    metrics: List[str]
    losses: List[str]


def read_logged(folder: str) -> Logged:
    """Lines of a work dir, and which of their names are what.

    Raises:
        ValueError: If it holds no log of MMEngine, or logs of different runs.
    """
    refuse_joined_runs(folder)
    rows = list(logged_rows(folder))
    if not rows:
        raise WrongValue(
            f'{folder!r} has no log of MMEngine '
            '(<time>/vis_data/scalars.json); name the work dir of a run'
        )
    trained = {key for row in rows if 'iter' in row for key in row}
    seen = {key for row in rows for key in row} - COUNTERS
    losses = {key for key in trained if 'loss' in key or '/' in key}
    return Logged(rows, sorted(seen - trained), sorted(losses))


def _rows(path: Path) -> Iterator[Dict[str, float]]:
    """What one start logged, as it stands there."""
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:  # being written right now
            continue


def _epoch_length(folder: Path, rows: List[dict]) -> Optional[int]:
    """Iterations of an epoch, None if unknown.

    The log file says it in each line. Without that file it follows from the
    lines: both epochs log their first line after as many iterations.
    """
    for path in folder.glob('*.log'):
        found = _PLACE.search(path.read_text(errors='replace'))
        if found:
            return int(found[1])
    first: Dict[int, int] = {}
    for values in rows:
        if 'iter' in values and 'epoch' in values:
            first.setdefault(values['epoch'], values['iter'])
    # the first epoch of a resumed start may be seen from its middle on
    epochs = sorted(first)[-2:]
    if len(epochs) < 2 or epochs[1] != epochs[0] + 1:
        return None
    return first[epochs[1]] - first[epochs[0]]


def _distillation_terms(path: Path) -> List[str]:
    """Names of the terms in the config that the run dumped."""
    config = parse_config(path.read_text()) if path.is_file() else None
    model = (config or {}).get('model') or {}
    return list(model.get('distill') or {})


def read_log(folder: Union[str, Path]) -> Log:
    """What a run logged, by iteration; resumed runs are joined.

    Args:
        folder (str or Path): As for :func:`logged_rows`. A later start
            overrides what an earlier one logged for the same iteration.

    Returns:
        dict[int, dict[str, float]]: Iteration -> logged values, training and
        validation together.
    """
    log: Log = {}
    for values in logged_rows(folder):
        log.setdefault(values['step'], {}).update(values)
    return dict(sorted(log.items()))


def last_values(log: Log) -> Dict[str, float]:
    """The latest value of every logged name."""
    values: Dict[str, float] = {}
    for logged in log.values():
        values.update(logged)
    return values


def draw_curves(
    runs: Dict[str, List[Log]], keys: Dict[str, str], path: Union[str, Path]
) -> None:
    """Draw one panel per logged name; a thin line per seed, a thick mean.

    Args:
        runs (dict[str, list[dict]]): Legend -> log of each seed.
        keys (dict[str, str]): Logged name -> title of its panel.
        path (str or Path): Picture file.
    """
    figure, panels = column([3.4] * len(keys))
    for axes, (key, title) in zip(panels, keys.items()):
        for number, (legend, logs) in enumerate(runs.items()):
            curves = [_curve(log, key) for log in logs]
            curves = [curve for curve in curves if curve]
            for curve in curves if len(curves) > 1 else ():
                axes.plot(
                    *zip(*curve), color=f'C{number}', alpha=0.3, linewidth=1
                )
            mean = _mean(curves)
            if mean:
                axes.plot(
                    *zip(*mean),
                    color=f'C{number}',
                    label=legend,
                    marker='o' if len(mean) < 20 else None,
                    markersize=3,
                )
        axes.set_title(title)
        count_iterations(axes)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize=9)
    figure.savefig(path, dpi=DPI)


def _curve(log: Log, key: str) -> List[tuple]:
    return [
        (step, values[key]) for step, values in log.items() if key in values
    ]


def _mean(curves: Sequence[List[tuple]]) -> List[tuple]:
    """Mean over the iterations that all curves have."""
    by_step = [dict(curve) for curve in curves]
    shared = set.intersection(*map(set, by_step)) if by_step else set()
    return [
        (step, sum(curve[step] for curve in by_step) / len(by_step))
        for step in sorted(shared)
    ]
