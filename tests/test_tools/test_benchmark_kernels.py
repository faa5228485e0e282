"""The forms that are compared compute the same."""

import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from tests.toys import seeded

TOOLS = Path(__file__).resolve().parents[2] / 'tools' / 'analysis_tools'
sys.path.insert(0, str(TOOLS))
import benchmark_kernels as tool  # noqa: E402


class KL(torch.nn.KLDivLoss):
    """The signature and the result of liger-kernel's KL, version 0.8."""


class JSD(torch.nn.Module):
    """Those of its JSD: the mean over rows, student first."""

    def __init__(self, beta=0.5, ignore_index=-100):
        super().__init__()
        self.beta = beta

    def forward(self, log_q, log_p, shift_labels=None):
        beta = self.beta
        mean = (beta * log_p.exp() + (1 - beta) * log_q.exp()).log()
        kl = partial(F.kl_div, reduction='batchmean', log_target=True)
        return beta * kl(mean, log_p) + (1 - beta) * kl(mean, log_q)


LIGER = SimpleNamespace(LigerKLDIVLoss=KL, LigerJSD=JSD)


def test_all_forms_of_a_loss_give_one_value_and_gradient():
    student, teacher = 2 * torch.randn(
        2, 20, 7, generator=seeded(0), dtype=torch.float64
    )
    kinds = tool.forms(4.0, LIGER, compiled=False)
    found = {}
    for name, form in kinds.items():
        rows = (student, teacher)
        if name.endswith('alone'):
            rows = (F.log_softmax(x / 4.0, 1) for x in rows)
        leaf, other = (x.clone() for x in rows)
        loss = form(leaf.requires_grad_(), other, torch.zeros(20))
        loss.backward()
        found[name] = loss.detach(), leaf.grad
    for loss in ('KD', 'JSD'):
        for name in found:
            if name.startswith(f'{loss} ') and not name.endswith('alone'):
                torch.testing.assert_close(
                    found[name], found[f'{loss} textbook'], msg=name
                )
        # log-probabilities at tau are what is left of the logits
        value = found[f'{loss} textbook'][0] / 4.0**2
        torch.testing.assert_close(found[f'{loss} liger alone'][0], value)


def test_bytes_per_second_by_hand(monkeypatch):
    monkeypatch.setattr(
        tool, 'medians', lambda jobs, *_: dict.fromkeys(jobs, 0.001)
    )
    args = SimpleNamespace(
        device='cpu', dtype='float32', rounds=1, tau=1.0, now=None
    )
    kinds = tool.forms(1.0, LIGER, compiled=False)
    found = tool.measure('100x10', kinds, args)
    # 4000 bytes each in a microsecond: two for a copy, three for a loss
    assert found['copy'] == pytest.approx(8.0)
    assert found['KD ours'] == found['KD liger alone'] == pytest.approx(12.0)


def test_liger_is_left_out_with_a_sentence(monkeypatch):
    assert tool.find_liger('cpu') == (
        None,
        'liger-kernel is left out: it needs a GPU',
    )
    monkeypatch.setitem(sys.modules, 'liger_kernel', None)
    assert tool.find_liger('cuda')[1].startswith('liger-kernel is left out: ')


def test_the_table_without_a_gpu():
    done = subprocess.run(
        [sys.executable, str(TOOLS / 'benchmark_kernels.py'), '--no-compile']
        + '--shapes 64x9 --rounds 2 --threads 1 --cpu-time'.split(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert 'it needs a GPU' in done.stdout
    heads, _, row = (
        line.split('|')[1:-1]
        for line in done.stdout.splitlines()
        if line.startswith('|')
    )
    assert len(heads) == len(row) == 5
    assert all(float(cell) > 0 for cell in row[1:])
