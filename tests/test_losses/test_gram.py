import pytest
import torch

from mmkd_logit.losses import GramLoss, gram_loss
from tests.toys import seeded

BOTH = pytest.mark.parametrize('over', ['classes', 'rows'])


def random(seed, rows=6, classes=9):
    return 3 * torch.randn(
        2, rows, classes, generator=seeded(seed), dtype=torch.float64
    )


def plain(student, teacher, tau, over):
    p, q = (student / tau).softmax(1), (teacher / tau).softmax(1)
    if over == 'classes':
        return (q.t() @ q - p.t() @ p).square().sum() / p.shape[1]
    return (q @ q.t() - p @ p.t()).square().sum() / len(p)


@pytest.mark.parametrize(
    'over, expected',
    [
        # teacher (1, 3)/4, student (1, 1)/2
        # Q'Q = (1 3; 3 9)/16, P'P = (4 4; 4 4)/16: (9 + 1 + 1 + 25)/256/2
        ('classes', 36 / 256 / 2),
        # QQ' = 10/16, PP' = 8/16
        ('rows', (2 / 16) ** 2),
    ],
)
def test_gram_loss_matches_hand_computed_value(over, expected):
    teacher = torch.tensor([[1.0, 3.0]]).log()
    loss = gram_loss(torch.zeros(1, 2), teacher, 1.0, over)
    torch.testing.assert_close(loss, torch.tensor(expected))


@BOTH
@pytest.mark.parametrize('rows, classes', [(6, 9), (9, 6), (1, 5), (20, 3)])
def test_either_way_round_value_and_gradient_are_those_of_the_formula(
    over, rows, classes
):
    student, teacher = random(0, rows, classes)
    found = []
    for form in (gram_loss, plain):
        leaf = student.clone().requires_grad_()
        loss = form(leaf, teacher, 2.0, over)
        loss.backward()
        found.append((loss.detach(), leaf.grad))
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-13)


@BOTH
def test_equal_logits_give_exactly_0(over):
    _, teacher = random(1)
    student = teacher.clone().requires_grad_()
    loss = gram_loss(student, teacher, 2.0, over)
    loss.backward()
    assert loss.item() == 0 and (student.grad == 0).all()


@BOTH
def test_a_small_difference_survives_in_float32(over):
    _, teacher = random(2)
    step = 1e-4 * torch.randn(6, 9, generator=seeded(3), dtype=torch.float64)
    student = teacher.float().double() + step.float().double()
    exact = plain(student, teacher.float().double(), 1.0, over)
    loss = gram_loss(student.float(), teacher.float(), 1.0, over)
    torch.testing.assert_close(loss.double(), exact, rtol=1e-2, atol=0)


@BOTH
def test_a_weight_counts_a_row_that_often(over):
    student, teacher = random(4)
    weight = torch.tensor([1.0, 0.0, 2.0, 1.0, 0.0, 3.0])
    often = weight.long()
    leaf, repeated = (student.clone().requires_grad_() for _ in range(2))
    loss = gram_loss(leaf, teacher, 2.0, over, weight)
    loss.backward()
    expected = gram_loss(
        repeated.repeat_interleave(often, 0),
        teacher.repeat_interleave(often, 0),
        2.0,
        over,
    )
    expected.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(leaf.grad, repeated.grad)


@BOTH
def test_no_weight_at_all_gives_0(over):
    student, teacher = random(5)
    student.requires_grad_()
    loss = gram_loss(student, teacher, 2.0, over, torch.zeros(6))
    loss.backward()
    assert loss.item() == 0 and (student.grad == 0).all()


def test_many_rows_need_no_matrix_of_rows():
    # (200000, 200000) would be 149 GiB
    student, teacher = torch.randn(2, 200_000, 4, generator=seeded(6))
    loss = gram_loss(student.requires_grad_(), teacher, 1.0, 'rows')
    loss.backward()
    assert loss.isfinite() and student.grad.isfinite().all()


def test_a_word_that_is_neither():
    logits = torch.zeros(2, 3)
    with pytest.raises(ValueError, match="'classes' or 'rows', got 'batch'"):
        gram_loss(logits, logits, 1.0, over='batch')


@BOTH
def test_the_class_gives_every_row_the_value_of_the_batch(over):
    student, teacher = random(7)
    weight = torch.tensor([1.0, 0.0, 2.0, 1.0, 0.0, 3.0])
    value = gram_loss(student, teacher, 3.0, over, weight)
    loss, pair = GramLoss(3.0, over), (student, teacher, None, weight)
    torch.testing.assert_close(loss(*pair), value * 7 / 6)
    torch.testing.assert_close(loss(*pair, avg_factor=7.0), value)
    assert loss.whole_batch


def test_the_class_knows_both_words():
    with pytest.raises(ValueError, match="over must be 'classes' or 'rows'"):
        GramLoss(over='pixels')


def test_several_temperatures_are_added_up():
    student, teacher = random(8)
    both = GramLoss(tau=[2.0, 5.0], over='rows')(student, teacher)
    expected = sum(
        gram_loss(student, teacher, tau, 'rows') for tau in (2.0, 5.0)
    )
    torch.testing.assert_close(both, expected)
