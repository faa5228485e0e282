import pytest
import torch

from mmkd_logit.ops import row_chunks
from mmkd_logit.ops.row_chunks import by_chunks
from tests.test_ops.questions import opened
from tests.toys import seeded


def squares(seen):
    """Rows of sum (s - t)**2, and the sizes of the chunks."""

    def work(chunk, grad, dim):
        student, teacher = chunk
        seen.append(student.shape[1 - dim])
        if grad is not None:
            grad.copy_(2 * (student - teacher))
        return (student - teacher).square().sum(dim)

    return work


@pytest.mark.parametrize('by_class', [False, True])
def test_chunks_are_put_together(monkeypatch, by_class):
    monkeypatch.setattr(row_chunks, 'CHUNK', 11)  # two rows of five classes
    student, teacher = torch.randn(2, 7, 5, generator=seeded(0))
    if by_class:
        student = student.t().contiguous().t()
    seen = []
    rows, _, grad = opened(by_chunks(squares(seen), (student, teacher), True))
    assert seen == [2, 2, 2, 1]
    torch.testing.assert_close(rows, (student - teacher).square().sum(1))
    torch.testing.assert_close(grad, 2 * (student - teacher))
    assert by_chunks(squares([]), (student, teacher), False).pullback is None


def test_one_chunk_out_of_range_ends_the_work(monkeypatch):
    monkeypatch.setattr(row_chunks, 'CHUNK', 5)
    seen = []

    def work(chunk, grad, dim):
        seen.append(chunk[0][0, 0].item())
        return None if seen[-1] == 1 else chunk[0].sum(dim)

    rows = torch.arange(3.0)[:, None].expand(3, 5)
    assert by_chunks(work, (rows,), True) is None
    assert seen == [0, 1]


def test_no_rows():
    empty = torch.zeros(0, 5)
    assert by_chunks(squares([]), (empty, empty), True).value.shape == (0,)
