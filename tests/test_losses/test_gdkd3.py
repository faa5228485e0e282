import pytest
import torch

from mmkd_logit.losses import GDKD3Loss, gdkd3_loss, gdkd_loss
from tests.toys import seeded


def test_gdkd3_loss_matches_hand_computed_value():
    # q = (5, 3, 2, 1, 1)/12 against a uniform student, k = 3
    # high: (5, 5, 2)/12 against (1, 2, 2)/5
    #       5/12 ln 25/12 + 5/12 ln 25/24 + 1/6 ln 5/12      = 0.176918
    # top:  (3/5, 2/5): ln 2 + 3/5 ln 3/5 + 2/5 ln 2/5       = 0.020136
    # other (1/2, 1/2)                                       = 0
    teacher = torch.tensor([[1.0, 3.0, 5.0, 2.0, 1.0]]).log()
    loss = GDKD3Loss(tau=1.0, k=3, w0=2.0, w1=3.0, w2=5.0)
    value, parts = loss.with_parts(torch.zeros(1, 5), teacher)
    torch.testing.assert_close(
        [parts[name].item() for name in ('high', 'low_top', 'low_other')],
        [0.176918, 0.020136, 0.0],
        atol=1e-6,
        rtol=0,
    )
    torch.testing.assert_close(
        value.item(), 2 * 0.176918 + 3 * 0.020136, atol=1e-5, rtol=0
    )


def random():
    return 3 * torch.randn(2, 6, 8, generator=seeded(0)).double()


def test_the_others_are_those_of_gdkd():
    student, teacher = random()
    torch.testing.assert_close(
        gdkd3_loss(student, teacher, 2.0, 3, 0.0, 0.0, 1.0),
        gdkd_loss(student, teacher, 2.0, 3, 0.0, 0.0, 1.0),
    )


def test_the_split_of_the_top_group_loses_nothing():
    # high_2 + (mass of the top group) low_top_2
    #     = high_3 + (mass of ranks 2..k) low_top_3
    student, teacher = random()
    q = (teacher / 2).softmax(1).sort(1, descending=True)[0]
    torch.testing.assert_close(
        gdkd_loss(student, teacher, 2.0, 3, 1.0, q[:, :3].sum(1), 0.0),
        gdkd3_loss(student, teacher, 2.0, 3, 1.0, q[:, 1:3].sum(1), 0.0),
    )


def test_k_1_has_no_middle():
    student, teacher = random()
    torch.testing.assert_close(
        gdkd3_loss(student, teacher, 2.0, 1, 1.0, 9.0, 8.0),
        gdkd_loss(student, teacher, 2.0, 1, 1.0, 9.0, 8.0),
    )
    with pytest.raises(ValueError, match='middle group is empty'):
        GDKD3Loss(k=1)
