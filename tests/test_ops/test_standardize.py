"""The closed gradient; what standardized rows are is tested in losses."""

import gc
import weakref

import pytest
import torch

from mmkd_logit.ops.dispatch import run
from mmkd_logit.ops.standardize import (
    STANDARDIZE,
    StandardizeQuestion,
    standardize_plain,
)
from tests.toys import seeded


@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('unbiased', [False, True])
def test_closed_gradient_is_that_of_the_plain_form(masked, unbiased):
    logits = 3 * torch.randn(4, 6, generator=seeded(0)).double()
    if masked:
        logits[:2, 5] = -torch.inf
    slope = torch.randn(4, 6, generator=seeded(1)).double()
    slope[logits == -torch.inf] = 0
    found = []
    for form in (standardize_plain, lambda q: run(STANDARDIZE, q)):
        leaf = logits.clone().requires_grad_()
        scores, _ = form(StandardizeQuestion(leaf, 1e-7, unbiased, False))
        (scores.nan_to_num(neginf=0.0) * slope).sum().backward()
        found.append((scores.detach(), leaf.grad))
    torch.testing.assert_close(*found)


def test_scores_without_a_backward_pass_are_freed():
    logits = torch.randn(4, 6, generator=seeded(2)).requires_grad_()
    scores, _ = run(STANDARDIZE, StandardizeQuestion(logits, 1e-7, True, True))
    gone = weakref.ref(scores)
    gc.disable()
    try:
        del scores
        assert gone() is None
    finally:
        gc.enable()
