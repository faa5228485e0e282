"""One sentence for each mistake; the losses' own tests see them in use."""

import pytest
import torch

from mmkd_logit.losses.checks import (
    check_choice,
    check_floating,
    check_labels,
    check_size,
    check_weights,
)


def test_words_are_listed():
    check_choice('abc', 'how', 'one', ('one', 'two', 'three'))
    with pytest.raises(
        ValueError,
        match="abc: how must be 'one', 'two' or 'three', got 'four'",
    ):
        check_choice('abc', 'how', 'four', ('one', 'two', 'three'))


@pytest.mark.parametrize('value', [1, 5, 2.0])
def test_sizes_are_whole_numbers_in_a_range(value):
    with pytest.raises(ValueError, match=rf'k .* in \[2, 4\], got {value}'):
        check_size('abc', 'k', value, 2, 4)


@pytest.mark.parametrize('value', [-1.0, float('inf'), float('nan')])
def test_weights_are_finite_and_not_negative(value):
    check_weights('abc', alpha=0, beta=2.0)
    with pytest.raises(ValueError, match=f'abc: beta .* >= 0, got {value}'):
        check_weights('abc', alpha=1.0, beta=value)


def test_labels_may_mean_no_class_where_that_is_allowed():
    labels, shape = torch.tensor([0, 3]), torch.Size([2, 3])
    check_labels('abc', labels, shape, may_be_none=True)
    with pytest.raises(ValueError, match=r'in \[0, 2\], got .* from 0 to 3'):
        check_labels('abc', labels, shape)
    with pytest.raises(TypeError, match='class indices .*, got torch.bool'):
        check_labels('abc', labels > 0, shape)


def test_raw_scores_are_floating_point():
    with pytest.raises(TypeError, match='abc: .* got torch.int64'):
        check_floating('abc', torch.zeros(1), torch.zeros(1).long())
