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
from tests.toys import seeded

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

batches = st.tuples(
    st.integers(0, 10**6),
    st.integers(1, 6),
    st.integers(6, 40),
    st.sampled_from([0.3, 3.0, 30.0]),
    st.sampled_from([1.0, 2.0, 4.0]),
)
quick = settings(max_examples=20, deadline=None)


def draw(batch, dtype=torch.float64):
    seed, rows, classes, scale, tau = batch
    rng = seeded(seed)
    student, teacher = scale * torch.randn(
        2, rows, classes, generator=rng, dtype=dtype
    )
    labels = torch.randint(classes, (rows,), generator=rng)
    return student, teacher, labels, tau


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
    student, teacher, labels, tau = draw(batch)
    order = torch.randperm(student.shape[1], generator=seeded(batch[0]))
    moved = LOSSES[name](
        student[:, order], teacher[:, order], order.argsort()[labels], tau
    )
    expected = LOSSES[name](student, teacher, labels, tau)
    torch.testing.assert_close(moved, expected, rtol=1e-9, atol=1e-11)


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
    student, teacher, labels, _ = draw((1, 6, 10, 1.0, 1.0), torch.float32)
    for logits, sign in zip((student, teacher), signs):
        logits[range(6), labels] = sign * 1e4
    student = student.to(dtype).requires_grad_()
    rows = LOSSES[name](student, teacher.to(dtype), labels, 1.0)
    rows.sum().backward()
    assert rows.dtype == torch.float32
    assert rows.isfinite().all() and student.grad.isfinite().all()


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
    student, teacher, labels, tau = draw((3, 6, 12, 3.0, 4.0))
    labels = labels % 11
    student[:, 11] = teacher[:, 11] = -torch.inf
    student.requires_grad_()
    rows = LOSSES[name](student, teacher, labels, tau)
    rows.sum().backward()
    torch.testing.assert_close(
        rows, LOSSES[name](student[:, :11], teacher[:, :11], labels, tau)
    )
    assert student.grad.isfinite().all() and (student.grad[:, 11] == 0).all()


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
    labels = torch.tensor([0, 1, 2])
    teacher = torch.stack(
        [torch.zeros(8), torch.ones(8), 1000.0 * torch.eye(8)[2]]
    )
    student = torch.zeros(3, 8, requires_grad=True)
    rows = LOSSES[name](student, teacher, labels, 1.0)
    rows.sum().backward()
    assert rows.isfinite().all() and student.grad.isfinite().all()


@EVERY
def test_no_rows(name):
    student = torch.zeros(0, 8, requires_grad=True)
    rows = LOSSES[name](student, torch.zeros(0, 8), torch.zeros(0).long(), 4.0)
    rows.sum().backward()
    assert rows.shape == (0,) and student.grad.shape == (0, 8)


@EVERY
def test_rows_in_any_memory_layout_give_the_same(name):
    student, teacher, labels, tau = draw((4, 30, 9, 3.0, 4.0))
    expected = LOSSES[name](student, teacher, labels, tau)
    by_class = [x.t().contiguous().t() for x in (student, teacher)]
    strided = [torch.stack([x, x], 2)[..., 0] for x in (student, teacher)]
    for rows in (by_class, strided):
        leaf = rows[0].clone(memory_format=torch.preserve_format)
        leaf.requires_grad_()
        loss = LOSSES[name](leaf, rows[1], labels, tau)
        torch.testing.assert_close(loss, expected)
        loss.sum().backward()
        plain = student.clone().requires_grad_()
        LOSSES[name](plain, teacher, labels, tau).sum().backward()
        torch.testing.assert_close(leaf.grad, plain.grad)


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
    student, teacher, labels, tau = draw((5, 6, 12, 3.0, 4.0))
    student, teacher = student.float(), teacher.float()
    torch._dynamo.reset()
    compiled = torch.compile(LOSSES[name], fullgraph=True, backend='aot_eager')
    leaf = student.clone().requires_grad_()
    rows = compiled(leaf, teacher, labels, tau)
    rows.sum().backward()
    plain = student.clone().requires_grad_()
    expected = LOSSES[name](plain, teacher, labels, tau)
    expected.sum().backward()
    torch.testing.assert_close(rows, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(leaf.grad, plain.grad, rtol=1e-4, atol=1e-5)
