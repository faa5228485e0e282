"""The mean of several teachers, by hand and in its limits."""

import pytest
import torch

from mmkd_logit.distillers.teacher_mean import (
    TeacherMean,
    check_mean,
    mean_of_logits,
    mean_of_probabilities,
)
from mmkd_logit.losses import DKDLoss, KDLoss, TopKDLoss
from mmkd_logit.structures.logit_pair import LogitPair
from tests.toys import seeded


def test_mean_of_softmax_by_hand():
    # q = (6, 3, 1)/10 and (2, 3, 5)/10: mean (4, 3, 3)/10
    logits = [
        torch.tensor([row], dtype=torch.float64).log()
        for row in ([6.0, 3.0, 1.0], [2.0, 3.0, 5.0])
    ]
    mean = mean_of_probabilities(logits)
    expected = torch.tensor([[0.4, 0.3, 0.3]], dtype=torch.float64)
    torch.testing.assert_close(mean.softmax(1), expected, atol=1e-12, rtol=0)
    # the level of the row is the mean of the levels: both sums are 10
    torch.testing.assert_close(
        mean.exp().sum(1), torch.full((1,), 10.0, dtype=torch.float64)
    )


def test_mean_of_sigmoids_by_hand():
    # q = 1/4 and 3/4 (odds 1/3 and 3): mean 1/2, logit 0;
    # q = 1/2 and 9/10 (odds 1 and 9): mean 7/10, logit ln(7/3)
    odds = torch.tensor([[1 / 3, 1.0], [3.0, 9.0]], dtype=torch.float64)
    one, two = odds.log().unsqueeze(1)
    mean = mean_of_probabilities([one, two], use_sigmoid=True)
    expected = torch.tensor([[1.0, 7 / 3]], dtype=torch.float64).log()
    torch.testing.assert_close(mean, expected, atol=1e-12, rtol=0)


def test_mean_of_logits_by_hand():
    rows = [torch.tensor([[1.0, -2.0]]), torch.tensor([[3.0, 5.0]])]
    assert mean_of_logits(rows).tolist() == [[2.0, 1.5]]


@pytest.mark.parametrize('use_sigmoid', [False, True])
@pytest.mark.parametrize('mean', [mean_of_probabilities, mean_of_logits])
def test_equal_teachers_are_one(mean, use_sigmoid):
    logits = 5 * torch.randn(7, 6, dtype=torch.float64, generator=seeded(0))
    joined = mean([logits] * 3, use_sigmoid)
    torch.testing.assert_close(joined, logits, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize('use_sigmoid', [False, True])
def test_extreme_logits_stay_finite(use_sigmoid):
    big = torch.tensor([[1e4, -1e4, 0.0]])
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        rows = [big.to(dtype), big.flip(1).to(dtype)]
        mean = mean_of_probabilities(rows, use_sigmoid)
        assert mean.dtype == torch.float32 and mean.isfinite().all()
        torch.testing.assert_close(mean, mean.flip(1))


def pairs_of(*teachers, student=None, **kwargs):
    if student is None:
        student = torch.randn(5, 4, generator=seeded(3)).requires_grad_()
    labels = torch.tensor([0, 1, 2, 3, 0])
    return [
        {'': LogitPair(student, teacher, labels, **kwargs)}
        for teacher in teachers
    ]


@pytest.mark.parametrize(
    'loss', [KDLoss(tau=2.0), DKDLoss(tau=2.0), TopKDLoss()]
)
def test_loss_and_gradient_of_two_equal_teachers(loss):
    teacher = torch.randn(5, 4, generator=seeded(4))
    values, gradients = [], []
    for found in (pairs_of(teacher), pairs_of(teacher, teacher)):
        mean = TeacherMean('loss_kd', 'probabilities', False)
        pair = mean.join(found)[''] if len(found) > 1 else found[0]['']
        value = loss(*pair)
        values.append(value)
        gradients += torch.autograd.grad(value, pair.student_logits)
    torch.testing.assert_close(*values)
    torch.testing.assert_close(*gradients)


def test_weights_and_divisors_are_means():
    found = pairs_of(torch.zeros(5, 4), torch.ones(5, 4))
    weights = [torch.tensor([w, 1.0, 1.0, 2.0, 0.0]) for w in (1.0, 2.0)]
    found = [
        {'': pairs['']._replace(weight=weight, avg_factor=factor)}
        for pairs, weight, factor in zip(found, weights, (4.0, 6.0))
    ]
    pair = TeacherMean('loss_kd', 'logits', False).join(found)['']
    assert pair.weight.tolist() == [1.5, 1.0, 1.0, 2.0, 0.0]
    assert pair.avg_factor == 5.0
    assert pair.teacher_logits.eq(0.5).all()


def test_other_rows_are_refused():
    mean = TeacherMean('loss_kd', 'logits', False)
    (one,) = pairs_of(torch.zeros(5, 4))
    rows = one[''].student_logits
    fewer = {'': LogitPair(rows[:3], torch.zeros(3, 4), one[''].labels[:3])}
    with pytest.raises(RuntimeError, match='5 rows.*teacher 0 and 3 with'):
        mean.join([one, fewer])
    with pytest.raises(RuntimeError, match="other sets of rows, '' and 's0.'"):
        mean.join([one, {'s0.': one['']}])
    # a copy with the same values is the same rows ...
    copied = {'': one['']._replace(student_logits=rows.detach().clone())}
    assert len(mean.join([one, copied])[''].teacher_logits) == 5
    # ... in another order it is not
    other = {'': one['']._replace(student_logits=rows.flip(0).detach())}
    with pytest.raises(RuntimeError, match='which rows.*`teacher=0`'):
        mean.join([one, other])
    labels = {'': one['']._replace(labels=one[''].labels.flip(0) + 0)}
    with pytest.raises(RuntimeError, match='or their labels, depends'):
        TeacherMean('loss_kd', 'logits', False).join([one, labels])


def test_student_that_diverged_is_not_taken_for_other_rows():
    student = torch.full((5, 4), float('nan'))
    found = pairs_of(torch.zeros(5, 4), torch.ones(5, 4), student=student)
    found[1] = {'': found[1]['']._replace(student_logits=student.clone())}
    TeacherMean('loss_kd', 'logits', False).join(found)


def test_unknown_mean_is_refused():
    with pytest.raises(ValueError, match="'probabilities'.*got 'median'"):
        check_mean('median')
