import pytest
import torch

from mmkd_logit.losses import RLDLoss, dkd_loss, kd_loss, rld, rld_loss
from tests.toys import seeded


def random(seed, rows=8, classes=7):
    student, teacher = 3 * torch.randn(
        2, rows, classes, generator=seeded(seed), dtype=torch.float64
    )
    labels = torch.randint(classes, (rows,), generator=seeded(seed))
    return student, teacher, labels


def value_and_gradient(student, *arguments):
    leaf = student.clone().requires_grad_()
    rows, parts = rld_loss(leaf, *arguments, with_parts=True)
    rows.sum().backward()
    return rows.detach(), parts, leaf.grad


def test_rld_loss_matches_hand_computed_value():
    # teacher (1, 2, 8, 5)/16, student (1, 1, 1, 1)/4, label 3
    # SCD: (1/2, 1/2) against (1/4, 3/4): ln(2)/2 + ln(2/3)/2   = 0.1438410
    # MCD, classes 0 and 1: (1/3, 2/3) against (1/2, 1/2):
    # 1/3 ln 2/3 + 2/3 ln 4/3                                   = 0.0566330
    teacher = torch.tensor([[1.0, 2.0, 8.0, 5.0]]).log()
    rows, parts = rld_loss(
        torch.zeros(1, 4),
        teacher,
        torch.tensor([3]),
        tau=1.0,
        tau_alpha=1.0,
        alpha=2.0,
        beta=3.0,
        with_parts=True,
    )
    torch.testing.assert_close(
        [rows.item(), parts['scd'].item(), parts['mcd'].item()],
        [2 * 0.1438410 + 3 * 0.0566330, 0.1438410, 0.0566330],
        atol=1e-6,
        rtol=0,
    )


def test_with_a_teacher_that_is_right_it_is_dkd():
    student, teacher, _ = random(0)
    labels = teacher.argmax(1)
    torch.testing.assert_close(
        rld_loss(student, teacher, labels, 4.0, 4.0, 1.0, 8.0),
        dkd_loss(student, teacher, labels, 4.0, 1.0, 8.0),
    )
    # two temperatures: the parts of two DKDs
    torch.testing.assert_close(
        rld_loss(student, teacher, labels, 4.0, 2.0, 1.0, 8.0),
        dkd_loss(student, teacher, labels, 2.0, 1.0, 0.0)
        + dkd_loss(student, teacher, labels, 4.0, 0.0, 8.0),
    )


def test_mcd_is_kd_of_the_classes_below_the_label():
    student, teacher, labels = random(1)
    rows = rld_loss(student, teacher, labels, 2.0, 1.0, 0.0, 1.0)
    for i, label in enumerate(labels):
        kept = teacher[i] < teacher[i, label]
        expected = torch.zeros(1, dtype=torch.float64)
        if kept.sum() > 1:
            pair = (x[i, kept][None] for x in (student, teacher))
            expected = kd_loss(*pair, 2.0)
        torch.testing.assert_close(rows[i : i + 1], expected)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('seed', range(3))
def test_classes_are_cut_out_or_hidden_with_the_same_result(
    monkeypatch, dtype, seed
):
    student, teacher, labels = random(seed)
    teacher = (2 * teacher).round() / 2  # ties
    pair = student.to(dtype), teacher.to(dtype), labels, 2.0, 1.0
    cut = value_and_gradient(*pair)
    monkeypatch.setattr(rld, 'MAX_CUT', 0)
    hidden = value_and_gradient(*pair)
    torch.testing.assert_close(cut, hidden)


def test_classes_level_with_the_label_are_left_out():
    teacher = torch.tensor([[2.0, 2.0, 1.0, 0.0, 0.0]])
    student = torch.tensor([[0.0, 9.0, 1.0, 2.0, 0.0]])
    other = torch.tensor([[0.0, -9.0, 1.0, 2.0, 0.0]])
    label = torch.tensor([0])
    mcd = [
        rld_loss(x, teacher, label, 1.0, 1.0, 0.0, 1.0)
        for x in (student, other)
    ]
    torch.testing.assert_close(*mcd)
    assert mcd[0] > 0


@pytest.mark.parametrize('below', [0, 1])
def test_fewer_than_two_classes_below_give_no_mcd(below):
    teacher = torch.arange(5.0)[None]
    student = torch.randn(1, 5, generator=seeded(0)).requires_grad_()
    label = torch.tensor([below])
    rows = rld_loss(student, teacher, label, 2.0, 1.0, 0.0, 1.0)
    rows.sum().backward()
    assert rows.item() == pytest.approx(0, abs=1e-6)
    assert student.grad.abs().max() < 1e-6


def test_a_wrong_teacher_is_compared_by_its_own_first_class():
    # SCD reads the teacher's first class and the student's label
    teacher = torch.tensor([[0.0, 3.0, 1.0]]).double()
    label = torch.tensor([2])
    student = teacher[:, [0, 2, 1]]
    rows = rld_loss(student, teacher, label, 1.0, 1.0, 1.0, 0.0)
    torch.testing.assert_close(rows, torch.zeros(1).double())


def test_the_temperature_of_scd_is_refused_like_the_other():
    logits = torch.zeros(1, 3)
    with pytest.raises(ValueError, match='tau must be > 0, got 0.0'):
        rld_loss(logits, logits, torch.tensor([0]), 1.0, 0.0)


def test_the_class_logs_both_parts():
    student, teacher, labels = random(2)
    loss, parts = RLDLoss(beta=3.0).with_parts(student, teacher, labels)
    torch.testing.assert_close(loss, parts['scd'] + 3 * parts['mcd'])
    torch.testing.assert_close(
        loss, rld_loss(student, teacher, labels, 4.0, 1.0, 1.0, 3.0).mean()
    )
    with pytest.raises(ValueError, match='RLDLoss: tau must be > 0, got -1'):
        RLDLoss(tau_alpha=-1)
