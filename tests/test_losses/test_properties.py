"""What holds for every input, tried on random ones."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmkd_logit.losses import (
    dkd_loss,
    gdkd3_loss,
    gdkd_loss,
    kd_loss,
    ldrld_loss,
    nkd_loss,
    standardize,
)
from tests.test_losses.properties import (
    batches,
    check_degenerate_rows,
    check_margins,
    check_masked_class,
    check_memory_layouts,
    check_no_number_is_seen,
    check_one_graph,
    check_order_of_classes,
    draw,
    quick,
)

LOSSES = dict(
    kd=lambda s, t, y, tau: kd_loss(s, t, tau),
    dkd=lambda s, t, y, tau: dkd_loss(s, t, y, tau, 1.0, 8.0),
    nkd=lambda s, t, y, tau: nkd_loss(s, t, y, tau, 1.5),
    gdkd=lambda s, t, y, tau: gdkd_loss(s, t, tau, 3, 1.0, 2.0, 8.0),
    gdkd_reverse=lambda s, t, y, tau: gdkd_loss(
        s, t, tau, 3, 1.0, 2.0, 8.0, kl_type='reverse'
    ),
    gdkd3=lambda s, t, y, tau: gdkd3_loss(s, t, tau, 4, 1.0, 2.0, 8.0),
    ldrld=lambda s, t, y, tau: ldrld_loss(s, t, tau, 4, 10.5, 7.0),
)
EVERY = pytest.mark.parametrize('name', LOSSES)
NOT_NKD = pytest.mark.parametrize('name', [n for n in LOSSES if n != 'nkd'])


@EVERY
@quick
@given(batch=batches, shift=st.floats(-50, 50))
def test_adding_a_number_to_a_row_changes_nothing(name, batch, shift):
    student, teacher, labels, tau = draw(batch)
    expected = LOSSES[name](student, teacher, labels, tau)
    moved = LOSSES[name](student + shift, teacher - shift, labels, tau)
    torch.testing.assert_close(moved, expected, rtol=1e-8, atol=1e-9)


@EVERY
@quick
@given(batch=batches)
def test_the_order_of_the_classes_does_not_matter(name, batch):
    check_order_of_classes(LOSSES[name], batch, 1e-9, 1e-11)


@EVERY
@quick
@given(batch=batches)
def test_never_negative(name, batch):
    assert (LOSSES[name](*draw(batch)) >= 0).all()


@NOT_NKD
@quick
@given(batch=batches, shift=st.floats(-5, 5))
def test_zero_with_zero_gradient_at_equality(name, batch, shift):
    _, teacher, labels, tau = draw(batch)
    student = (teacher + shift).requires_grad_()
    loss = LOSSES[name](student, teacher, labels, tau)
    loss.sum().backward()
    assert loss.abs().max() < 1e-10 and student.grad.abs().max() < 1e-10


@EVERY
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000), tau=st.sampled_from([1.0, 4.0]))
def test_gradient_agrees_with_finite_differences(name, seed, tau):
    student, teacher, labels, _ = draw((seed, 2, 8, 2.0, tau))
    student.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda s: LOSSES[name](s, teacher, labels, tau), student
    )


@EVERY
def test_gradient_of_each_row_sums_to_0_and_none_reaches_the_teacher(name):
    student, teacher, labels, tau = draw((0, 5, 12, 3.0, 4.0))
    student.requires_grad_()
    teacher.requires_grad_()
    LOSSES[name](student, teacher, labels, tau).sum().backward()
    assert student.grad.sum(1).abs().max() < 1e-10
    assert teacher.grad is None


@EVERY
@pytest.mark.parametrize(
    'dtype', [torch.float32, torch.float16, torch.bfloat16]
)
@pytest.mark.parametrize('signs', [(1, 1), (1, -1), (-1, 1), (-1, -1)])
def test_margins_of_1e4_stay_finite(name, dtype, signs):
    check_margins(LOSSES[name], dtype, signs)


@EVERY
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_equals_float32_on_the_rounded_logits(name, dtype):
    student, teacher, labels, tau = draw((2, 6, 10, 3.0, 4.0))
    student, teacher = student.to(dtype), teacher.to(dtype)
    torch.testing.assert_close(
        LOSSES[name](student, teacher, labels, tau),
        LOSSES[name](student.float(), teacher.float(), labels, tau),
    )
    with torch.autocast('cpu', dtype=torch.bfloat16):
        inside = LOSSES[name](student.float(), teacher.float(), labels, tau)
    torch.testing.assert_close(
        inside, LOSSES[name](student.float(), teacher.float(), labels, tau)
    )


@EVERY
def test_a_class_at_minus_infinity_in_both_models_is_left_out(name):
    check_masked_class(LOSSES[name])


@EVERY
def test_a_row_without_any_class_left_is_finite(name):
    student, teacher, labels, tau = draw((4, 6, 12, 3.0, 4.0))
    student[2] = teacher[2] = -torch.inf
    student.requires_grad_()
    rows = LOSSES[name](student, teacher, labels, tau)
    rows.sum().backward()
    assert rows.isfinite().all()
    assert student.grad.isfinite().all() and (student.grad[2] == 0).all()


@EVERY
def test_constant_rows_ties_and_one_hot_teachers_are_finite(name):
    check_degenerate_rows(LOSSES[name])


@EVERY
def test_no_rows(name):
    student = torch.zeros(0, 8, requires_grad=True)
    rows = LOSSES[name](student, torch.zeros(0, 8), torch.zeros(0).long(), 4.0)
    rows.sum().backward()
    assert rows.shape == (0,) and student.grad.shape == (0, 8)


@EVERY
def test_rows_in_any_memory_layout_give_the_same(name):
    check_memory_layouts(LOSSES[name])


# Identities between methods


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


@EVERY
def test_compiles_into_one_graph(name):
    check_one_graph(LOSSES[name])


@EVERY
@pytest.mark.parametrize(
    'dtype', [torch.float32, torch.float64, torch.bfloat16], ids=str
)
def test_what_is_no_number_is_seen(name, dtype):
    check_no_number_is_seen(LOSSES[name], dtype)
