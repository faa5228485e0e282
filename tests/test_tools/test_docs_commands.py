"""The page of command lines comes from the parsers of the tools."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools'))
import docs_commands  # noqa: E402


def test_every_tool_has_its_help_on_the_page():
    text = docs_commands.page()
    sources = [
        path
        for folder in ('tools', 'mmkd_logit', 'demo')
        for path in (ROOT / folder).rglob('*.py')
        if '.mim' not in path.parts
        and 'ArgumentParser(' in path.read_text()
        and path.name != 'two_models.py'  # arguments of two others
    ]
    assert len(sources) > 15
    headings = [line for line in text.splitlines() if line[:4] == '### ']
    python = [line for line in headings if not line.endswith('.sh')]
    scripts = list((ROOT / 'tools').glob('*.sh'))
    assert len(headings) - len(python) == len(scripts) > 5
    assert len(python) >= len(sources)
    for path in sources:
        name = path.relative_to(ROOT).as_posix()
        module = name[: -len('.py')].replace('/', '.')
        assert f'### {name}' in headings or (
            f'### {module.replace(".__main__", "")}' in headings
        ), name
    assert '  --teacher TEACHER ' in text and 'bash tools/dist_train' in text


def test_help_is_what_the_tool_prints():
    printed = subprocess.run(
        [sys.executable, ROOT / 'tools/check_metafiles.py', '--help'],
        capture_output=True,
        text=True,
        env=dict(COLUMNS='79', PYTHONPATH=str(ROOT)),
    ).stdout
    shown = docs_commands.help_of('tools/check_metafiles.py')
    assert shown.partition('options:')[2] == printed.partition('options:')[2]
    assert '--add' in printed


def test_a_file_without_a_command_line_is_refused(tmp_path):
    path = tmp_path / 'nothing.py'
    path.write_text('x = 1')
    with pytest.raises(LookupError, match='reads no command line'):
        docs_commands.parser_of(str(path))
