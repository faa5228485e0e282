"""Which checkpoint a run goes on from."""

import os
import re
from pathlib import Path
from typing import Any, List, Optional, Tuple

from mmengine.config import Config

from ..checkpoints.files import local_file
from ..checkpoints.safe_load import load_checkpoint_safely
from ..checkpoints.state_dict import plain_state_dict
from ..messages import UserMistake, WrongValue

_WAY = 'pass --trust'


def choose_checkpoint(config: Config, trusted: bool = False) -> None:
    """Set ``load_from`` of a config that resumes to a readable file.

    A path that is given must be one that a training can go on from. Without a
    path it is the newest of the work dir that can be read. A line reports it
    if MMEngine's ``last_checkpoint`` names another one.

    Args:
        config (Config): Changed in place.
        trusted (bool): Read any pickle. Defaults to False.

    Raises:
        FileNotFoundError: If a given path is no file.
        ValueError: If it, or every checkpoint of the work dir, is damaged or
            not one of a training.
    """
    if not config.get('resume'):
        return
    if config.get('load_from'):
        path = local_file(
            config.load_from, 'checkpoint', '--resume', '--resume PATH'
        )
        _read_resumable(path, trusted)
        return
    _remove_leftovers(config.work_dir)
    newest, named, why = _newest_that_reads(config, trusted)
    if newest is None:
        print(
            f'--resume: {config.work_dir!r} has no checkpoint yet; training '
            'starts from the beginning'
        )
        return
    if why:
        print(f'--resume: goes on from {str(newest)!r}; {why}')
    config.load_from = str(newest)


def _remove_leftovers(work_dir: str) -> None:
    """Remove unfinished checkpoints of a killed run."""
    if os.environ.get('RANK', '0') == '0':
        for path in Path(work_dir).glob('.*.part'):
            path.unlink(missing_ok=True)


def _newest_that_reads(
    config: Config, trusted: bool
) -> Tuple[Optional[Path], Optional[Path], str]:
    """(the file, what MMEngine noted, why it is another one)."""
    named, why = _noted(config.work_dir)
    tried = _candidates(config, named)
    problems = [why] if why else []
    for path in tried:
        try:
            _read_resumable(str(path), trusted)
        except UserMistake as error:
            problems.append(str(error))
            continue
        if named is not None and path != named and not problems:
            problems.append(f'it is newer than the noted {named.name}')
        return path, named, '; '.join(problems)
    if tried:
        raise WrongValue(
            f'--resume: no checkpoint in {config.work_dir!r} can be gone on '
            f'from: {"; ".join(problems)}. Start again without --resume in '
            'another --work-dir'
        )
    return None, named, ''


def _noted(work_dir: str) -> Tuple[Optional[Path], str]:
    """(the file that ``last_checkpoint`` names, what is wrong with it)."""
    note = Path(work_dir) / 'last_checkpoint'
    if not note.is_file():
        return None, ''
    text = note.read_bytes().decode(errors='replace').strip()
    if not text:
        return None, 'last_checkpoint is empty'
    for path in (Path(text), note.parent / Path(text).name):
        if path.is_file():
            return path.resolve(), ''
    return None, f'last_checkpoint names {text!r}, which is not there'


def _candidates(config: Config, named: Optional[Path]) -> List[Path]:
    """Checkpoints of a run, in the order in which they are tried.

    The noted one comes first, unless a later step was written after it.
    """
    folders = {Path(config.work_dir).resolve()}
    hook = (config.get('default_hooks') or {}).get('checkpoint') or {}
    if isinstance(hook, dict) and hook.get('out_dir'):
        name = Path(config.work_dir.rstrip('/')).name
        folders.add(Path(hook['out_dir'], name).resolve())
    if named is not None:
        folders.add(named.parent)
    found = {
        path
        for folder in folders
        for path in folder.glob('*.pth')
        if path.is_file() and not path.name.startswith('best_')
    }
    newest_first = sorted(found, key=_age, reverse=True)
    if named is None:
        return newest_first
    later = [
        path
        for path in newest_first
        if _step(path) > _step(named) and _age(path) > _age(named)
    ]
    return list(dict.fromkeys([*later, named, *newest_first]))


def _age(path: Path) -> Tuple[int, int]:
    return path.stat().st_mtime_ns, _step(path)


def _step(path: Path) -> int:
    """Epoch or iteration in a checkpoint's name."""
    found = re.search(r'_(\d+)$', path.stem)
    return int(found[1]) if found else -1


def _read_resumable(path: str, trusted: bool) -> Any:
    """A checkpoint that a training wrote.

    Raises:
        ValueError: If it lacks what MMEngine needs to resume.
    """
    checkpoint = load_checkpoint_safely(path, trusted, _WAY)
    plain_state_dict(checkpoint, path)
    meta = checkpoint.get('meta') or {}
    lacks = [
        name
        for name, there in (
            ('meta.epoch', isinstance(meta.get('epoch'), int)),
            ('meta.iter', isinstance(meta.get('iter'), int)),
            ('message_hub', isinstance(checkpoint.get('message_hub'), dict)),
        )
        if not there
    ]
    if lacks:
        raise WrongValue(
            f'the checkpoint {path!r} has no {", ".join(lacks)}, so a '
            'training cannot go on from it; start from its weights with '
            '`load_from`'
        )
    return checkpoint
