"""The quick ways to the largest classes against ``torch.topk``."""

import pytest
import torch

from mmkd_logit.ops import cpu as cpu_kernel
from mmkd_logit.ops import top_classes as module
from mmkd_logit.ops.top_classes import top_classes


@pytest.fixture(params=['kernel', 'columns', 'rows', 'steps'])
def way(request, monkeypatch):
    """The quick ways for few values too, turned or not, in several steps."""
    if request.param != 'kernel':
        monkeypatch.setattr(cpu_kernel, 'library', lambda: None)
    monkeypatch.setattr(module, 'MIN_SIZE', 0)
    monkeypatch.setattr(module, 'MIN_CLASSES', 2)
    monkeypatch.setattr(module, 'MAX_K', 18)
    monkeypatch.setattr(module, 'NARROW', 0 if request.param == 'rows' else 32)
    if request.param == 'steps':
        monkeypatch.setattr(module, 'STEP', 7 * 19)


@pytest.mark.parametrize('largest', [True, False])
@pytest.mark.parametrize('by_class', [True, False])
@pytest.mark.parametrize('k', [1, 3, 18])
def test_equals_topk(way, k, by_class, largest):
    logits = torch.randn(19, 50).t() if by_class else torch.randn(50, 19)
    expected = logits.topk(k, dim=1, largest=largest)[1]
    assert torch.equal(top_classes(logits, k, largest), expected)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_ties_follow_topk(way, dtype):
    logits = torch.randint(4, (50, 19)).to(dtype)
    logits[:5] = torch.rand(19).to(dtype)
    expected = logits.float().topk(5, dim=1)[1]
    assert torch.equal(top_classes(logits, 5), expected)


def test_odd_rows_follow_topk(way):
    logits = torch.randn(6, 7)
    logits[0, 2] = torch.nan
    logits[1] = -torch.inf
    logits[2, 1:] = -torch.inf
    logits[3, 3] = torch.inf
    logits[4] = 0
    assert torch.equal(top_classes(logits, 3), logits.topk(3, dim=1)[1])


def test_many_rows_that_are_no_numbers_follow_topk(way):
    logits = torch.randn(64, 19)
    logits[::3, 5] = torch.nan
    logits[1::3, 7] = -torch.inf
    assert torch.equal(top_classes(logits, 3), logits.topk(3, dim=1)[1])


def test_many_classes_and_no_rows(way):
    logits = torch.randn(5, 1000)
    assert torch.equal(top_classes(logits, 4), logits.topk(4, dim=1)[1])
    assert top_classes(logits[:0, :9], 4).shape == (0, 4)


def test_a_zero_with_denormal_numbers_flushed(way):
    logits = -torch.rand(6, 7) - 1
    logits[:, 3] = 0
    torch.set_flush_denormal(True)
    try:
        top = top_classes(logits, 3)
    finally:
        torch.set_flush_denormal(False)
    assert torch.equal(top, logits.topk(3, dim=1)[1])
