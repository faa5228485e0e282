"""What every loss refuses, with a sentence that names the remedy."""

import pytest
import torch

from mmkd_logit.heads.base import HeadFacts
from mmkd_logit.losses import (
    DKDLoss,
    GDKD3Loss,
    GDKDLoss,
    KDLoss,
    LDRLDLoss,
    NKDLoss,
    TopKDLoss,
    reduce_rows,
)

LOSSES = [KDLoss, DKDLoss, NKDLoss, GDKDLoss, GDKD3Loss, LDRLDLoss, TopKDLoss]


@pytest.mark.parametrize('cls', LOSSES)
@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(tau=0.0), 'tau must be > 0, got 0.0'),
        (dict(loss_weight=-1.0), 'loss_weight must be >= 0, got -1.0'),
        (
            dict(reduction='batchmean'),
            "'none', 'mean' or 'sum', got 'batchmean'",
        ),
    ],
)
def test_settings_that_make_no_sense(cls, settings, message):
    with pytest.raises(ValueError, match=message):
        cls(**settings)


@pytest.mark.parametrize(
    'cls, letter',
    [
        (DKDLoss, 'alpha'),
        (DKDLoss, 'beta'),
        (NKDLoss, 'gamma'),
        (GDKDLoss, 'w0'),
        (GDKDLoss, 'w2'),
        (GDKD3Loss, 'w1'),
        (LDRLDLoss, 'alpha'),
    ],
)
def test_negative_weights_of_parts(cls, letter):
    with pytest.raises(ValueError, match=f'{letter} must be >= 0, got -2.0'):
        cls(**{letter: -2.0})


@pytest.mark.parametrize('cls', LOSSES)
def test_no_rows_give_0_and_a_gradient(cls):
    student = torch.zeros(0, 12, requires_grad=True)
    loss = cls()(student, torch.zeros(0, 12), torch.zeros(0).long())
    loss.backward()
    assert loss.item() == 0 and student.grad is not None


@pytest.mark.parametrize('cls', LOSSES)
def test_shapes_and_types(cls):
    labels = torch.tensor([0, 1])
    with pytest.raises(ValueError, match=r'\(2, 12\).*\(2, 13\)'):
        cls()(torch.zeros(2, 12), torch.zeros(2, 13), labels)
    with pytest.raises(TypeError, match='floating point, got torch.int64'):
        cls()(torch.zeros(2, 12).long(), torch.zeros(2, 12).long(), labels)


@pytest.mark.parametrize('cls', [DKDLoss, NKDLoss])
def test_labels(cls):
    logits = torch.zeros(2, 12)
    with pytest.raises(ValueError, match='needs labels'):
        cls()(logits, logits)
    with pytest.raises(ValueError, match=r'in \[0, 11\], got .* 0 to 12'):
        cls()(logits, logits, torch.tensor([0, 12]))


@pytest.mark.parametrize(
    'cls, few',
    [
        (KDLoss, 1),
        (DKDLoss, 2),
        (NKDLoss, 2),
        (GDKDLoss, 5),
        (GDKD3Loss, 4),
        (LDRLDLoss, 7),
    ],
)
def test_too_few_classes_are_refused_at_build_time(cls, few):
    cls().check(HeadFacts(few + 1, few + 1))
    with pytest.raises(ValueError):
        cls().check(HeadFacts(few, few))


def test_softmax_and_sigmoid_are_not_mixed():
    with pytest.raises(ValueError, match='add use_sigmoid=True'):
        DKDLoss().check(HeadFacts(80, 80, use_sigmoid=True))
    with pytest.raises(ValueError, match='remove use_sigmoid'):
        DKDLoss(use_sigmoid=True).check(HeadFacts(80, 81))
    DKDLoss(use_sigmoid=True).check(HeadFacts(1, 1, use_sigmoid=True))


def test_mean_is_per_row_and_weighted():
    rows, weight = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([1.0, 0.0, 2.0])
    assert reduce_rows(rows) == 7 / 3
    assert reduce_rows(rows, weight) == 3.0  # (1 + 8) / 3 rows
    assert reduce_rows(rows, weight, avg_factor=2.0) == 4.5
    assert reduce_rows(rows, weight, 'sum') == 9
    assert reduce_rows(rows, weight, 'none').tolist() == [1.0, 0.0, 8.0]
