import pytest
import torch

from mmkd_logit.losses import DISTLoss, dist_loss
from mmkd_logit.ops.correlation import CorrelationQuestion, correlation_plain
from tests.toys import seeded

TEACHER = torch.tensor([[4.0, 3.0, 1.0], [2.0, 2.0, 4.0]]).log()
STUDENT = torch.tensor([[3.0, 4.0, 1.0], [4.0, 2.0, 2.0]]).log()


def random(seed, rows=7, classes=5):
    return 3 * torch.randn(
        2, rows, classes, generator=seeded(seed), dtype=torch.float64
    )


def both_forms(student, teacher, weight=None, **settings):
    """Value and gradient, closed and by autograd."""
    settings = dict(dict(tau=2.0, beta=1.5, gamma=0.7), **settings)
    closed, plain = (student.clone().requires_grad_() for _ in range(2))
    loss = dist_loss(closed, teacher, weight=weight, **settings)
    loss.backward()
    question = CorrelationQuestion(plain, teacher, weight=weight, **settings)
    expected = correlation_plain(question)[0][0]
    expected.backward()
    return (loss.detach(), closed.grad), (expected.detach(), plain.grad)


def test_dist_loss_matches_hand_computed_value():
    # rows over 8, times 3, less their mean: student (1, 4, -5)/24 and
    # (4, -2, -2)/24, teacher (4, 1, -5)/24 and (-2, -2, 4)/24
    # correlations 33/42 and -12/24: inter 1 - (11/14 - 1/2)/2  = 0.857143
    # columns of two rows go up or down: -1, 1, 1: intra 1 - 1/3 = 0.666667
    loss, parts = dist_loss(
        STUDENT, TEACHER, 1.0, beta=2.0, gamma=3.0, with_parts=True
    )
    torch.testing.assert_close(
        [loss.item(), parts['inter'].item(), parts['intra'].item()],
        [2 * 6 / 7 + 3 * 2 / 3, 6 / 7, 2 / 3],
        atol=1e-5,
        rtol=0,
    )


@pytest.mark.parametrize('use_sigmoid', [False, True])
@pytest.mark.parametrize('rows, classes', [(7, 5), (3, 11), (2, 2)])
def test_the_closed_gradient_is_that_of_the_formula(
    use_sigmoid, rows, classes
):
    pair = random(0, rows, classes)
    torch.testing.assert_close(*both_forms(*pair, use_sigmoid=use_sigmoid))


@pytest.mark.parametrize('use_sigmoid', [False, True])
def test_weighted_too(use_sigmoid):
    weight = torch.tensor([1.0, 0.0, 2.0, 0.5, 0.0, 3.0, 1.0])
    pair = random(1)
    torch.testing.assert_close(
        *both_forms(*pair, weight=weight, use_sigmoid=use_sigmoid)
    )


@pytest.mark.parametrize('use_sigmoid', [False, True])
def test_a_weight_counts_a_row_that_often(use_sigmoid):
    student, teacher = random(2)
    weight = torch.tensor([1.0, 0.0, 2.0, 1.0, 0.0, 3.0, 1.0])
    often = weight.long()
    leaf, repeated = (student.clone().requires_grad_() for _ in range(2))
    settings = dict(tau=2.0, use_sigmoid=use_sigmoid)
    loss = dist_loss(leaf, teacher, weight=weight, **settings)
    loss.backward()
    expected = dist_loss(
        repeated.repeat_interleave(often, 0),
        teacher.repeat_interleave(often, 0),
        **settings,
    )
    expected.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(leaf.grad, repeated.grad)


def test_no_weight_at_all_gives_0():
    student, teacher = random(3)
    student.requires_grad_()
    loss = dist_loss(student, teacher, 1.0, weight=torch.zeros(7))
    loss.backward()
    assert loss.item() == 0 and (student.grad == 0).all()


def test_the_order_of_the_rows_does_not_matter():
    student, teacher = random(4)
    order = torch.randperm(7, generator=seeded(5))
    torch.testing.assert_close(
        dist_loss(student[order], teacher[order], 2.0),
        dist_loss(student, teacher, 2.0),
    )


def test_the_columns_are_those_of_the_whole_batch():
    student, teacher = random(5)
    halves = [
        dist_loss(s, t, 1.0, 0.0, 1.0)
        for s, t in zip(student.split(4), teacher.split(4))
    ]
    whole = dist_loss(student, teacher, 1.0, 0.0, 1.0)
    assert (sum(halves) / 2 - whole).abs() > 0.01


def test_one_row_has_no_columns_to_compare():
    student, teacher = random(6, rows=1)
    student.requires_grad_()
    _, parts = dist_loss(student, teacher, 3.0, with_parts=True)
    assert parts['intra'] == 9  # 1 - 0, times the temperature's square
    dist_loss(student, teacher, 3.0, beta=0.0).backward()
    assert student.grad.abs().max() < 1e-12


def test_a_constant_row_has_the_same_gradient_in_float32():
    # the authors' code is wrong by a factor of about two there, because the
    # rounded mean of equal numbers is not that number
    student, teacher = random(7, rows=4, classes=10)
    student[1] = 0.3
    exact = student.clone().requires_grad_()
    rounded = student.float().requires_grad_()
    dist_loss(exact, teacher, 1.0, 1.0, 0.0).backward()
    dist_loss(rounded, teacher.float(), 1.0, 1.0, 0.0).backward()
    assert exact.grad[1].abs().max() > 1e4  # about 1/eps
    torch.testing.assert_close(
        rounded.grad[1].double(), exact.grad[1], rtol=1e-3, atol=0
    )


def test_min_norm_leaves_out_rows_that_say_nothing():
    student, teacher = random(8, rows=6)
    student[2] = 0.0
    kept = [0, 1, 3, 4, 5]
    leaf = student.clone().requires_grad_()
    settings = dict(tau=1.0, gamma=0.0)
    loss = dist_loss(leaf, teacher, min_norm=1e-6, **settings)
    loss.backward()
    torch.testing.assert_close(
        loss, dist_loss(student[kept], teacher[kept], **settings)
    )
    assert (leaf.grad[2] == 0).all() and (leaf.grad[0] != 0).all()


def test_min_norm_leaves_out_classes_that_nobody_predicts():
    student, teacher = random(9, classes=8)
    student[:, 5] = teacher[:, 5] = -60.0
    settings = dict(tau=1.0, beta=0.0)
    found = dist_loss(student, teacher, **settings)
    less = dist_loss(student, teacher, min_norm=1e-6, **settings)
    torch.testing.assert_close(found, (less * 7 + 1) / 8)
    torch.testing.assert_close(*both_forms(student, teacher, min_norm=1e-6))


def test_rows_of_a_map_are_worked_on_as_they_lie():
    student, teacher = random(9, rows=30)
    by_class = student.t().contiguous().t().requires_grad_()
    by_row = student.clone().requires_grad_()
    weight = torch.rand(30, generator=seeded(10))
    for leaf in (by_class, by_row):
        dist_loss(leaf, teacher, 2.0, weight=weight).backward()
    torch.testing.assert_close(by_class.grad, by_row.grad)


@pytest.mark.parametrize('use_sigmoid', [False, True])
def test_the_class_gives_every_row_the_value_of_the_batch(use_sigmoid):
    student, teacher = random(11)
    weight = torch.tensor([1.0, 0.0, 2.0, 1.0, 0.0, 3.0, 1.0])
    value = dist_loss(
        student, teacher, 2.0, 1.5, use_sigmoid=use_sigmoid, weight=weight
    )
    settings = dict(tau=2.0, beta=1.5, use_sigmoid=use_sigmoid)
    loss, pair = DISTLoss(**settings), (student, teacher, None, weight)
    # the weights add up to 8, and there are 7 rows
    torch.testing.assert_close(loss(*pair), value * 8 / 7)
    torch.testing.assert_close(loss(*pair, avg_factor=8.0), value)
    torch.testing.assert_close(loss(*pair, avg_factor=4.0), value * 2)
    each = DISTLoss(reduction='none', **settings)(*pair)
    torch.testing.assert_close(each, value * weight.double())
    total, parts = DISTLoss(
        reduction='sum', loss_weight=3.0, **settings
    ).with_parts(*pair)
    torch.testing.assert_close(total, 3 * 8 * value)
    torch.testing.assert_close(
        1.5 * parts['inter'] + parts['intra'], 8 * value
    )
    assert loss.whole_batch


def test_rows_of_weight_0_change_nothing_but_their_number():
    student, teacher = random(12)
    weight = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0])
    kept = weight > 0
    loss = DISTLoss(tau=2.0)
    torch.testing.assert_close(
        loss(student, teacher, weight=weight, avg_factor=5.0),
        loss(student[kept], teacher[kept]),
    )


def test_a_weight_of_another_length_is_refused():
    student, teacher = random(13)
    with pytest.raises(ValueError, match=r'shape \(7,\), got \(6,\)'):
        dist_loss(student, teacher, 1.0, weight=torch.ones(6))
    with pytest.raises(ValueError, match='DISTLoss: weight must have one'):
        DISTLoss()(student, teacher, weight=torch.ones(6))
