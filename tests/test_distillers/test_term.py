"""Which view a pair travels in, and what everybody is told of it."""

import pytest
import torch

from mmkd_logit.distillers.term import make_term
from mmkd_logit.heads.base import LogitReader
from mmkd_logit.losses import DKDLoss, GDKDLoss, KDLoss, KDQFLLoss, NKDLoss
from mmkd_logit.structures.head_facts import HeadFacts
from mmkd_logit.structures.logit_pair import LogitPair
from tests.toys import seeded

SIGMOID = HeadFacts(5, 5, use_sigmoid=True)
SOFTMAX = HeadFacts(5, 6)


def pair(columns=5):
    rng = seeded(0)
    logits = [torch.randn(4, columns, generator=rng) for _ in range(2)]
    return LogitPair(*logits, torch.tensor([0, 5, 4, 5]))


@pytest.mark.parametrize(
    'loss, view',
    [
        (KDLoss(), 'bernoulli'),
        (DKDLoss(use_sigmoid=True), 'bernoulli'),
        (KDQFLLoss(), 'bernoulli'),
        (NKDLoss(), 'categorical'),
        (GDKDLoss(k=2), 'categorical'),
        (KDLoss(standardize=True), 'categorical'),
    ],
)
def test_the_loss_decides_which_view_it_gets(loss, view):
    reader = LogitReader()
    term = make_term(reader, loss, SIGMOID)
    assert term.view == view == reader.view
    wide = 6 if view == 'categorical' else 5
    assert term.facts.channels == wide
    assert term.facts.use_sigmoid is loss.use_sigmoid is (wide == 5)
    viewed = term.viewed(pair())
    assert viewed.student_logits.shape == (4, wide)
    assert loss(*viewed) > 0


def test_the_reader_overrides_the_loss():
    loss = DKDLoss(tau=1.0)
    term = make_term(LogitReader(view='categorical'), loss, SIGMOID)
    assert term.facts == SOFTMAX
    assert loss(*term.viewed(pair())) > 0
    with pytest.raises(ValueError, match='independent classes.*view=.categ'):
        make_term(LogitReader(view='bernoulli'), NKDLoss(), SIGMOID)


def test_softmax_heads_have_no_view():
    term = make_term(LogitReader(), NKDLoss(), SOFTMAX)
    assert term.view is None and term.facts == SOFTMAX
    assert term.viewed(pair(6)).student_logits.shape == (4, 6)
    with pytest.raises(ValueError, match='ends in a softmax; remove `view`'):
        make_term(LogitReader(view='categorical'), NKDLoss(), SOFTMAX)


def test_what_contradicts_the_view_is_named():
    with pytest.raises(ValueError, match='remove use_sigmoid or the view'):
        make_term(
            LogitReader(view='categorical'), KDLoss(use_sigmoid=True), SIGMOID
        )
    with pytest.raises(ValueError, match='use_sigmoid=False.*remove use_sig'):
        make_term(LogitReader(), KDLoss(use_sigmoid=False), SIGMOID)
    with pytest.raises(ValueError, match="got 'both'"):
        LogitReader(view='both')


def test_one_logit_gives_two_classes_and_no_third():
    mask = HeadFacts(1, 1, use_sigmoid=True, classes_are_columns=False)
    term = make_term(LogitReader(view='categorical'), KDLoss(), mask)
    assert term.facts.channels == 2
    with pytest.raises(ValueError, match='NKDLoss needs at least 3 .* got 2'):
        make_term(LogitReader(), NKDLoss(), mask)
    with pytest.raises(ValueError, match='at least 3, got 2'):
        make_term(LogitReader(), KDLoss(standardize=True), mask)
