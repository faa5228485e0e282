"""Which rows of a detector count, how much, and what divides their sum."""

import doctest

import pytest
import torch

from mmkd_logit.heads import object_rows
from mmkd_logit.heads.object_rows import (
    ObjectRowsReader,
    foreground_prob,
    object_divisor,
)
from mmkd_logit.losses import DKDLoss, KDLoss, NKDLoss
from mmkd_logit.structures.logit_pair import LogitPair
from mmkd_logit.structures.views import append_zero, categorical_pair
from tests.toys import seeded

CLASSES = 20


def detector_rows(objects, background=4000, level=-7.0, seed=0):
    """Rows of two models; one in ten objects' rows is sure of its class."""
    rng = seeded(seed)
    noise = torch.randn(2, background + objects, CLASSES, generator=rng)
    student, teacher = level + 0.7 * noise
    labels = torch.full((background + objects,), CLASSES)
    labels[:objects] = torch.arange(objects) % CLASSES
    for row in range(objects):
        teacher[row, labels[row]] = 1.5
        student[row, labels[row]] = -1.0
    return LogitPair(student, teacher, labels)


def test_expected_objects_are_the_floor_of_the_divisor():
    prob = torch.tensor([0.9, 0.8, 0.5, 0.3])
    # 2.5 objects are expected
    numbers = [float(object_divisor(n, prob)) for n in (5, 3, 2, 1, 0)]
    assert numbers == [5.0, 3.0, 2.5, 2.5, 2.5]
    weight = torch.tensor([1.0, 0.0, 0.0, 0.0])
    assert float(object_divisor(0, prob, weight)) == 1.0
    assert float(object_divisor(torch.tensor(7), prob[:0])) == 7.0
    assert float(object_divisor(0.0, prob[:0])) == 1.0


@pytest.mark.parametrize('use_sigmoid', [True, False])
def test_half_precision_counts_a_hundred_thousand_rows(use_sigmoid):
    rows = torch.zeros(200_000, 2, dtype=torch.float16)
    pair = LogitPair(rows, rows, torch.ones(len(rows)).long())
    classes = 2 if use_sigmoid else 1
    weighed = ObjectRowsReader().weighed(pair, 1.0, classes, use_sigmoid)
    # one half each, which half precision cannot add up
    assert float(weighed.avg_factor) == pytest.approx(100_000)


def test_two_processes_share_one_divisor(monkeypatch):
    # what two processes would give each other
    monkeypatch.setattr(
        object_rows, 'mean_over_processes', lambda x: (x + 9.0) / 2
    )
    assert float(object_divisor(0, torch.tensor([0.5]))) == 4.75


@pytest.mark.parametrize('objects', [40, 3, 2, 1, 0])
@pytest.mark.parametrize('name', ['kd', 'dkd', 'nkd'])
def test_the_scale_of_a_step_does_not_jump_without_objects(name, objects):
    def value(count):
        reader = ObjectRowsReader()
        pair = detector_rows(count)
        if name == 'kd':
            pair = reader.weighed(pair, max(count, 1), CLASSES, True)
            return KDLoss(tau=1.0, use_sigmoid=True)(*pair)
        reader.view = 'categorical'  # as the term sets it
        pair = reader.weighed(pair, max(count, 1), CLASSES, True)
        loss = NKDLoss(tau=1.0, gamma=1.0)
        if name == 'dkd':
            loss = DKDLoss(tau=1.0, beta=1.0)
        return loss(*categorical_pair(pair))

    ratio = float(value(objects) / value(40))
    assert 0.1 < ratio < 10
    # by the student's positives alone it does
    reader = ObjectRowsReader(weighting='label', divisor='student')
    pairs = [
        reader.weighed(detector_rows(n), max(n, 1), CLASSES, True)
        for n in (0, 40)
    ]
    none, many = (
        DKDLoss(tau=1.0, beta=1.0)(*categorical_pair(pair)) for pair in pairs
    )
    assert none > 30 * many


def test_unweighted_background_drowns_objects_in_the_categorical_view():
    def share(weighting):
        reader = ObjectRowsReader(weighting=weighting)
        pair = reader.weighed(detector_rows(40), 40.0, CLASSES, True)
        loss = DKDLoss(tau=1.0, beta=1.0, reduction='none')
        rows = loss(*categorical_pair(pair)[:4])
        return float(rows[:40].sum() / rows.sum())

    assert share('label') < 0.05
    assert share('foreground') > 0.3


def test_weighting_follows_the_view_unless_it_is_named():
    pair = detector_rows(2, 6)
    mass = 1 - append_zero(pair.teacher_logits).softmax(1)[:, CLASSES]

    def weight(view, use_sigmoid=True, logits=pair, **options):
        reader = ObjectRowsReader(**options)
        reader.view = view
        return reader.weighed(logits, 2.0, CLASSES, use_sigmoid).weight

    assert weight('bernoulli') is None
    torch.testing.assert_close(weight('categorical'), mass)
    # a softmax head has that column itself
    torch.testing.assert_close(
        weight(None, False, categorical_pair(pair)), mass
    )
    assert weight('categorical', weighting='label') is None
    torch.testing.assert_close(
        weight('bernoulli', weighting='foreground'), mass
    )
    torch.testing.assert_close(
        weight('bernoulli', weighting='teacher'),
        pair.teacher_logits.sigmoid().amax(1),
    )
    half = pair._replace(weight=torch.full((8,), 0.5))
    torch.testing.assert_close(weight('categorical', logits=half), mass / 2)


def test_windows_divide_by_their_own_number():
    pair = detector_rows(3, 5, level=-20.0)
    reader = ObjectRowsReader()
    weighed = reader.weighed(
        pair, 6.0, CLASSES, True, places=torch.tensor(4.0)
    )
    assert float(weighed.avg_factor) == 12.0  # 8 windows of 4 places


def test_the_students_own_divisor_is_one_word_apart():
    pair = detector_rows(3, 500, level=-2.0)
    assert ObjectRowsReader(divisor='student').weighed(
        pair, 3.0, CLASSES, True
    ).avg_factor == pytest.approx(3.0)
    # a head that does not divide: its labelled rows are counted
    counted = ObjectRowsReader(divisor='student')
    assert counted.weighed(pair, None, CLASSES, True).avg_factor == 3


def test_foreground_is_all_but_the_background():
    logits = torch.randn(5, CLASSES, generator=seeded(2)).half()
    prob = foreground_prob(logits, True, CLASSES)
    assert prob.dtype == torch.float32
    other = append_zero(logits.float()).softmax(1)[:, CLASSES]
    torch.testing.assert_close(prob, 1 - other)
    sure = torch.full((1, CLASSES), -200.0)
    assert float(foreground_prob(sure, True, CLASSES)) >= 0


def test_unknown_words_are_named():
    with pytest.raises(ValueError, match="rows must be 'all' or 'positive'"):
        ObjectRowsReader(rows='some')
    with pytest.raises(ValueError, match="or 'foreground', got 'iou'"):
        ObjectRowsReader(weighting='iou')
    with pytest.raises(ValueError, match="'objects' or 'student', got 'gpu'"):
        ObjectRowsReader(divisor='gpu')


def test_docstring_examples_run():
    assert doctest.testmod(object_rows).attempted > 0
    assert not doctest.testmod(object_rows).failed
