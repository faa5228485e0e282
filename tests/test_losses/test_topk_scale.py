"""The scaling module of TopKD inside other losses.

What it computes by itself is tested in ``test_topkd.py``.
"""

import pytest
import torch

from mmkd_logit.losses import (
    DKDLoss,
    KDLoss,
    dkd_loss,
    kd_loss,
    standardize,
    topk_scale,
)
from mmkd_logit.structures.head_facts import HeadFacts
from tests.toys import seeded


def logits():
    student, teacher = 3 * torch.randn(2, 6, 9, generator=seeded(0))
    labels = torch.randint(9, (6,), generator=seeded(1))
    return student.double(), teacher.double(), labels


def test_a_loss_sees_the_amplified_teacher():
    student, teacher, labels = logits()
    loss = KDLoss(tau=4.0, topk_scale=dict(k=2))
    expected = kd_loss(student, topk_scale(teacher, labels, k=2), 4.0)
    got = loss(student, teacher, labels)
    torch.testing.assert_close(got, expected.mean(), rtol=0, atol=1e-12)
    assert not torch.isclose(got, KDLoss(tau=4.0)(student, teacher))
    # without labels the top classes alone are amplified
    expected = kd_loss(student, topk_scale(teacher, None, k=2), 4.0).mean()
    torch.testing.assert_close(loss(student, teacher), expected)


def test_the_amplified_teacher_is_standardized():
    student, teacher, labels = logits()
    loss = DKDLoss(
        tau=2.0, beta=3.0, standardize=True, topk_scale=dict(k=3, offset=0.0)
    )
    scaled = topk_scale(teacher, labels, k=3, offset=0.0)
    expected = dkd_loss(
        standardize(student), standardize(scaled), labels, 2.0, beta=3.0
    )
    torch.testing.assert_close(loss(student, teacher, labels), expected.mean())


def test_settings_that_do_not_fit():
    with pytest.raises(ValueError, match="has no setting 'kk'; it takes k, s"):
        KDLoss(topk_scale=dict(kk=2))
    with pytest.raises(ValueError, match='k must be a whole number >= 1'):
        KDLoss(topk_scale=dict(k=0))
    with pytest.raises(TypeError, match='topk_scale must be a dict .* got 5'):
        KDLoss(topk_scale=5)
    with pytest.raises(ValueError, match='independent .sigmoid.; remove topk'):
        KDLoss(use_sigmoid=True, topk_scale=dict(k=2))
    with pytest.raises(ValueError, match='independent .sigmoid.; remove topk'):
        KDLoss(topk_scale=dict(k=2)).check(HeadFacts(9, 9, use_sigmoid=True))
