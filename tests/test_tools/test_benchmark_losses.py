"""The textbook forms and the library give the same for ordinary logits."""

import sys
from pathlib import Path

import pytest
import torch

from tests.toys import seeded

TOOLS = Path(__file__).resolve().parents[2] / 'tools' / 'analysis_tools'
sys.path.insert(0, str(TOOLS))
from benchmark_losses import OURS, settings_of  # noqa: E402
from textbook_losses import TEXTBOOK  # noqa: E402


@pytest.mark.parametrize('name', OURS)
def test_both_forms_agree(name):
    student, teacher = 2 * torch.randn(
        2, 40, 12, generator=seeded(0), dtype=torch.float64
    )
    labels = torch.randint(12, (40,), generator=seeded(1))
    ours = OURS[name](4.0, 12)
    found = []
    for form in (ours, TEXTBOOK[name]):
        settings = {} if form is ours else settings_of(ours, name)
        leaf = student.clone().requires_grad_()
        loss = form(leaf, teacher, labels, **settings)
        loss.backward()
        found.append((loss.detach(), leaf.grad))
    torch.testing.assert_close(*found, rtol=1e-6, atol=1e-9)
