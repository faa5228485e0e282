"""K independent classes as K + 1 categories: what is exact."""

import doctest
import itertools

import pytest
import torch

from mmkd_logit.losses import dkd_loss, kd_loss
from mmkd_logit.losses.kd import sigmoid_kd_loss
from mmkd_logit.structures import views
from mmkd_logit.structures.head_facts import HeadFacts
from mmkd_logit.structures.logit_pair import LogitPair
from mmkd_logit.structures.views import (
    append_zero,
    categorical_facts,
    categorical_pair,
    check_view,
)
from tests.toys import seeded


def rows(m, c, seed=0, mean=0.0):
    rng = seeded(seed)
    pair = (torch.randn(m, c, generator=rng).double() for _ in range(2))
    return [mean + logits for logits in pair]


def pair_of(student, teacher):
    return LogitPair(student, teacher, torch.zeros(len(student)).long())


def test_at_most_one_class_on_is_the_softmax_with_a_zero():
    logits = rows(1, 4)[0]
    prob = logits.sigmoid()[0]
    joint = {}
    for states in itertools.product((0, 1), repeat=4):
        on = torch.tensor(states, dtype=torch.bool)
        joint[states] = torch.where(on, prob, 1 - prob).prod().item()
    allowed = {s: p for s, p in joint.items() if sum(s) <= 1}
    total = sum(allowed.values())
    expected = append_zero(logits).softmax(1)[0]
    for states, value in allowed.items():
        column = states.index(1) if sum(states) else 4
        assert value / total == pytest.approx(expected[column].item(), 1e-12)


def test_one_logit_says_the_same_in_both_views():
    student, teacher = rows(7, 1)
    pair = categorical_pair(pair_of(student, teacher))
    torch.testing.assert_close(
        kd_loss(*pair[:2], tau=2.0),
        sigmoid_kd_loss(student, teacher, tau=2.0),
        rtol=1e-9,
        atol=0,
    )


def test_the_views_agree_where_every_probability_is_small():
    ratios = []
    for mean in (-2.0, -6.0, -10.0, -14.0):
        student, teacher = rows(50, 8, mean=mean)
        pair = categorical_pair(pair_of(student, teacher))
        one = kd_loss(*pair[:2], tau=1.0).sum()
        ratios.append(
            float(one / sigmoid_kd_loss(student, teacher, 1.0).sum())
        )
    assert ratios == sorted(ratios) and ratios[0] < 0.9
    assert ratios[-1] == pytest.approx(1, abs=1e-3)


def test_background_is_the_label_after_the_last_class():
    student, teacher = rows(3, 4)
    pair = categorical_pair(pair_of(student, teacher))
    labels = torch.tensor([0, 4, 4])  # 4 is K, refused by softmax losses on K
    assert dkd_loss(*pair[:2], labels, tau=1.0).isfinite().all()
    with pytest.raises(ValueError, match=r'must be in \[0, 3\]'):
        dkd_loss(student, teacher, labels, tau=1.0)


def test_the_gradient_reaches_the_students_own_columns_only():
    student, teacher = rows(5, 3)
    student.requires_grad_()
    kd_loss(
        *categorical_pair(pair_of(student, teacher))[:2], 1.0
    ).sum().backward()
    s, t = (append_zero(x.detach()).softmax(1) for x in (student, teacher))
    torch.testing.assert_close(student.grad, (s - t)[:, :3])


@pytest.mark.parametrize('by_column', [False, True])
def test_rows_keep_their_layout(by_column):
    logits = torch.randn(6, 4, generator=seeded(1))
    if by_column:
        logits = logits.t().contiguous().t()
    longer = append_zero(logits)
    assert longer.shape == (6, 5) and not longer[:, 4].any()
    assert torch.equal(longer[:, :4], logits)
    assert (longer.stride(0) == 1) is by_column
    for part in (logits[:0], logits[:1], logits[:, :1]):
        assert append_zero(part).shape == (len(part), part.shape[1] + 1)


def test_facts_tell_of_one_softmax_more_wide():
    facts = categorical_facts(HeadFacts(80, 80, use_sigmoid=True))
    assert facts == HeadFacts(80, 81, use_sigmoid=False)


def test_an_unknown_view_is_named():
    assert check_view(None) is None
    assert check_view('bernoulli') == 'bernoulli'
    with pytest.raises(ValueError, match="'categorical'.*got 'softmax'"):
        check_view('softmax')


def test_docstring_examples_run():
    assert doctest.testmod(views).attempted > 0
    assert not doctest.testmod(views).failed
