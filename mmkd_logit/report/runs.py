"""What can be read from a run's work dir."""

import re
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from ..checkpoints.config_text import parse_config
from ..launch.alone import model_settings
from ..launch.logs import Log, read_log, read_logged
from ..launch.run_settings import Settings, logs_of_last_run, run_settings
from ..registry import is_distiller

_VERSION = re.compile(
    r'^\s*(PyTorch|TorchVision|MMEngine|MMCV|Python|CUDA available|GPU 0):'
    r'\s*(.+)$',
    re.M,
)
#: "teacher: ResNet, 0.86 M parameters, ..., weights x.pth (sha256 1a2b3c)"
#: or "teacher: the average of this student, ..."
_TEACHER = re.compile(
    r'- INFO - (teacher(?: \d+)?: (?:.*\(sha256 |the average of ).+)$', re.M
)
_WARNING = re.compile(r'- WARNING - (.+)$', re.M)
#: "|  road  | 97.1 | 98.2 |" below "per class results:"
_TABLE = re.compile(r'(?:^[|+].*\n)+', re.M)
_CLASS_ROW = re.compile(r'^\|\s*([^|]+?)\s*\|\s*([\d.]+|nan)\s*\|', re.M)


class Run(NamedTuple):
    """One training.

    Attributes:
        name (str): Name of its work dir.
        folder (Path): The work dir.
        log (dict): Iteration -> logged values.
        metrics (list[str]): Names that validations logged.
        losses (list[str]): Names of losses and of their parts.
        settings (dict[str, str]): The settings of its config, flat, see
            :func:`~mmkd_logit.launch.run_settings.run_settings`.
        is_distilled (bool): Whether it had a teacher.
        seed (str): ``''`` if none was set.
        versions (dict[str, str]): Versions of Python, PyTorch and the
            toolboxes.
        teachers (list[str]): The line that it logged about each teacher:
            network, file and hash.
        warnings (list[str]): The warnings that it logged, each once.
        classes (dict[str, float]): Metric of each class in the last
            validation, if it was logged.
        scope (str): Name of the toolbox.
        config (Path, optional): The config that was dumped.
        checkpoint (Path, optional): Its newest checkpoint.
    """

    name: str
    folder: Path
    log: Log
    metrics: List[str]
    losses: List[str]
    settings: Settings
    is_distilled: bool
    seed: str
    versions: Dict[str, str]
    teachers: List[str]
    warnings: List[str]
    classes: Dict[str, float]
    scope: str
    config: Optional[Path]
    checkpoint: Optional[Path]

    def curve(self, key: str) -> List[Tuple[int, float]]:
        """Pairs (iteration, value) of a logged name."""
        return [(s, v[key]) for s, v in self.log.items() if key in v]

    def last(self, key: str) -> Optional[float]:
        """The last value of a name, None if it was never logged."""
        curve = self.curve(key)
        return curve[-1][1] if curve else None

    def best(self, key: str) -> Optional[float]:
        """The largest value of a name."""
        values = [value for _, value in self.curve(key)]
        return max(values) if values else None


class Group(NamedTuple):
    """Runs that differ in nothing but their seed.

    Attributes:
        name (str): The common part of their names.
        runs (list[Run]): One run for each seed.
        baseline (str): Name of the group of the same student alone, or ``''``.
    """

    name: str
    runs: List[Run]
    baseline: str = ''


def collect(folder: str) -> Run:
    """Read a work dir.

    Raises:
        ValueError: If it holds no log of MMEngine, or logs of different runs.
    """
    rows, metrics, losses = read_logged(folder)
    scalars = logs_of_last_run(folder)
    dumped = scalars[-1].with_name('config.py')
    config = (
        parse_config(dumped.read_text()) if dumped.is_file() else None
    ) or {}
    texts = [
        path.read_text(errors='replace')
        for one in scalars
        for path in sorted(one.parents[1].glob('*.log'))
    ]
    path = Path(folder)
    checkpoints = sorted(
        path.glob('*.pth'), key=lambda file: file.stat().st_mtime
    )
    return Run(
        name=path.resolve().name,
        folder=path,
        log=read_log(folder),
        metrics=[
            key
            for key in metrics
            # COCO's evaluator writes -1 where no object has that size.
            if any(row.get(key, -1) != -1 for row in rows)
        ],
        losses=losses,
        settings=run_settings(config),
        is_distilled=is_distiller(config.get('model') or {}),
        seed=str((config.get('randomness') or {}).get('seed', '')),
        versions=_versions(texts),
        teachers=_all(_TEACHER, texts),
        warnings=_all(_WARNING, texts),
        classes=_classes(rows, texts),
        scope=str(config.get('default_scope') or ''),
        config=dumped if dumped.is_file() else None,
        checkpoint=checkpoints[-1] if checkpoints else None,
    )


def _versions(texts: Sequence[str]) -> Dict[str, str]:
    found: Dict[str, str] = {}
    for text in texts:
        for name, version in _VERSION.findall(text):
            found.setdefault(name, version.split(' (')[0].strip())
    return found


def _all(pattern: re.Pattern, texts: Sequence[str]) -> List[str]:
    """All that a pattern finds in some texts, each once."""
    found = [line for text in texts for line in pattern.findall(text)]
    return list(dict.fromkeys(found))


def _classes(rows: List[dict], texts: Sequence[str]) -> Dict[str, float]:
    """Metric of each class, from COCO's ``classwise`` or mIoU's table."""
    for row in reversed(rows):
        found = {
            key.rpartition('/')[2][: -len('_precision')]: value
            for key, value in row.items()
            if key.startswith('coco/') and key.endswith('_precision')
        }
        if found:
            return found
    for text in reversed(texts):
        _, mark, rest = text.rpartition('per class results:')
        table = _TABLE.search(rest) if mark else None
        if table:
            return {
                name: float(value)
                for name, value in _CLASS_ROW.findall(table.group())
            }
    return {}


def group_runs(runs: Sequence[Run]) -> List[Group]:
    """Put runs together that differ in their seed alone; find baselines."""
    groups: Dict[tuple, List[Run]] = {}
    for run in runs:
        key = tuple(
            sorted(
                (name, value)
                for name, value in run.settings.items()
                if name != 'randomness.seed'
            )
        )
        groups.setdefault(key or (run.name,), []).append(run)
    named = [
        Group(_common_name(members), members) for members in groups.values()
    ]
    names = [group.name for group in named]
    if len(set(names)) < len(names):
        named = [
            group._replace(name=str(group.runs[0].folder)) for group in named
        ]
    if len({run.name for run in runs}) < len(runs):  # of several folders
        named = [group._replace(runs=_whole_names(group)) for group in named]
    return [
        group._replace(baseline=_baseline(group, named)) for group in named
    ]


def _whole_names(group: Group) -> List[Run]:
    return [run._replace(name=str(run.folder)) for run in group.runs]


def _common_name(runs: List[Run]) -> str:
    """The name that folders have in common: ``dkd`` of ``dkd_seed0``."""
    if len(runs) == 1:
        return runs[0].name
    names = [run.name for run in runs]
    first = names[0]
    length = next(
        (
            i
            for i, letter in enumerate(first)
            if any(name[i : i + 1] != letter for name in names)
        ),
        len(first),
    )
    common = re.sub(r'[-_]?(seed|s)?[-_]?\d*$', '', first[:length])
    return common or first


def _baseline(group: Group, groups: List[Group]) -> str:
    """The group that trained the same student without a teacher."""
    run = group.runs[0]
    if not run.is_distilled:
        return ''
    student = model_settings(run.settings, 'model.student.')
    for other in groups:
        first = other.runs[0]
        if (
            not first.is_distilled
            and first.settings
            and model_settings(first.settings, 'model.') == student
        ):
            return other.name
    return ''
