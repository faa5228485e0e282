"""Curves and best values of several runs side by side, of any toolbox.

    python tools/analysis_tools/compare_runs.py \\
        work_dirs/retinanet_student work_dirs/retinanet_dkd

Reads what MMEngine logged (`<work dir>/<time>/vis_data/scalars.json`),
resumed runs included. Prints each validation metric with its best and its
last value, then the last losses, and draws the curves of the training loss
and of one metric.
"""

import argparse
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

from mmkd_logit.launch.logs import (
    COUNTERS,
    OWN_LOSS,
    Log,
    draw_curves,
    last_values,
    read_log,
    read_logged,
)


class Run(NamedTuple):
    """What one work dir holds."""

    log: Log
    metrics: List[str]  # names that validations logged
    losses: List[str]  # names of losses and their parts

    def best(self, key: str) -> Optional[str]:
        """``largest value (its first iteration) last value`` of a metric."""
        curve = [(v[key], -step) for step, v in self.log.items() if key in v]
        # COCO's -1: no object of that size
        if all(value == -1 for value, _ in curve):
            return None
        value, step = max(curve)
        return f'{value:.4g} ({-step}) {last_values(self.log)[key]:.4g}'

    def last(self, key: str) -> Optional[str]:
        """The last value of anything."""
        values = last_values(self.log)
        return f'{values[key]:.4g}' if key in values else None


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('work_dir', nargs='+', help='folders of the runs')
    parser.add_argument('--names', nargs='+', help='one per run')
    parser.add_argument(
        '--curves', nargs='+', help='logged names, such as loss coco/bbox_mAP'
    )
    parser.add_argument('--out', default='runs.png', help='picture file')
    return parser.parse_args()


def read_run(folder: str) -> Run:
    """The log of a work dir.

    Raises:
        ValueError: If there is none, or it is of different runs.
    """
    logged = read_logged(folder)
    return Run(read_log(folder), logged.metrics, logged.losses)


def read_runs(
    folders: List[str], names: Optional[List[str]] = None
) -> Dict[str, Run]:
    """Name -> run; names default to the folders' own.

    Raises:
        ValueError: If a folder has no log, or names do not fit the folders.
    """
    if names is None:
        names = [Path(folder).resolve().name for folder in folders]
        if len(set(names)) < len(names):
            names = list(folders)
    if len(names) != len(folders) or len(set(names)) < len(names):
        raise ValueError(
            f'got the names {names} for {len(folders)} runs; expected a '
            'different one for each, see --names'
        )
    return {name: read_run(folder) for name, folder in zip(names, folders)}


def table(runs: Dict[str, Run]) -> List[str]:
    """Lines with a column per run, metrics above losses."""
    rows = [['', *runs]]
    for key in sorted({key for run in runs.values() for key in run.metrics}):
        rows.append([key, *(run.best(key) or '-' for run in runs.values())])
    for key in sorted({key for run in runs.values() for key in run.losses}):
        rows.append([key, *(run.last(key) or '-' for run in runs.values())])
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ['  '.join(map(str.ljust, row, widths)).rstrip() for row in rows]


def usual_curves(runs: Dict[str, Run]) -> List[str]:
    """The student's own loss, and the main metric."""
    metrics = sorted({key for run in runs.values() for key in run.metrics})
    known = [
        k
        for end in ('mAP', 'mIoU', 'top1')
        for k in metrics
        if k.endswith(end)
    ]
    return [OWN_LOSS] + (known or metrics)[:1]


def main() -> None:
    args = parse_args()
    runs = read_runs(args.work_dir, args.names)
    print('metrics: best (iteration) last; losses: last')
    print('\n'.join(table(runs)))
    curves = args.curves or usual_curves(runs)
    logged = {
        key for run in runs.values() for v in run.log.values() for key in v
    }
    unknown = sorted(set(curves) - logged)
    if unknown:
        raise ValueError(
            f'no run has logged {unknown}; logged are '
            f'{sorted(logged - COUNTERS)}'
        )
    draw_curves(
        {name: [run.log] for name, run in runs.items()},
        {key: key for key in curves},
        args.out,
    )
    print(f'wrote {args.out}')


if __name__ == '__main__':
    try:
        main()
    except ValueError as error:
        raise SystemExit(f'compare_runs: {error}') from None
