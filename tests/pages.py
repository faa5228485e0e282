"""What the pages show to be copied: commands, and blocks of code."""

import re
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import List, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / 'README.md',
    ROOT / 'CONTRIBUTING.md',
    *sorted((ROOT / 'demo').glob('*.md')),
    *sorted((ROOT / 'docs').rglob('*.md')),
    *sorted((ROOT / 'configs').rglob('*.md')),
    *sorted((ROOT / 'tools').rglob('*.md')),
]
#: Kinds of blocks; nothing in the last four is meant to be run.
KINDS = ('bash', 'python', 'yaml', 'text', 'bibtex', 'xml')
#: Gives each command as the shell would call it, one word a line.
RECORDER = r"""
command_not_found_handle() { printf '%s\n' "$@" ''; }
for name in source cd export; do
    eval "$name() { printf '%s\n' $name \"\$@\" ''; }"
done
PATH=/nowhere
"""


class Block(NamedTuple):
    """A fenced block of a page."""

    page: str
    kind: str
    text: str


class Command(NamedTuple):
    """A command of a page, as the shell calls it."""

    page: str
    words: tuple


@lru_cache(maxsize=None)
def blocks() -> List[Block]:
    """Every fenced block of every page."""
    found = []
    for path in PAGES:
        page = path.relative_to(ROOT).as_posix()
        fences = re.findall(
            r'^ *```([^\n]*)\n(.*?)^ *```$',
            path.read_text(encoding='utf-8'),
            re.M | re.S,
        )
        found += [Block(page, *fence) for fence in fences]
    return found


@lru_cache(maxsize=None)
def commands() -> List[Command]:
    """Every command of every block, each of them once a page."""
    found = {}
    for block in blocks():
        if block.kind == 'bash':
            for words in shell_words(block.text):
                found[Command(block.page, words)] = None
    return list(found)


def shell_words(text: str) -> List[tuple]:
    """Commands of a script with variables, braces and loops filled in.

    Raises:
        ValueError: If it is no script, or does something of its own.
    """
    done = subprocess.run(
        ['/bin/bash', '--norc', '-c', RECORDER + text],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={},
    )
    if done.returncode or done.stderr:
        raise ValueError(f'{text}\n{done.stderr}')
    return [
        tuple(command.split('\n'))
        for command in done.stdout.split('\n\n')
        if command.strip()
    ]
