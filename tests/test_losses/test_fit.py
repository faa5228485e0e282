import re

import pytest
import torch

from mmkd_logit.losses import (
    DISTLoss,
    DKDLoss,
    GDKD3Loss,
    GDKDLoss,
    KDLoss,
    LDRLDLoss,
    NKDLoss,
    TopKDLoss,
)
from mmkd_logit.losses.fit import (
    check_fit,
    check_sigmoid,
    check_topk_scale,
    notices,
)
from mmkd_logit.structures.head_facts import HeadFacts
from tests.toys import seeded


def test_softmax_and_sigmoid_are_not_mixed():
    bernoulli = HeadFacts(80, 80, use_sigmoid=True)
    with pytest.raises(ValueError, match='take view=.categorical'):
        NKDLoss().check(bernoulli)
    with pytest.raises(ValueError, match='use_sigmoid=False.*remove use_sig'):
        DKDLoss(use_sigmoid=False).check(bernoulli)
    with pytest.raises(
        ValueError, match='standardize=True.*indep.*without standardize'
    ):
        DKDLoss(standardize=True).check(bernoulli)
    with pytest.raises(ValueError, match='remove use_sigmoid'):
        DKDLoss(use_sigmoid=True).check(HeadFacts(80, 81))
    DKDLoss(use_sigmoid=True).check(HeadFacts(1, 1, use_sigmoid=True))


def test_two_classes_cannot_be_standardized():
    KDLoss(standardize=True).check(HeadFacts(3, 3))
    with pytest.raises(ValueError, match='at least 3, got 2'):
        KDLoss(standardize=True).check(HeadFacts(2, 2))


def test_rows_lack_labels_or_pixels_that_a_loss_needs():
    facts = HeadFacts(9, 9)
    check_fit(NKDLoss(), facts)
    with pytest.raises(ValueError, match='NKDLoss needs the target class'):
        check_fit(NKDLoss(), facts._replace(has_labels=False))
    check_fit(KDLoss(standardize=True), facts)
    with pytest.raises(ValueError, match='count the pixels .* leave out'):
        check_fit(KDLoss(standardize=True), facts._replace(whole=False))


def test_a_fit_changes_nothing_in_the_loss():
    loss = KDLoss()
    check_fit(loss, HeadFacts(9, 9, use_sigmoid=True))
    assert loss.use_sigmoid is None


def test_use_sigmoid_is_refused_where_the_loss_rules_it_out():
    check_sigmoid(KDLoss(), True, False)
    check_sigmoid(NKDLoss(), None, True)
    with pytest.raises(ValueError, match='NKDLoss is defined for softmax'):
        check_sigmoid(NKDLoss(), True, False)
    with pytest.raises(ValueError, match='moves every logit of a row'):
        check_sigmoid(KDLoss(), True, True)


def test_settings_of_the_scaling_module():
    check_topk_scale('KDLoss', dict(k=3), use_sigmoid=False)
    with pytest.raises(ValueError, match="no setting 'kk'; it takes k, scale"):
        check_topk_scale('KDLoss', dict(kk=3), use_sigmoid=False)
    with pytest.raises(TypeError, match='must be a dict .* got 5'):
        check_topk_scale('KDLoss', 5, use_sigmoid=False)
    with pytest.raises(ValueError, match='these classes are independent'):
        check_topk_scale('KDLoss', dict(k=3), use_sigmoid=True)


@pytest.mark.parametrize(
    'loss, channels, sentence',
    [
        (
            LDRLDLoss(depth=6),
            7,
            'LDRLDLoss: beta=7.0 has no effect: depth=6 of 7 classes leaves '
            'one, .*; lower depth to 5, or set beta=0',
        ),
        (LDRLDLoss(depth=2), 3, 'beta=7.0 has no effect: .*; set beta=0'),
        (GDKDLoss(k=1), 5, 'GDKDLoss: w1=1.0 has no effect: .*set w1=0'),
        (GDKDLoss(k=4), 5, 'GDKDLoss: w2=8.0 has no effect: .*set w2=0'),
        (GDKD3Loss(k=2), 5, 'GDKD3Loss: w1=1.0 has no effect'),
        (GDKD3Loss(k=4), 5, 'GDKD3Loss: w2=8.0 has no effect'),
        (DISTLoss(), 2, 'DISTLoss: beta=1.0 has no effect: .*1 or -1'),
        (TopKDLoss(k=4, beta=0), 7, 'k=4 top classes .* half of 7, and 3'),
        (TopKDLoss(k=1, beta=0), 7, 'alpha=1.0 has no effect: the cosine'),
        (KDLoss(topk_scale=dict(k=4)), 7, 'KDLoss: k=4 top .* write k=3'),
        (KDLoss(topk_scale=dict(scale=3.0)), 9, 'KDLoss: k=5 top classes'),
    ],
)
def test_a_setting_without_effect_is_one_sentence(loss, channels, sentence):
    loss.check(HeadFacts(channels, channels))
    found = notices(loss, channels)
    assert len(found) == 1 and re.search(sentence, found[0])


@pytest.mark.parametrize(
    'loss, channels, letter',
    [
        (LDRLDLoss(depth=3, alpha=1.0), 4, 'beta'),
        (GDKDLoss(k=1), 5, 'w1'),
        (GDKDLoss(k=4), 5, 'w2'),
        (GDKD3Loss(k=2), 5, 'w1'),
        (GDKD3Loss(k=4), 5, 'w2'),
        (DISTLoss(eps=0.0), 2, 'beta'),
        (TopKDLoss(k=1), 7, 'alpha'),
        (TopKDLoss(k=1), 7, 'beta'),
        (TopKDLoss(k=1), 3, 'decoupled_weight'),
    ],
)
def test_a_weight_that_is_said_to_have_no_effect_has_none(
    loss, channels, letter
):
    assert letter in loss.idle_parts(channels)
    logits = torch.randn(2, 6, channels, generator=seeded(0)).double()
    labels = torch.arange(6) % channels
    gradients = []
    for weight in (0.0, 50.0):
        setattr(loss, letter, weight)
        student = logits[0].clone().requires_grad_()
        loss(student, logits[1], labels).backward()
        gradients.append(student.grad)
    assert gradients[0].abs().max() > 0
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-9)


def test_settings_with_an_effect_are_not_mentioned():
    for loss, channels in (
        (LDRLDLoss(depth=5), 7),
        (LDRLDLoss(depth=6, beta=0.0), 7),
        (GDKDLoss(k=3), 5),
        (GDKDLoss(k=1, w1=0.0), 5),
        (GDKD3Loss(k=3), 5),
        (DISTLoss(), 3),
        (TopKDLoss(k=2), 4),
        (KDLoss(topk_scale=dict(k=2)), 4),
        (DKDLoss(), 3),
    ):
        assert notices(loss, channels) == []


def test_a_loss_of_which_nothing_is_left_is_refused():
    for loss, channels, sentence in (
        (
            LDRLDLoss(depth=6, alpha=0.0),
            7,
            r'LDRLDLoss\(alpha=0.0, beta=7.0\) is always 0 on rows of 7 '
            'classes: depth=6 of 7 classes leaves one',
        ),
        (GDKDLoss(k=1, w0=0.0, w2=0.0), 5, 'is always 0 on rows of 5'),
        (GDKD3Loss(k=2, w0=0.0), 3, 'GDKD3Loss.w0=0.0.* is always 0'),
        (TopKDLoss(contrastive_weight=0.0), 3, 'no group of 3 classes'),
        (DISTLoss(gamma=0.0), 2, 'correlation of two rows of two classes'),
        (DKDLoss(alpha=0.0, beta=0.0), 9, 'loss_weight=0'),
    ):
        with pytest.raises(ValueError, match=sentence):
            loss.check(HeadFacts(channels, channels))
