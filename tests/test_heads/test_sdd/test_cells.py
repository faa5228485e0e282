"""Cells of a map as rows; the windows of segmentors have their own file."""

import pytest
import torch

from mmkd_logit.heads.sdd.cells import pool_cells, scale_decoupled_rows

# The teacher's class in the global cell and in three others, two images.
SEEN = torch.tensor([[0, 0, 1, 2], [1, 0, 2, 1]])
CELLS = torch.nn.functional.one_hot(SEEN, 3).transpose(1, 2).float()


@pytest.mark.parametrize(
    'reference, expected',
    [
        # image 0, label 0: right globally, so the wrong cells 2 and 3 count
        # double; image 1, label 0: wrong globally, so the right cell 1 does
        ('label', [1.0, 1, 3, 3, 1, 3, 1, 1]),
        # whatever differs from the global class
        ('teacher', [1.0, 1, 3, 3, 1, 3, 3, 1]),
    ],
)
def test_complementary_cells(reference, expected):
    labels = torch.tensor([0, 0])
    pair = scale_decoupled_rows(CELLS, CELLS, labels, 3.0, reference)
    assert pair.weight.tolist() == expected
    assert pair.labels.tolist() == [0] * 8
    assert torch.equal(pair.student_logits[6], CELLS[1, :, 2])


def test_complementary_cells_alone():
    labels = torch.tensor([0, 0])
    pair = scale_decoupled_rows(
        CELLS, CELLS, labels, 3.0, consistent_weight=0.0
    )
    # the global cell of each image stays
    assert pair.weight.tolist() == [1.0, 0, 3, 3, 1, 3, 0, 0]
    pair = scale_decoupled_rows(CELLS, CELLS, labels, 0.0)
    assert pair.weight.tolist() == [1.0, 1, 0, 0, 1, 0, 1, 1]


def test_soft_labels_stand_for_their_largest_class():
    soft = torch.tensor([[0.6, 0.4, 0.0], [0.1, 0.2, 0.7]])
    pair = scale_decoupled_rows(CELLS, CELLS, soft)
    assert pair.labels.tolist() == [0] * 4 + [2] * 4


def test_input_that_does_not_fit():
    with pytest.raises(ValueError, match=r'shape \(2,\), got \(8,\)'):
        scale_decoupled_rows(CELLS, CELLS, torch.zeros(8).long())
    with pytest.raises(ValueError, match="reference='label' needs labels"):
        scale_decoupled_rows(CELLS, CELLS, None)
    with pytest.raises(ValueError, match=r'\(2, 3, 4\) .* \(2, 2, 4\)'):
        scale_decoupled_rows(CELLS, CELLS[:, :2], torch.tensor([0, 0]))
    with pytest.raises(
        ValueError, match=r'\(B, C_in, H, W\), got \(3, 7, 7\)'
    ):
        pool_cells(torch.zeros(3, 7, 7))


def test_no_images():
    pair = scale_decoupled_rows(CELLS[:0], CELLS[:0], torch.zeros(0).long())
    assert pair.student_logits.shape == (0, 3) and pair.weight.shape == (0,)
