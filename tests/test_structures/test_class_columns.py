"""Columns of the teacher in the student's order."""

import doctest

import pytest
import torch

from mmkd_logit.structures import class_columns
from mmkd_logit.structures.class_columns import ClassColumns


def test_examples_of_the_docstrings_run():
    result = doctest.testmod(class_columns, extraglobs=dict(torch=torch))
    assert result.attempted > 0 and not result.failed


@pytest.mark.parametrize('dim', [1, 2, -1])
def test_classes_may_lie_in_any_dimension(dim):
    logits = torch.arange(4.0).expand(2, 2, 4).transpose(-1, dim)
    picked = ClassColumns([2, 2, 0], 3).pick(logits, dim)
    assert picked.transpose(-1, dim)[0, 0].tolist() == [2, 2, 0, 3]
