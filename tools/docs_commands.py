"""The command lines of the tools, as their own parsers describe them."""

import argparse
import os
import runpy
import sys
import warnings
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Dict, Iterator, List

ROOT = Path(__file__).resolve().parents[1]
#: Folders of the tools, in the order of the page.
_TITLES = {
    '': 'Training, testing, results',
    'modules': 'Modules',
    'model_converters': 'Checkpoints',
    'dataset_converters': 'Data sets',
    'analysis_tools': 'Analysis',
    'upkeep': 'For those who change this repository',
}


class _Parsing(BaseException):
    """Stops a tool where it reads its command line."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__(parser)
        self.parser = parser


def tools() -> List[str]:
    """Tools with a parser: paths below the repository, and modules."""
    found = []
    for folder in ('tools', 'mmkd_logit', 'demo'):
        for path in sorted((ROOT / folder).rglob('*.py')):
            inside = path.relative_to(ROOT)
            if '.mim' in inside.parts or path.name.startswith('docs_'):
                continue
            if '.parse_args()' in path.read_text(encoding='utf-8'):
                found.append(_name_of(inside))
    return found


def _name_of(path: Path) -> str:
    """As a command names it: a file of tools/, or a module."""
    if path.parts[0] == 'tools':
        return path.as_posix()
    parts = path.with_suffix('').parts
    return '.'.join(part for part in parts if part != '__main__')


@lru_cache(maxsize=None)
def parser_of(tool: str) -> argparse.ArgumentParser:
    """The parser of a tool; nothing of the tool runs behind it.

    Args:
        tool (str): Path below the repository, or name of a module.

    Raises:
        LookupError: If the tool reads no command line.
    """
    folder = (ROOT / tool).parent
    with _stopped_at_parsing(folder), warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)  # imported before
        try:
            if tool.endswith('.py'):
                runpy.run_path(str(ROOT / tool), run_name='__main__')
            else:
                runpy.run_module(tool, run_name='__main__')
        except _Parsing as stop:
            return stop.parser
    raise LookupError(f'{tool} reads no command line')


@contextmanager
def _stopped_at_parsing(folder: Path) -> Iterator[None]:
    def stop(parser: argparse.ArgumentParser, *_, **__) -> None:
        raise _Parsing(parser)

    whole, path = argparse.ArgumentParser.parse_args, sys.path[:]
    argparse.ArgumentParser.parse_args = stop
    sys.path[:0] = [str(folder), str(ROOT)]
    try:
        yield
    finally:
        argparse.ArgumentParser.parse_args = whole
        sys.path[:] = path


def help_of(tool: str) -> str:
    """What ``--help`` prints, 79 columns wide."""
    parser = parser_of(tool)
    parser.prog = tool if tool.endswith('.py') else f'python -m {tool}'
    columns = os.environ.get('COLUMNS')
    os.environ['COLUMNS'] = '79'
    try:
        return parser.format_help()
    finally:
        os.environ.pop('COLUMNS')
        if columns is not None:
            os.environ['COLUMNS'] = columns


def _group_of(tool: str) -> str:
    if not tool.endswith('.py'):
        return 'modules'
    if Path(tool).name.startswith(('make_', 'check_')):
        return 'upkeep'
    folder = Path(tool).parent.name
    return '' if folder == 'tools' else folder


def page() -> str:
    """Every command line, grouped by folder."""
    groups: Dict[str, List[str]] = {folder: [] for folder in _TITLES}
    for tool in tools():
        groups[_group_of(tool)].append(tool)
    parts = ['# Command lines\n\nWhat `--help` prints.']
    for folder, names in groups.items():
        parts.append(f'## {_TITLES[folder]}')
        parts += [f'### {n}\n\n```text\n{help_of(n)}```' for n in names]
    parts.append('## Shell scripts')
    for path in sorted((ROOT / 'tools').glob('*.sh')):
        lines = path.read_text(encoding='utf-8').splitlines()[1:]
        end = next(i for i, one in enumerate(lines) if one[:1] != '#')
        text = '\n'.join(line[2:] for line in lines[:end])
        parts.append(f'### tools/{path.name}\n\n```text\n{text}\n```')
    return '\n\n'.join(parts) + '\n'
