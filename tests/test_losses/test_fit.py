import pytest

from mmkd_logit.losses import DKDLoss, KDLoss, NKDLoss
from mmkd_logit.losses.fit import check_fit, check_sigmoid, check_topk_scale
from mmkd_logit.structures.head_facts import HeadFacts


def test_softmax_and_sigmoid_are_not_mixed():
    bernoulli = HeadFacts(80, 80, use_sigmoid=True)
    with pytest.raises(ValueError, match='take view=.categorical'):
        NKDLoss().check(bernoulli)
    with pytest.raises(ValueError, match='use_sigmoid=False.*remove use_sig'):
        DKDLoss(use_sigmoid=False).check(bernoulli)
    with pytest.raises(ValueError, match='standardize=True.*independent'):
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
