"""One chunk of rows by hand; many at once are in test_chunked.py."""

import pytest
import torch

from mmkd_logit.ops.chunk import Chunk
from mmkd_logit.ops.group_kl import GroupQuestion


def run(student, teacher, top):
    question = GroupQuestion(student, teacher, 1.0, top)
    new = dict(dtype=torch.float32, device='cpu')
    chunk = Chunk(question, student, top, 1, len(student), False, new)
    parts, grad = torch.zeros(3, len(student), 1), torch.zeros_like(student)
    fits = chunk.run(student, teacher, top, parts, grad, 2.0, 9.0, 3.0)
    return fits, parts.flatten().tolist(), grad[0].tolist()


def test_parts_and_gradient_by_hand():
    # q = (4, 3, 1)/8 against a uniform student; class 0 is the top group
    # masses ln(9/8)/2 = 0.058892, inside 3/4 ln 3/2 + 1/4 ln 1/2 = 0.130812
    teacher = torch.tensor([[4.0, 3.0, 1.0]]).log()
    fits, parts, grad = run(torch.zeros(1, 3), teacher, torch.tensor([[0]]))
    assert fits
    assert parts == pytest.approx([0.058892, 0.0, 0.130812], abs=1e-6)
    # target: w_high (1/3 - 1/2); each other half of the opposite, and
    # w_rest (p - q)
    gap = 2 * (1 / 3 - 1 / 2)
    others = [-gap / 2 + 3 * (1 / 2 - q) for q in (3 / 4, 1 / 4)]
    assert grad == pytest.approx([gap, *others], abs=1e-6)


@pytest.mark.parametrize('value', [1e4, -torch.inf, torch.nan])
def test_rows_out_of_range_are_refused(value):
    student = torch.tensor([[value, 0.0, 0.0]])
    assert not run(student, torch.zeros(1, 3), torch.tensor([[0]]))[0]
