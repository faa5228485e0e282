"""What holds for every file under ``configs/``."""

from pathlib import Path

import pytest

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
FILES = sorted(CONFIGS.rglob('*.py'))


@pytest.mark.parametrize(
    'path', FILES, ids=[str(f.relative_to(CONFIGS)) for f in FILES]
)
def test_config_is_short_and_inherits(path):
    lines = path.read_text().splitlines()
    assert len(lines) <= 25
    assert all(len(line) <= 79 for line in lines)
    if path.parent.name not in ('_base_', 'demo', 'methods'):
        assert any(line.startswith('_base_ =') for line in lines)
        assert lines[0].startswith('#'), 'the first line says what it is'


def test_method_configs_do_not_restate_a_student():
    methods = [
        f for f in FILES if f.parent.name not in ('_base_', 'baseline', 'demo')
    ]
    assert methods
    for path in methods:
        assert 'backbone=' not in path.read_text(), path
