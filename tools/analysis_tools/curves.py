"""Draw what runs logged: losses, their parts, and validation metrics.

    python tools/analysis_tools/curves.py work_dirs/student \
        work_dirs/distilled --out curves.png

One panel per logged name, one line per run. Reads the ``scalars.json`` that
MMEngine writes into every work dir, of all three toolboxes.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Dict, List, Tuple

#: Name -> points (x, value); x is an epoch, or an iteration.
Curves = Dict[str, List[Tuple[float, float]]]

_NOT_DRAWN = {
    *('epoch', 'iter', 'step', 'time', 'data_time', 'memory', 'lr'),
    *('base_lr', 'momentum', 'grad_norm'),
}


def read_curves(folder: Path) -> Tuple[Curves, str]:
    """What one run logged, resumed parts joined, and the unit of x.

    MMEngine numbers training lines by iteration and, in runs by epoch,
    validation lines by epoch; both are brought to epochs here.

    Raises:
        FileNotFoundError: If the folder has no log.
    """
    lines = [
        json.loads(line)
        for path in sorted(folder.glob('*/vis_data/scalars.json'))
        for line in path.read_text().splitlines()
    ]
    if not lines:
        raise FileNotFoundError(
            f'{folder} has no <time>/vis_data/scalars.json with a line in '
            'it; name the work dir of a run that has logged something'
        )
    per_epoch = max(
        (x['step'] / x['epoch'] for x in lines if x.get('epoch')), default=0
    )
    points: Dict[str, Dict[float, float]] = {}
    for values in lines:
        x = values['step']
        if per_epoch and 'iter' in values:
            x = x / per_epoch
        for name, value in values.items():
            if name not in _NOT_DRAWN and isinstance(value, (int, float)):
                points.setdefault(name, {})[x] = value
    curves = {name: sorted(ours.items()) for name, ours in points.items()}
    return curves, 'epoch' if per_epoch else 'iteration'


def panel_names(runs: Dict[str, Curves], asked: List[str]) -> List[str]:
    """Names to draw: those asked for, or losses, their parts, metrics.

    Raises:
        KeyError: If no run has logged a name that was asked for.
    """
    known = list(dict.fromkeys(name for run in runs.values() for name in run))
    for name in asked:
        if name not in known:
            raise KeyError(
                f'no run has logged {name!r}; expected one of '
                f'{", ".join(known)}'
            )
    return asked or sorted(
        known, key=lambda name: (name.startswith('kd/'), 'loss' not in name)
    )


def draw(
    runs: Dict[str, Curves], names: List[str], unit: str, path: str
) -> None:
    """One panel per name, at most four in a row."""
    from matplotlib.figure import Figure

    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(4 * columns, 3 * rows), layout='constrained')
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for panel, name in zip(panels, names):
        for number, (legend, curves) in enumerate(runs.items()):
            if name in curves:
                panel.plot(
                    *zip(*curves[name]),
                    color=f'C{number}',
                    label=legend,
                    marker='.' if len(curves[name]) < 30 else None,
                )
        panel.set_title(name, fontsize='medium')
        panel.set_xlabel(unit)
        panel.grid(alpha=0.3)
        panel.xaxis.get_major_locator().set_params(integer=True)
    for panel in panels[len(names) :]:
        panel.set_axis_off()
    lines = [line for panel in panels for line in panel.lines]
    handles = {line.get_label(): line for line in lines}
    figure.legend(
        handles.values(),
        handles.keys(),
        loc='outside upper center',
        ncols=min(4, len(handles)),
    )
    figure.savefig(path, dpi=110)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('folders', nargs='+', help='work dirs of runs')
    parser.add_argument('--names', nargs='+', help='of the runs, for legends')
    parser.add_argument(
        '--keys', nargs='+', default=[], help='logged names, in this order'
    )
    parser.add_argument('--out', default='curves.png')
    args = parser.parse_args()
    args.names = args.names or [Path(f).resolve().name for f in args.folders]
    if len(set(args.names)) != len(args.folders):
        parser.error(
            f'{len(args.folders)} folders need as many different --names, '
            f'got {args.names}'
        )
    return args


def main() -> None:
    args = parse_args()
    try:
        read = [read_curves(Path(folder)) for folder in args.folders]
        runs = dict(zip(args.names, (curves for curves, _ in read)))
        names = panel_names(runs, args.keys)
    except (FileNotFoundError, KeyError) as error:
        sys.exit(f'{type(error).__name__}: {error.args[0]}')
    units = {unit for _, unit in read}
    draw(runs, names, ' or '.join(sorted(units)), args.out)
    print(f'wrote {args.out}')


if __name__ == '__main__':
    main()
