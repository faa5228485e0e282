"""Where one method is another, tried on random rows."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from mmkd_logit.losses import (
    dkd_loss,
    gdkd3_loss,
    gdkd_loss,
    kd_loss,
    standardize,
)
from tests.test_losses.properties import batches, draw, quick


def masses(teacher, tau, index):
    return (teacher / tau).softmax(1).gather(1, index).sum(1)


@quick
@given(batch=batches)
def test_dkd_is_kd_when_beta_is_the_non_target_mass(batch):
    student, teacher, labels, tau = draw(batch)
    q = (teacher / tau).softmax(1)
    rest = q.scatter(1, labels[:, None], 0.0).sum(1)
    torch.testing.assert_close(
        dkd_loss(student, teacher, labels, tau, 1.0, rest),
        kd_loss(student, teacher, tau),
        rtol=1e-9,
        atol=1e-10,
    )


@quick
@given(batch=batches, k=st.integers(1, 5))
def test_gdkd_is_kd_when_its_weights_are_the_masses(batch, k):
    student, teacher, _, tau = draw(batch)
    top = teacher.topk(k)[1]
    inside = masses(teacher, tau, top)
    rest = (teacher / tau).softmax(1).scatter(1, top, 0.0).sum(1)
    torch.testing.assert_close(
        gdkd_loss(student, teacher, tau, k, 1.0, inside, rest),
        kd_loss(student, teacher, tau),
        rtol=1e-9,
        atol=1e-10,
    )


@quick
@given(batch=batches, k=st.integers(2, 5))
def test_gdkd3_is_kd_when_its_weights_are_the_masses(batch, k):
    student, teacher, _, tau = draw(batch)
    top = teacher.topk(k)[1]
    middle = masses(teacher, tau, top[:, 1:])
    rest = (teacher / tau).softmax(1).scatter(1, top, 0.0).sum(1)
    torch.testing.assert_close(
        gdkd3_loss(student, teacher, tau, k, 1.0, middle, rest),
        kd_loss(student, teacher, tau),
        rtol=1e-9,
        atol=1e-10,
    )


@quick
@given(batch=batches)
def test_gdkd_with_one_class_is_dkd_on_the_teachers_choice(batch):
    student, teacher, _, tau = draw(batch)
    torch.testing.assert_close(
        gdkd_loss(student, teacher, tau, 1, 1.0, 5.0, 8.0),
        dkd_loss(student, teacher, teacher.argmax(1), tau, 1.0, 8.0),
    )


@quick
@given(batch=batches, a=st.floats(0.1, 9), c=st.floats(-9, 9))
def test_standardized_logits_forget_scale_and_shift(batch, a, c):
    student, _, _, _ = draw(batch)
    torch.testing.assert_close(
        standardize(a * student + c),
        standardize(student),
        rtol=1e-5,
        atol=1e-5,
    )
    moments = standardize(student)
    assert moments.mean(1).abs().max() < 1e-9
    torch.testing.assert_close(
        moments.std(1),
        torch.ones(len(student), dtype=torch.float64),
        rtol=1e-5,
        atol=0,
    )
