"""What options of the teacher gain and change."""

import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip('mmpretrain')

TOOLS = Path(__file__).parents[2] / 'tools/analysis_tools'


@pytest.fixture(scope='module')
def tool():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TOOLS))
        import benchmark_teacher

        yield benchmark_teacher


def test_sets_of_options(tool):
    assert tool.settings_of('plain') == {}
    both = dict(dtype='bfloat16', channels_last=True)
    assert tool.settings_of('bfloat16+channels_last') == both
    with pytest.raises(ValueError, match="'fast' is none of plain, bfloat16"):
        tool.settings_of('fast')


def test_agreement_by_hand(tool):
    class Rows:
        names = 'one'

        def __init__(self, *rows):
            self.rows = [torch.tensor(one) for one in rows]

    first = Rows([[1.0, 3.0], [2.0, 0.0]], [[0.0, 4.0]])
    other = Rows([[1.5, 3.0], [2.0, 2.25]], [[0.0, 4.0]])
    found = tool.agreement(other, first)
    assert found['top1'] == pytest.approx(2 / 3)
    assert found['largest'] == 2.25
    assert found['deviation'] == 1.5  # of rows: (1, 1) and (2)


def test_a_line_for_each_set(tool, monkeypatch, capsys):
    words = (
        'benchmark configs/kd/cifar_resnet20_resnet8_cifar10-subset.py '
        '--image-size 16 --batch-size 4 --rounds 2 --warmup 1 --device cpu '
        '--options plain bfloat16+channels_last'
    )
    monkeypatch.setattr(sys, 'argv', words.split())
    tool.main()
    text = capsys.readouterr().out
    assert '4 random images of 16 x 16' in text
    plain, both = (line.split() for line in text.splitlines()[-2:])
    assert plain[0] == 'plain' and plain[2:5] == ['1.00', '100.00%', '0']
    assert both[0] == 'bfloat16+channels_last'
    assert float(both[1]) > 0 and float(both[4]) > 0
