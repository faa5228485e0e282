"""Settings that identify a run, so that a folder holds one run.

Two starts are the same run if model (student, teacher, terms), data (of
training and validation), schedule (optimizer, learning rates, loops, custom
hooks) and seed are the same. How long it trains (``max_epochs``,
``max_iters``), how often it validates, saves and logs, where it starts
(``load_from``) and the number of workers do not matter.
"""

import json
import re
from pathlib import Path
from typing import (
    Any,
    Dict,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Tuple,
    Union,
)

from mmengine.config import Config

from ..checkpoints.config_text import parse_config
from ..messages import WrongValue
from ..registry import type_name
from .handover import STUDENT_FILE

Settings = Dict[str, str]

_PARTS = (
    'model',
    'train_dataloader',
    'val_dataloader',
    'val_evaluator',
    'train_cfg',
    'optim_wrapper',
    'param_scheduler',
    'auto_scale_lr',
    'randomness',
    'custom_hooks',
)
_FREE = {
    '_scope_',
    'trust_teacher_ckpt',
    'num_workers',
    'persistent_workers',
    'pin_memory',
    'prefetch_factor',
    'max_epochs',
    'max_iters',
    'val_interval',
    'val_begin',
}
#: Names of a teacher's config and weights, one or each of several.
_TEACHER = re.compile(r'model\.teacher(\.\d+)?')
_MAY_MOVE = re.compile(r'model\.teacher_(ckpt(\.\d+)?|cache) ')
_FREE_HOOKS = (
    'KDGuardHook',
    'KDAgreementHook',
    'KDEvaluationHook',
    'TeacherCacheHook',
)


class Start(NamedTuple):
    """One start of a training in a work dir.

    Attributes:
        folder (Path): ``<work dir>/<time>``.
        settings (dict, optional): Of :func:`run_settings`; None if its
            config is not there or cannot be understood.
        resumed (bool, optional): Whether it continued a run; None if its
            config is not there.
    """

    folder: Path
    settings: Optional[Settings]
    resumed: Optional[bool]


def run_settings(config: dict) -> Settings:
    """Everything that makes a run, flat: ``'model.student.type'`` -> text."""
    parts = {part: config.get(part) for part in _PARTS}
    hooks = parts['custom_hooks'] or []
    parts['custom_hooks'] = [
        hook
        for hook in (hooks if isinstance(hooks, (list, tuple)) else [hooks])
        if not isinstance(hook, dict)
        or type_name(hook.get('type')) not in _FREE_HOOKS
    ]
    return dict(
        item for part, value in parts.items() for item in _flat(part, value)
    )


def _flat(key: str, value: Any) -> Iterator[Tuple[str, str]]:
    if isinstance(value, dict):
        for name in value:
            if name not in _FREE:
                yield from _flat(f'{key}.{name}', value[name])
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _flat(f'{key}.{number}', item)
    elif key.endswith('.type') and value is not None:
        yield key, type_name(value)
    elif _TEACHER.fullmatch(key) and value is not None:
        # a path; another clone of the same configs is the same teacher
        yield key, '/'.join(str(value).split('/')[-2:])
    elif value is not None:  # None is what most defaults are
        yield key, str(value)


def differences(old: Settings, new: Settings) -> List[str]:
    """Names of the settings that differ, with both values."""
    return [
        f'{key} was {old.get(key, "not set")}, is {new.get(key, "not set")}'
        for key in dict.fromkeys([*old, *new])
        if old.get(key) != new.get(key)
    ]


def starts(work_dir: str) -> List[Start]:
    """Starts in a work dir that trained at least one logged step."""
    found = []
    for scalars in _scalars(work_dir):
        if not _has_trained(scalars):
            continue
        config = _read(scalars.with_name('config.py'))
        found.append(
            Start(
                scalars.parents[1],
                None if config is None else run_settings(config),
                None if config is None else bool(config.get('resume')),
            )
        )
    return found


def _scalars(folder: Union[str, Path]) -> List[Path]:
    """Logs of a work dir, or of the one start whose folder is given."""
    own = Path(folder, 'vis_data', 'scalars.json')
    if own.is_file():
        return [own]
    return sorted(Path(folder).glob('*/vis_data/scalars.json'))


def logs_of_last_run(folder: Union[str, Path]) -> List[Path]:
    """Logs of the last run in a work dir, in the order of its starts.

    A start that resumed continues the run before it; any other begins anew.
    """
    logs = []
    for path in _scalars(folder):
        config = _read(path.with_name('config.py'))
        if config and not config.get('resume') and _has_trained(path):
            logs = []
        logs.append(path)
    return logs


def refuse_joined_runs(folder: str) -> None:
    """Check that all starts in a work dir belong to one run.

    Raises:
        ValueError: If the settings of one differ, other than in data or
            schedule after a resume.
    """
    known = [start for start in starts(folder) if start.settings is not None]
    for old, new in zip(known, known[1:]):
        changed = differences(old.settings, new.settings)
        if changed and not (new.resumed and _same_model(changed)):
            raise WrongValue(
                f'{folder!r} holds runs of different configurations: '
                f'{_shown(changed)}. Name the folder of one start instead, '
                f'{str(old.folder)!r} or {str(new.folder)!r}'
            )


def _same_model(changed: List[str]) -> bool:
    return not any(
        text.startswith('model.') and not _MAY_MOVE.match(text)
        for text in changed
    )


def _shown(changed: List[str]) -> str:
    text = '; '.join(changed[:3])
    if len(changed) > 3:
        text += f'; ... ({len(changed)} settings in all)'
    return text


def _has_trained(scalars: Path) -> bool:
    with open(scalars) as file:
        for line in file:
            try:
                if 'iter' in json.loads(line):
                    return True
            except json.JSONDecodeError:  # being written right now
                continue
    return False


def _read(path: Path) -> Optional[dict]:
    return parse_config(path.read_text()) if path.is_file() else None


def _settings_in(work_dir: str) -> Optional[Settings]:
    """Of the run that a work dir holds, None if it holds none."""
    known = [start.settings for start in starts(work_dir) if start.settings]
    if known:
        return known[-1]
    folder = Path(work_dir)
    if not any(folder.glob('*.pth')):
        return None
    dumped = sorted(folder.glob('*.py'), key=lambda path: path.stat().st_mtime)
    for path in reversed(dumped):
        if path.name == STUDENT_FILE:
            continue
        config = _read(path)
        if config and 'train_cfg' in config and 'optim_wrapper' in config:
            return run_settings(config)
    return None


def refuse_mixed_run(config: Config) -> None:
    """Check that the work dir holds no run with other settings.

    With ``resume``, other data, another schedule or another path of the
    teacher's weights are reported and accepted; another model is not.

    Raises:
        ValueError: If it holds another run.
    """
    old = _settings_in(config.work_dir)
    if old is None:
        return
    changed = differences(old, run_settings(config))
    if not changed:
        return
    shown = _shown(changed)
    if config.get('resume') and _same_model(changed):
        print(f'--resume: the run goes on with other settings: {shown}')
        return
    raise WrongValue(
        f'the work dir {config.work_dir!r} holds a run of another '
        f'configuration: {shown}. Pass another --work-dir, or, to go on with '
        'that run, its own settings'
    )
