"""One HTML file about runs, which needs no other file."""

import datetime
import statistics
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup, escape

from ..launch.logs import OWN_LOSS
from . import curves
from .runs import Group, Run, collect, group_runs
from .trained import changes, shared_versions, warnings_of

#: Metrics in the first table; the others can be unfolded.
_MAIN = 4
_ENDINGS = ('mAP', 'mIoU', 'top1', 'mAcc', 'AP50')
_AGREEMENT = ('top1', 'kl', 'tckd', 'nckd_share')


class Cell(NamedTuple):
    """One number of the table, as text."""

    last: str
    best: str
    gain: str


def write_report(
    folders: Sequence[str],
    out: str,
    title: str = 'Distillation report',
    examples: int = 0,
    progress: Callable = lambda groups: groups,
) -> Path:
    """Write the page.

    Args:
        folders (list[str]): Work dirs of runs of any of the toolboxes.
        out (str): The HTML file.
        title (str): Heading of the page.
        examples (int): Validation images that are drawn with the predictions
            of each group's newest checkpoint. Defaults to 0.
        progress (callable): Wraps the loop over groups whose models predict.

    Raises:
        ValueError: If a folder holds no run.
    """
    groups = group_runs([collect(folder) for folder in folders])
    metrics = usual_metrics([run for group in groups for run in group.runs])
    pictures: Dict[str, object] = {}
    if examples:
        from .examples import draw_examples

        pictures = draw_examples(groups, examples, progress)
    text = _template().render(
        title=title,
        made=datetime.datetime.now().strftime('%Y-%m-%d %H:%M'),
        groups=groups,
        tables=[
            dict(
                metrics=names,
                rows=[
                    dict(group=group, cells=_cells(group, groups, names))
                    for group in groups
                ],
            )
            for names in _split(metrics)
            if names
        ],
        metric_curves=[
            svg
            for metric in metrics[:2]
            if (svg := _panel(metric, groups, metric))
        ],
        loss_curves=_loss_curves(groups),
        parts=_parts(groups),
        classes=_class_bars(groups),
        changes=changes(groups),
        versions=shared_versions(groups),
        warnings=warnings_of(groups),
        cost=[_cost(group) for group in groups],
        has_memory=any(run.curve('memory') for g in groups for run in g.runs),
        pictures=pictures,
    )
    path = Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding='utf-8')
    return path


def _template():
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(['html']),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters['breakable'] = _breakable
    return environment.get_template('page.html')


def _split(metrics: List[str]) -> Tuple[List[str], List[str]]:
    """The first metrics, and the others if there are two or more."""
    count = _MAIN if len(metrics) > _MAIN + 1 else len(metrics)
    return metrics[:count], metrics[count:]


def _breakable(name: str) -> Markup:
    """A logged name with the places at which a line may break."""
    text = str(escape(name))
    return Markup(text.replace('/', '/<wbr>').replace('_', '_<wbr>'))


def usual_metrics(runs: Sequence[Run]) -> List[str]:
    """Metrics of all runs, the main ones first."""
    names = sorted({key for run in runs for key in run.metrics})
    names = [name for name in names if not name.endswith('_precision')]

    def place(name: str) -> int:
        return next(
            (i for i, end in enumerate(_ENDINGS) if name.endswith(end)),
            len(_ENDINGS),
        )

    return sorted(names, key=lambda name: (place(name), name))


def spread(values: Sequence[Optional[float]], sign: str = '') -> str:
    """Mean, and the sample's standard deviation if there are several."""
    known = [value for value in values if value is not None]
    if not known:
        return '-'
    text = f'{statistics.fmean(known):{sign}.4g}'
    if len(known) > 1:
        text += f' ± {statistics.stdev(known):.2g}'
    return text


def _cells(
    group: Group, groups: Sequence[Group], metrics: Sequence[str]
) -> List[Cell]:
    baseline = next((g for g in groups if g.name == group.baseline), None)
    cells = []
    for metric in metrics:
        last = [run.last(metric) for run in group.runs]
        best = [run.best(metric) for run in group.runs]
        cells.append(
            Cell(spread(last), spread(best), _gain(metric, group, baseline))
        )
    return cells


def _gain(metric: str, group: Group, baseline: Optional[Group]) -> str:
    """Gain over the student alone: over its same seeds, or over its mean."""
    if baseline is None:
        return ''
    alone = {run.seed: run.last(metric) for run in baseline.runs}
    pairs = [
        (run.last(metric), alone.get(run.seed))
        for run in group.runs
        if run.last(metric) is not None and alone.get(run.seed) is not None
    ]
    if pairs:
        return spread([ours - theirs for ours, theirs in pairs], '+')
    known = [value for value in alone.values() if value is not None]
    ours = [run.last(metric) for run in group.runs]
    ours = [value for value in ours if value is not None]
    if not known or not ours:
        return ''
    gap = statistics.fmean(ours) - statistics.fmean(known)
    return f'{gap:+.4g} (other seeds)'


def _panel(key: str, groups: Sequence[Group], title: str) -> str:
    return curves.draw(
        title,
        # Groups without such a curve are counted as well, so that a group has
        # the same colour in all panels.
        {
            group.name: [run.curve(key) for run in group.runs]
            for group in groups
        },
    )


def _loss_curves(groups: Sequence[Group]) -> List[str]:
    """The student's own loss, and each distillation term."""
    names = {
        key
        for group in groups
        for run in group.runs
        for key in run.losses
        if key.rpartition('.')[2].startswith('loss_kd')
    }
    panels = [
        _panel(OWN_LOSS, groups, "the student's own loss, weights included")
    ]
    panels += [
        _panel(name, groups, f'{name}, weight included')
        for name in sorted(names)
    ]
    return [svg for svg in panels if svg]


def _parts(groups: Sequence[Group]) -> List[str]:
    """Parts of terms and agreement with the teacher, over time."""
    names = {
        key
        for group in groups
        if group.runs[0].is_distilled
        for run in group.runs
        for key in [*run.losses, *run.metrics]
        if '/' in key and ('kd' in key)
    }
    panels = [_panel(name, groups, name) for name in sorted(names)]
    return [svg for svg in panels if svg][:12]


def _class_bars(groups: Sequence[Group]) -> List[str]:
    """Gain of each class over the student alone."""
    found = []
    by_name = {group.name: group for group in groups}
    for group in groups:
        alone = by_name.get(group.baseline)
        if alone is None:
            continue
        ours, theirs = _mean_classes(group), _mean_classes(alone)
        gains = {
            name: ours[name] - theirs[name] for name in ours if name in theirs
        }
        svg = curves.bars(f'{group.name}: gain of each class', gains)
        found += [svg] if svg else []
    return found


def _mean_classes(group: Group) -> Dict[str, float]:
    names = set.intersection(*(set(run.classes) for run in group.runs))
    return {
        name: statistics.fmean(run.classes[name] for run in group.runs)
        for name in names
    }


def _cost(group: Group) -> dict:
    def mean(key: str) -> List[float]:
        return [
            statistics.median(value for _, value in run.curve(key))
            for run in group.runs
            if run.curve(key)
        ]

    memory = [
        max(value for _, value in run.curve('memory'))
        for run in group.runs
        if run.curve('memory')
    ]
    return dict(
        name=group.name,
        time=spread(mean('time')),
        data=spread(mean('data_time')),
        memory=f'{max(memory):.0f}' if memory else '-',
    )


def markdown_table(groups: Sequence[Group]) -> str:
    """The first metrics of each group, with spreads and gains over seeds."""
    metrics = usual_metrics([run for group in groups for run in group.runs])
    metrics = metrics[:3]
    lines = [['run', 'seeds', *metrics, f'gain in {metrics[0]}']]
    for group in groups:
        cells = _cells(group, groups, metrics)
        lines.append(
            [
                group.name,
                ', '.join(run.seed for run in group.runs),
                *(cell.last for cell in cells),
                cells[0].gain,
            ]
        )
    lines.insert(1, ['---'] * len(lines[0]))
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)
