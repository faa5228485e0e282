import pytest
import torch

from mmkd_logit.losses import GDKDLoss, gdkd_loss, kd_loss
from tests.toys import seeded

# q = (4, 3, 2, 1)/10 against a uniform student, k = 2
TEACHER = torch.tensor([[3.0, 1.0, 4.0, 2.0]]).log()
STUDENT = torch.zeros(1, 4)


def test_gdkd_loss_matches_hand_computed_value():
    # high: (7/10, 3/10) against (1/2, 1/2)
    #       7/10 ln 7/5 + 3/10 ln 3/5                          = 0.082283
    # top:  (4/7, 3/7): ln 2 + 4/7 ln 4/7 + 3/7 ln 3/7         = 0.010239
    # other (2/3, 1/3): ln 2 + 2/3 ln 2/3 + 1/3 ln 1/3         = 0.056633
    loss = GDKDLoss(tau=1.0, k=2, w0=2.0, w1=3.0, w2=5.0)
    value, parts = loss.with_parts(STUDENT, TEACHER)
    torch.testing.assert_close(
        [parts[name].item() for name in ('high', 'low_top', 'low_other')],
        [0.082283, 0.010239, 0.056633],
        atol=1e-6,
        rtol=0,
    )
    expected = 2 * 0.082283 + 3 * 0.010239 + 5 * 0.056633
    torch.testing.assert_close(value.item(), expected, atol=1e-5, rtol=0)


def test_worst_takes_the_smallest_as_top():
    # the groups change places: w1 and w2 do as well
    torch.testing.assert_close(
        gdkd_loss(STUDENT, TEACHER, 1.0, 2, 1.0, 3.0, 5.0, strategy='worst'),
        gdkd_loss(STUDENT, TEACHER, 1.0, 2, 1.0, 5.0, 3.0),
    )


def test_kl_type_turns_the_inner_parts_only():
    # from the student: top 1/2 ln 7/8 + 1/2 ln 7/6                 = 0.010310
    #                   other 1/2 ln 3/4 + 1/2 ln 3/2               = 0.058892
    def loss(*weights, kl_type):
        return gdkd_loss(STUDENT, TEACHER, 1.0, 2, *weights, kl_type=kl_type)

    for weights, forward, reverse in (
        ((1.0, 0.0, 0.0), 0.082283, 0.082283),
        ((0.0, 1.0, 0.0), 0.010239, 0.010310),
        ((0.0, 0.0, 1.0), 0.056633, 0.058892),
    ):
        both = (forward + reverse) / 2
        for kl_type, value in dict(
            forward=forward, reverse=reverse, both=both
        ).items():
            torch.testing.assert_close(
                loss(*weights, kl_type=kl_type).item(),
                value,
                atol=1e-5,
                rtol=0,
            )


@pytest.mark.parametrize('k, weight', [(0, 'w2'), (6, 'w1')])
def test_one_empty_group_leaves_kd_inside_the_other(k, weight):
    student, teacher = torch.randn(2, 4, 6, generator=seeded(0))
    weights = dict(w0=9.0, w1=9.0, w2=9.0)
    weights[weight] = 2.0
    torch.testing.assert_close(
        gdkd_loss(student, teacher, 3.0, k, **weights),
        2 * kd_loss(student, teacher, 3.0),
    )


def test_k_must_leave_a_class():
    with pytest.raises(ValueError, match='k=4 .* at least one other'):
        GDKDLoss(k=4)(STUDENT, TEACHER)
