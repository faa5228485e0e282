"""Files of a run for users who have only the stock toolbox."""

from pathlib import Path
from typing import List, Optional

from mmengine.config import Config
from mmengine.device import get_device

from ..checkpoints.export import student_config
from ..checkpoints.files import written_whole
from ..registry import is_distiller

#: The student alone, every inherited setting written out.
STUDENT_FILE = 'student.py'

_STOCK = {
    'mmdet': 'from mmdet.apis import init_detector; '
    'model = init_detector({config!r}, {checkpoint!r}, device={device!r})',
    'mmseg': 'from mmseg.apis import init_model; '
    'model = init_model({config!r}, {checkpoint!r}, device={device!r})',
    'mmpretrain': 'from mmpretrain import get_model; '
    'model = get_model({config!r}, pretrained={checkpoint!r})',
}


def write_student_config(config: Config) -> Optional[str]:
    """Write the config of the student alone into the work dir.

    It names no file that it inherits and nothing of the distillation, so the
    toolbox reads it where this package is not installed.

    Args:
        config (Config): Of the run.

    Returns:
        str, optional: The file; None if the config holds what cannot be
        written down, such as a function.
    """
    text = student_config(config.pretty_text)
    if text is None:
        return None
    path = Path(config.work_dir, STUDENT_FILE)
    with written_whole(str(path)) as file:
        file.write(text.encode())
    return str(path)


def closing_lines(config: Config, student_file: Optional[str]) -> List[str]:
    """What a run wrote, and the line of stock code that loads it.

    Args:
        config (Config): Of the run.
        student_file (str, optional): Of :func:`write_student_config`.
    """
    folder = Path(config.work_dir)
    note = folder / 'last_checkpoint'
    if not note.is_file():
        return []
    last = note.read_text().strip()
    best = sorted(map(str, folder.glob('best_*.pth')))
    lines = [f'checkpoint: {last}']
    if best:
        lines.append(f'best checkpoint: {", ".join(best)}')
    if student_file is None:
        return lines
    alone = ' (the student alone)' if is_distiller(config.model) else ''
    lines.append(f'config to use with it: {student_file}{alone}')
    stock = _STOCK.get(config.get('default_scope') or '')
    if stock:
        code = stock.format(
            config=student_file,
            checkpoint=best[0] if best else last,
            device=get_device(),
        )
        needs = 'mmkd_logit.' in Path(student_file).read_text()
        where = (
            'this package installed, for its networks'
            if needs
            else 'the toolbox alone'
        )
        lines.append(f'with {where}: {code}')
    return lines
