"""The published settings of a method for one kind of rows.

They stand in ``configs/_base_/recipes/<method>_<rows>.py`` and nowhere else;
the comment at the head of a file names their source. Where a family of heads
has both kinds of classes and a method needs another loss for those of a
softmax, ``<method>_<rows>_softmax.py`` has it.
"""

from pathlib import Path
from typing import List, NamedTuple

from mmengine.config import Config, ConfigDict

from ..heads.base import LogitReader
from ..messages import WrongValue, did_you_mean

_PACKAGE = Path(__file__).parents[1]
_RECIPES = Path('configs', '_base_', 'recipes')
#: Installed with the package, a link to the repository's own folder, or that
#: folder itself in a checkout that was not installed.
FOLDER = next(
    (
        root / _RECIPES
        for root in (_PACKAGE / '.mim', _PACKAGE.parent)
        if (root / _RECIPES).is_dir()
    ),
    _PACKAGE / '.mim' / _RECIPES,
)


class Recipe(NamedTuple):
    """What a method adds to a student's config.

    Attributes:
        method (str): Such as ``'dkd'``.
        path (Path): Its file.
        source (str): Where its numbers are from.
        changes (ConfigDict): ``model``, with ``distill`` in it, and other
            top-level entries such as ``custom_hooks``.
    """

    method: str
    path: Path
    source: str
    changes: ConfigDict


def find_recipe(method: str, reader: LogitReader, use_sigmoid: bool) -> Recipe:
    """The recipe of a method for the rows of a reader.

    Args:
        method (str): Such as ``'dkd'``.
        reader (LogitReader): Of the student's head.
        use_sigmoid (bool): Whether that head's classes are independent.

    Raises:
        ValueError: If the method is unknown, or has none for these rows.
    """
    path = FOLDER / f'{method}_{reader.recipes}.py'
    softmax = path.with_stem(f'{path.stem}_softmax')
    if not use_sigmoid and softmax.is_file():
        path = softmax
    if not path.is_file():
        known = methods(reader.recipes)
        raise WrongValue(
            f'there is no recipe of the method {method!r} for '
            f'{type(reader).__name__}; '
            + (did_you_mean(method, known) or f'known: {", ".join(known)}')
        )
    return Recipe(
        method, path, comment_of(path), Config.fromfile(str(path)).recipe
    )


def methods(rows: str) -> List[str]:
    """Methods that have a recipe for a kind of rows."""
    ending = f'_{rows}'
    return sorted(
        path.stem[: -len(ending)]
        for path in FOLDER.glob(f'*{ending}.py')
        if '_' not in path.stem[: -len(ending)]
        or path.stem.split('_')[0] in ('sd', 'ls')
    )


def comment_of(path: Path) -> str:
    """The comment at the head of a file, as one line."""
    lines = []
    for line in path.read_text(encoding='utf-8').splitlines():
        if not line.startswith('#'):
            break
        lines.append(line.lstrip('# '))
    return ' '.join(lines)
