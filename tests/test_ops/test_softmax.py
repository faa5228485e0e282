import pytest
import torch

from mmkd_logit.ops.softmax import (
    log_probabilities,
    may_read,
    probabilities,
    surely_finite,
)
from tests.toys import seeded


@pytest.mark.parametrize('dim', [0, 1])
def test_ordinary_rows_are_those_of_torch(dim):
    logits = torch.randn(4, 3, generator=seeded(0))
    expected = (logits / 2).softmax(dim)
    torch.testing.assert_close(probabilities(logits, 2.0, dim), expected)
    torch.testing.assert_close(
        log_probabilities(logits, 2.0, dim), expected.log()
    )


def test_rows_with_masked_classes():
    away = -torch.inf
    logits = torch.tensor([[0.0, 0.0, away], [away, away, away]])
    prob = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(probabilities(logits, 1.0), prob)
    torch.testing.assert_close(log_probabilities(logits, 1.0), prob.log())


def test_no_classes_give_no_probabilities():
    logits = torch.zeros(2, 0)
    assert probabilities(logits, 1.0).shape == (2, 0)
    assert log_probabilities(logits, 1.0).shape == (2, 0)


def test_values_are_read_on_the_cpu_only():
    assert may_read(torch.zeros(1)) and surely_finite(torch.zeros(1))
    assert not surely_finite(torch.tensor([0.0, torch.nan]))
    elsewhere = torch.zeros(1, device='meta')
    assert not may_read(elsewhere) and not surely_finite(elsewhere)
