"""Find the run that trained the student of a distillation alone."""

from glob import escape, glob
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Set, Tuple, Union

from mmengine.config import Config

from ..checkpoints.config_text import parse_config
from ..messages import WrongValue
from ..registry import is_distiller
from .config import add_hook, hooks_of_type
from .logs import read_logged
from .run_settings import Settings, logs_of_last_run, run_settings

_KIND = 'KDEvaluationHook'
_LOG = '*/vis_data/scalars.json'


def show_evaluations(config: Config, alone: Optional[str] = None) -> None:
    """Add ``KDEvaluationHook`` to a distillation, or tell it of a run.

    Args:
        config (Config): Of a run whose hooks are checked; changed in place.
        alone (str, optional): Work dir of the student's run alone. With it
            the hook is added to every run.

    Raises:
        ValueError: If the run alone has logged no evaluation.
    """
    if alone or is_distiller(config.get('model')):
        add_hook(config, _KIND)
    for hook in hooks_of_type(config, _KIND):
        if alone:
            hook['alone'] = alone
        if hook.get('alone'):
            check_alone(hook['alone'])


def check_alone(folder: str) -> None:
    """Check that a work dir can stand for the student alone.

    Raises:
        ValueError: If it holds no log, or no evaluation in it.
    """
    if not read_logged(folder).metrics:
        raise WrongValue(
            f'the run {folder!r} of the student alone has logged no '
            'evaluation; name the work dir of one that has'
        )


def find_alone(work_dir: Union[str, Path], config: Config) -> Optional[str]:
    """Work dir of the same student trained alone.

    It lies beside the run's work dir or in the folder above, or in a folder
    there, and has logged the same student and validation set.

    Args:
        work_dir (str | Path): Of the distillation.
        config (Config): Of the distillation.

    Returns:
        str, optional: Of several the one with the same seed, then the newest;
        None if there is none.
    """
    settings = run_settings(config)
    student = model_settings(settings, 'model.student.')
    found: List[Tuple[bool, float, str]] = []
    for folder in _work_dirs_near(Path(work_dir)):
        try:
            log, other = _last_start(folder)
        except (OSError, UnicodeError, IndexError):  # changed meanwhile
            continue
        if not other or is_distiller(other.get('model')):
            continue
        theirs = run_settings(other)
        if model_settings(theirs, 'model.') == student and (
            _validation(theirs) == _validation(settings)
        ):
            same_seed = _seed(theirs) == _seed(settings)
            found.append((same_seed, log, str(folder)))
    return max(found)[-1] if found else None


def _last_start(folder: Path) -> Tuple[float, Optional[dict]]:
    """When the last start of a work dir logged, and its config if known."""
    log = logs_of_last_run(folder)[-1]
    dumped = log.with_name('config.py')
    config = parse_config(dumped.read_text()) if dumped.is_file() else None
    return log.stat().st_mtime, config


def model_settings(settings: Settings, prefix: str) -> Dict[str, str]:
    """Settings of a model, without what recipes change in its losses.

    Args:
        settings (dict[str, str]): Of a whole run.
        prefix (str): ``'model.student.'`` of a distillation, ``'model.'`` of
            a student alone.
    """
    return {
        key[len(prefix) :]: value
        for key, value in settings.items()
        if key.startswith(prefix)
        and not key.endswith('loss_weight')
        and '.init_cfg' not in key
        and '.data_preprocessor' not in key
    }


def _work_dirs_near(work_dir: Path) -> Iterator[Path]:
    """Folders of other runs, each once."""
    above = work_dir.resolve().parents
    places = [(above[0], f'*/{_LOG}'), (above[0], f'*/*/{_LOG}')]
    places += [(folder, f'*/{_LOG}') for folder in above[1:2]]
    places += [(folder / 'baseline', f'*/{_LOG}') for folder in above[1:2]]
    seen: Set[Path] = {work_dir.resolve()}
    for folder, pattern in places:
        # glob passes over folders that vanish or cannot be read
        for log in glob(f'{escape(str(folder))}/{pattern}'):
            run = Path(log).parents[2]
            if run not in seen:
                seen.add(run)
                yield run


def _validation(settings: Settings) -> Dict[str, str]:
    return {
        key: value
        for key, value in settings.items()
        if key.startswith('val_dataloader.dataset.')
    }


def _seed(settings: Settings) -> Optional[str]:
    return settings.get('randomness.seed')
