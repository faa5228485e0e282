import math
import pickle

import numpy as np
import pytest
import torch

from mmkd_logit.losses.class_costs import (
    costs_of_classifier,
    read_costs,
    sharpen,
)

COST = [[0.0, 0.5], [0.25, 0.0]]


def test_costs_are_one_minus_the_cosine():
    # (1, 0), (3, 4), (-2, 0): cosines 3/5, -1, -3/5
    weight = torch.tensor([[1.0, 0.0], [3.0, 4.0], [-2.0, 0.0]])
    expected = [[0.0, 0.4, 2.0], [0.4, 0.0, 1.6], [2.0, 1.6, 0.0]]
    torch.testing.assert_close(
        costs_of_classifier(weight), torch.tensor(expected)
    )


def test_sharpening():
    costs = sharpen(torch.tensor([0.0, 0.5]), 2.0)
    torch.testing.assert_close(costs, torch.tensor([0.0, 1 - math.exp(-1.0)]))
    with pytest.raises(ValueError, match='kappa must be > 0, got 0'):
        sharpen(costs, 0)


@pytest.mark.parametrize('suffix', ['npy', 'pt', 'pth'])
def test_a_matrix_from_a_file(tmp_path, suffix):
    path = tmp_path / f'cost.{suffix}'
    if suffix == 'npy':
        np.save(path, np.array(COST))
    else:
        torch.save(torch.tensor(COST), path)
    costs = read_costs('WKDLoss', str(path))
    assert costs.tolist() == COST and costs.is_floating_point()
    torch.testing.assert_close(read_costs('WKDLoss', COST), costs.float())


def test_whole_numbers_become_floats():
    assert read_costs('WKDLoss', [[0, 1], [1, 0]]).dtype == torch.float32


class Dangerous:
    """Unpickled, it would call a function."""

    def __reduce__(self):
        return (exec, ('raise SystemExit',))


@pytest.mark.parametrize('suffix', ['npy', 'pt'])
def test_no_pickled_object_is_loaded(tmp_path, suffix):
    path = tmp_path / f'cost.{suffix}'
    if suffix == 'npy':
        np.save(path, np.array([Dangerous()], dtype=object))
    else:
        path.write_bytes(pickle.dumps(Dangerous()))
    with pytest.raises(ValueError, match='holds no plain matrix'):
        read_costs('WKDLoss', path)


@pytest.mark.parametrize(
    'cost, message',
    [
        ([[0.0, 1.0]], r'WKDLoss: .* shape \(C, C\), got \(1, 2\)'),
        ([0.0, 1.0], r'shape \(C, C\), got \(2,\)'),
        ([[0.0, float('nan')], [1.0, 0.0]], 'holds inf or NaN'),
        ('cost.csv', 'must be a .npy, .pt or .pth file, got cost.csv'),
        (dict(a=1), 'square matrix or a file with one, got dict'),
        ([[0.0, 1.0], [1.0]], 'square matrix or a file with one, got list'),
    ],
)
def test_what_is_no_matrix_of_costs(cost, message):
    with pytest.raises(ValueError, match=message):
        read_costs('WKDLoss', cost)


def test_a_file_that_is_missing_or_holds_more(tmp_path):
    with pytest.raises(FileNotFoundError, match='there is no cost matrix'):
        read_costs('WKDLoss', tmp_path / 'none.npy')
    torch.save(dict(cost=torch.tensor(COST)), tmp_path / 'dict.pt')
    with pytest.raises(ValueError, match='must hold one tensor, got dict'):
        read_costs('WKDLoss', tmp_path / 'dict.pt')
