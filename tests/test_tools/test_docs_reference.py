"""The reference lists everything that a config or a script can name."""

import re
import sys
from pathlib import Path

import pytest

pytest.importorskip('griffe')

from mmkd_logit import heads, hooks, launch, losses

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools'))
import docs_reference  # noqa: E402


@pytest.fixture(scope='module')
def texts():
    return docs_reference.pages()


def test_every_registered_class_is_listed(texts):
    places = []
    for path in sorted((ROOT / 'mmkd_logit').rglob('*.py')):
        module = '.'.join(path.relative_to(ROOT).with_suffix('').parts)
        if '.mim' in path.parts:
            continue
        found = re.findall(
            r'^@\w+\.register_module\(.*?\)\s*(?:@.*\s*)*class (\w+)',
            path.read_text(),
            re.M,
        )
        places += [f'::: {module}.{name}\n' for name in found]
    assert len(places) > 40
    everything = '\n'.join(texts.values())
    assert [place for place in places if place not in everything] == []


def test_exported_losses_hooks_and_functions_are_listed(texts):
    for name in losses.__all__:
        assert f'.{name}\n' in texts['losses'], name
    for name in hooks.__all__:
        assert f'.{name}\n' in texts['hooks'], name
    for name in launch.__all__:
        assert f'.{name}\n' in texts['launch'], name
    for name in heads.__all__:
        if name.endswith(('Logits', 'Reader')):
            assert f'.{name}\n' in texts['readers'], name
    assert '.launch.start.distill\n' in texts['distiller']


def test_settings_of_a_loss_stand_below_its_class(texts):
    after = texts['losses'].partition('.DKDLoss\n')[2]
    assert after.index('| `beta` | 8.0 |') < after.index('.dkd_loss\n')
