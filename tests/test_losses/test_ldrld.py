import math

import pytest
import torch

from mmkd_logit.losses import LDRLDLoss, gdkd_loss, ldrld_loss
from mmkd_logit.losses.ldrld import pair_weights
from tests.toys import seeded


def test_decay_weights():
    found = pair_weights(7, 1.5, 2.0, 0.05)
    weights = {
        (i + 1, j + 1): w
        for i, line in enumerate(found)
        for j, w in enumerate(line)
        if w
    }
    assert len(weights) == 21 and all(i < j for i, j in weights)
    # 2 exp(-0.05 (i + j)) / (j - i + 1.5)
    assert math.isclose(weights[1, 2], 2 * math.exp(-0.15) / 2.5)
    assert math.isclose(weights[1, 7], 2 * math.exp(-0.4) / 7.5)
    assert math.isclose(sum(weights.values()), 7.724, abs_tol=5e-4)


def test_ldrld_loss_matches_hand_computed_value():
    # the student ranks classes 1, 0, 2; its top three as q and p:
    # q = (3, 4, 1)/8, p = (2, 4, 2)/8, class 3 alone remains
    # pairs (rank: classes), KL and weight 2 exp(-(i + j)/20)/(j - i + 1.5)
    # 1-2: (4/7, 3/7) against (2/3, 1/3) = 0.019618    0.688566
    # 1-3: (4/5, 1/5) against (2/3, 1/3) = 0.043691    0.467846
    # 2-3: (3/4, 1/4) against (1/2, 1/2) = 0.130812    0.623041
    # set: 3/8 ln 3/2 + 4/8 ln 1 + 1/8 ln 1/2          = 0.065406
    teacher = torch.tensor([[3.0, 4.0, 1.0, 2.0]]).log()
    student = torch.tensor([[2.0, 4.0, 1.999999, 0.5]]).log()
    pairs = 0.019618 * 0.688566 + 0.043691 * 0.467846 + 0.130812 * 0.623041
    expected = 2 * (pairs + 0.065406) / 4
    loss = ldrld_loss(student, teacher, 1.0, depth=3, alpha=2.0, beta=5.0)
    torch.testing.assert_close(loss.item(), expected, atol=1e-5, rtol=0)
    total = ldrld_loss(student, teacher, 1.0, 3, 2.0, 5.0, average_pairs=False)
    torch.testing.assert_close(total.item(), 4 * expected, atol=4e-5, rtol=0)


@pytest.mark.parametrize('rank_by', ['student', 'teacher'])
def test_without_pairs_it_is_gdkd_on_the_ranked_classes(rank_by):
    student, teacher = 3 * torch.randn(2, 5, 9, generator=seeded(0)).double()
    ours = ldrld_loss(
        student, teacher, 2.0, 4, 7.0, 3.0, delta=0.0, rank_by=rank_by
    )
    if rank_by == 'teacher':  # 4 * 3 / 2 pairs and the set: 7 terms
        wanted = gdkd_loss(student, teacher, 2.0, 4, 0.0, 1.0, 3.0)
        torch.testing.assert_close(ours, wanted)
    else:
        top = student.topk(4)[1]
        ranked = torch.zeros(5, 9).double().scatter(1, top, 1.0)
        s, t = student / 2, teacher / 2
        wanted = 0
        for group, weight in ((ranked > 0, 1.0), (ranked == 0, 3.0)):
            log_p = s.masked_fill(~group, -1e9).log_softmax(1)
            log_q = t.masked_fill(~group, -1e9).log_softmax(1)
            terms = (log_q.exp() * (log_q - log_p)).where(
                group, torch.zeros(()).double()
            )
            wanted = wanted + weight * 4 * terms.sum(1)
        torch.testing.assert_close(ours, wanted)


def test_all_classes_ranked_leave_no_rest():
    student, teacher = torch.randn(2, 5, 4, generator=seeded(1))
    assert torch.equal(
        ldrld_loss(student, teacher, 2.0, 4, 1.0, 7.0),
        ldrld_loss(student, teacher, 2.0, 4, 1.0, 0.0),
    )
    with pytest.raises(ValueError, match='depth=4 .* at least one other'):
        LDRLDLoss(depth=4)(student, teacher)


@pytest.mark.parametrize('rank_by', ['student', 'teacher'])
def test_masked_classes_in_the_top_set_add_no_pair(rank_by):
    # four classes are there, so ranks 5 and 6 are masked ones; the pairs of
    # the four, the set and the (empty) rest remain
    student, teacher = 3 * torch.randn(2, 5, 9, generator=seeded(2)).double()
    student[:, 4:] = teacher[:, 4:] = -torch.inf
    student.requires_grad_()
    settings = dict(rank_by=rank_by, average_pairs=False)
    loss = ldrld_loss(student, teacher, 2.0, 6, 1.0, 1.0, **settings)
    loss.sum().backward()
    expected = ldrld_loss(
        student[:, :4], teacher[:, :4], 2.0, 4, 1.0, 1.0, **settings
    )
    torch.testing.assert_close(loss, expected)
    assert student.grad.isfinite().all() and (student.grad[:, 4:] == 0).all()
