import math

import torch

from mmkd_logit.losses import WSLDLoss, kd_loss, wsld_loss
from tests.toys import seeded


def random(seed):
    student, teacher = 3 * torch.randn(
        2, 6, 9, generator=seeded(seed), dtype=torch.float64
    )
    return student, teacher, torch.randint(9, (6,), generator=seeded(seed))


def test_wsld_loss_matches_hand_computed_value():
    # student (1, 1, 1)/3, teacher (4, 3, 1)/8, label 0:
    # weight 1 - exp(-ln 3 / ln 2)                              = 0.7950452
    # cross-entropy of the soft labels: ln 3                    = 1.0986123
    rows, parts = wsld_loss(
        torch.zeros(1, 3),
        torch.tensor([[4.0, 3.0, 1.0]]).log(),
        torch.tensor([0]),
        tau=1.0,
        with_parts=True,
    )
    torch.testing.assert_close(
        [
            rows.item(),
            parts['row_weight'].item(),
            parts['cross_entropy'].item(),
        ],
        [0.7950452 * 1.0986123, 0.7950452, 1.0986123],
        atol=1e-6,
        rtol=0,
    )


def test_it_is_weighted_kd_plus_the_weighted_entropy_of_the_teacher():
    student, teacher, labels = random(0)
    rows, parts = wsld_loss(student, teacher, labels, 2.0, with_parts=True)
    log_q = (teacher / 2).log_softmax(1)
    entropy = -(log_q.exp() * log_q).sum(1)
    expected = kd_loss(student, teacher, 2.0) + 4 * entropy
    torch.testing.assert_close(rows, parts['row_weight'] * expected)


def test_its_gradient_is_that_of_weighted_kd():
    student, teacher, labels = random(1)
    ours, kd = (student.clone().requires_grad_() for _ in range(2))
    rows, parts = wsld_loss(ours, teacher, labels, 3.0, with_parts=True)
    rows.sum().backward()
    (parts['row_weight'] * kd_loss(kd, teacher, 3.0)).sum().backward()
    torch.testing.assert_close(ours.grad, kd.grad)


def test_rows_where_the_student_is_ahead_weigh_little():
    labels = torch.tensor([0, 0])
    sure, unsure = 8.0 * torch.eye(5)[:1], torch.zeros(1, 5)
    student, teacher = torch.cat([sure, unsure]), torch.cat([unsure, sure])
    weight = wsld_loss(student, teacher, labels, 1.0, with_parts=True)[1][
        'row_weight'
    ]
    assert weight[0] < 1e-3 and weight[1] > 0.999


def test_weights_next_to_0_keep_their_digits_in_float32():
    # student's cross-entropy 4 exp(-18) = 6.1e-8, where 1 + 6.1e-8 == 1
    student = 18.0 * torch.eye(5)[:1]
    _, parts = wsld_loss(
        student, torch.zeros(1, 5), torch.tensor([0]), 1.0, with_parts=True
    )
    expected = 4 * math.exp(-18) / math.log(5)
    assert math.isclose(parts['row_weight'], expected, rel_tol=1e-5)


def test_the_class_takes_the_mean_over_all_rows():
    student, teacher, labels = random(3)
    loss = WSLDLoss(loss_weight=2.5)(student, teacher, labels)
    rows = wsld_loss(student, teacher, labels, 2.0)
    torch.testing.assert_close(loss, 2.5 * rows.sum() / 6)
