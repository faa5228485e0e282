import pytest
import torch

from mmkd_logit.losses import reduce_rows


def test_mean_is_per_row_and_weighted():
    rows, weight = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([1.0, 0.0, 2.0])
    assert reduce_rows(rows) == 7 / 3
    assert reduce_rows(rows, weight) == 3.0  # (1 + 8) / 3 rows
    assert reduce_rows(rows, weight, avg_factor=2.0) == 4.5
    assert reduce_rows(rows, weight, 'sum') == 9
    assert reduce_rows(rows, weight, 'none').tolist() == [1.0, 0.0, 8.0]


def test_avg_factor_of_one_element_gives_a_scalar():
    rows = torch.tensor([1.0, 2.0])
    loss = reduce_rows(rows, avg_factor=torch.tensor([3]))
    assert loss.shape == () and loss == 1


def test_no_rows_give_0_and_a_gradient():
    rows = torch.zeros(0, requires_grad=True)
    for options in ({}, dict(reduction='sum'), dict(avg_factor=0.0)):
        loss = reduce_rows(rows, **options)
        loss.backward()
        assert loss == 0


def test_a_divisor_of_a_sum_is_refused():
    with pytest.raises(ValueError, match="divisor of reduction='mean'"):
        reduce_rows(torch.ones(2), reduction='sum', avg_factor=2.0)
