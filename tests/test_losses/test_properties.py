"""What holds for every input, tried on random ones."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmkd_logit.losses import (
    abkd_loss,
    dist_loss,
    dkd_loss,
    gdkd3_loss,
    gdkd_loss,
    gram_loss,
    kd_loss,
    ldrld_loss,
    nkd_loss,
    rld_loss,
    wkd_loss,
    wsld_loss,
    wttm_loss,
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
from tests.toys import seeded


def cost_of(classes):
    """The same for every pair of classes, so that names do not matter."""
    return 0.4 * (1 - torch.eye(classes))


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
    dist=lambda s, t, y, tau: dist_loss(s, t, tau, 1.5, 0.7),
    dist_sigmoid=lambda s, t, y, tau: dist_loss(
        s, t, tau, 1.5, 0.7, use_sigmoid=True
    ),
    ttm=lambda s, t, y, tau: wttm_loss(s, t, 1 / tau, weighted=False),
    wttm=lambda s, t, y, tau: wttm_loss(s, t, 1 / tau),
    rld=lambda s, t, y, tau: rld_loss(s, t, y, tau, 1.0, 1.0, 8.0),
    wkd=lambda s, t, y, tau: wkd_loss(s, t, y, cost_of(s.shape[1]), tau, 5.0),
    abkd=lambda s, t, y, tau: abkd_loss(s, t, tau, 0.8, 0.3),
    abkd_reverse=lambda s, t, y, tau: abkd_loss(s, t, tau, 0.0, 1.0),
    wsld=lambda s, t, y, tau: wsld_loss(s, t, y, tau),
    gram_classes=lambda s, t, y, tau: gram_loss(s, t, tau, 'classes'),
    gram_rows=lambda s, t, y, tau: gram_loss(s, t, tau, 'rows'),
)
#: One number for all rows.
SCALARS = ('dist', 'dist_sigmoid', 'gram_classes', 'gram_rows')
#: KLs of groups of classes, in closed form.
GROUPS = ('kd', 'dkd', 'nkd', 'gdkd', 'gdkd_reverse', 'gdkd3', 'ldrld')


def without(*names):
    """Every loss but those for which the definition says otherwise."""
    assert set(names) <= set(LOSSES)
    return pytest.mark.parametrize(
        'name', [name for name in LOSSES if name not in names]
    )


@without('dist_sigmoid')  # a Bernoulli has no other class to be shifted with
@quick
@given(batch=batches, shift=st.floats(-50, 50))
def test_adding_a_number_to_a_row_changes_nothing(name, batch, shift):
    student, teacher, labels, tau = draw(batch)
    expected = LOSSES[name](student, teacher, labels, tau)
    moved = LOSSES[name](student + shift, teacher - shift, labels, tau)
    rtol, atol = (1e-8, 1e-9) if name in GROUPS else (1e-6, 1e-8)
    torch.testing.assert_close(moved, expected, rtol=rtol, atol=atol)


@without()
@quick
@given(batch=batches)
def test_the_order_of_the_classes_does_not_matter(name, batch):
    rtol, atol = (1e-9, 1e-11) if name in GROUPS else (1e-7, 1e-9)
    check_order_of_classes(LOSSES[name], batch, rtol, atol)


@without()
@quick
@given(batch=batches)
def test_the_order_of_the_rows_does_not_matter(name, batch):
    student, teacher, labels, tau = draw(batch)
    order = torch.randperm(len(student), generator=seeded(batch[0]))
    moved = LOSSES[name](student[order], teacher[order], labels[order], tau)
    expected = LOSSES[name](student, teacher, labels, tau)
    if name not in SCALARS:
        expected = expected[order]
    torch.testing.assert_close(moved, expected, rtol=1e-7, atol=1e-9)


@without()
@quick
@given(batch=batches)
def test_never_negative(name, batch):
    assert (LOSSES[name](*draw(batch)) >= 0).all()


# cross-entropies keep the teacher's entropy, a transformed teacher is another,
# a wrong teacher is met at another class, and a plan of entropy is never idle
@without('nkd', 'ttm', 'wttm', 'rld', 'wkd', 'wsld', 'dist', 'dist_sigmoid')
@quick
@given(batch=batches, shift=st.floats(-5, 5))
def test_zero_with_zero_gradient_at_equality(name, batch, shift):
    _, teacher, labels, tau = draw(batch)
    student = (teacher + shift).requires_grad_()
    loss = LOSSES[name](student, teacher, labels, tau)
    loss.sum().backward()
    assert loss.abs().max() < 1e-10 and student.grad.abs().max() < 1e-10


@without()
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000), tau=st.sampled_from([1.0, 4.0]))
def test_gradient_agrees_with_finite_differences(name, seed, tau):
    student, teacher, labels, _ = draw((seed, 3, 8, 2.0, tau))
    student.requires_grad_()

    def loss(s):
        if name == 'wsld':  # no gradient flows through its weight
            rows, parts = wsld_loss(s, teacher, labels, tau, with_parts=True)
            return rows / parts['row_weight']
        return LOSSES[name](s, teacher, labels, tau)

    assert torch.autograd.gradcheck(loss, student)


@without()
def test_no_gradient_reaches_the_teacher_nor_the_rows_shift(name):
    student, teacher, labels, tau = draw((0, 5, 12, 3.0, 4.0))
    student.requires_grad_()
    teacher.requires_grad_()
    LOSSES[name](student, teacher, labels, tau).sum().backward()
    assert teacher.grad is None and student.grad.abs().max() > 0
    if name != 'dist_sigmoid':
        assert student.grad.sum(1).abs().max() < 1e-10


@without()
@pytest.mark.parametrize(
    'dtype', [torch.float32, torch.float16, torch.bfloat16]
)
@pytest.mark.parametrize('signs', [(1, 1), (1, -1), (-1, 1), (-1, -1)])
def test_margins_of_1e4_stay_finite(name, dtype, signs):
    check_margins(LOSSES[name], dtype, signs)


@without()
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_equals_float32_on_the_rounded_logits(name, dtype):
    student, teacher, labels, tau = draw((2, 6, 10, 3.0, 4.0))
    student, teacher = student.to(dtype), teacher.to(dtype)
    expected = LOSSES[name](student.float(), teacher.float(), labels, tau)
    torch.testing.assert_close(
        LOSSES[name](student, teacher, labels, tau), expected
    )
    leaf = student.float().requires_grad_()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        inside = LOSSES[name](leaf, teacher.float(), labels, tau)
        inside.sum().backward()
    torch.testing.assert_close(inside, expected)
    plain = student.float().requires_grad_()
    LOSSES[name](plain, teacher.float(), labels, tau).sum().backward()
    torch.testing.assert_close(leaf.grad, plain.grad)


@without('dist', 'dist_sigmoid', 'gram_classes', 'wkd')  # C is in their means
def test_a_class_at_minus_infinity_in_both_models_is_left_out(name):
    check_masked_class(LOSSES[name])


@without()
@pytest.mark.parametrize('where', ['class', 'row', 'row and class'])
def test_minus_infinity_in_both_models_is_finite(name, where):
    student, teacher, labels, tau = draw((4, 6, 12, 3.0, 4.0))
    labels = labels % 11
    for logits in (student, teacher):
        if 'class' in where:
            logits[:, 11] = -torch.inf
        if 'row' in where:
            logits[2] = -torch.inf
    student.requires_grad_()
    rows = LOSSES[name](student, teacher, labels, tau)
    rows.sum().backward()
    assert rows.isfinite().all() and student.grad.isfinite().all()
    if 'row' in where:
        assert (student.grad[2] == 0).all()
    if 'class' in where:
        assert (student.grad[:, 11] == 0).all()


@without()
def test_constant_rows_ties_and_one_hot_teachers_are_finite(name):
    check_degenerate_rows(LOSSES[name])


@without()
def test_no_rows(name):
    student = torch.zeros(0, 8, requires_grad=True)
    rows = LOSSES[name](student, torch.zeros(0, 8), torch.zeros(0).long(), 4.0)
    rows.sum().backward()
    assert rows.shape == (() if name in SCALARS else (0,))
    assert rows.sum() == 0 and student.grad.shape == (0, 8)


@without()
def test_rows_in_any_memory_layout_give_the_same(name):
    check_memory_layouts(LOSSES[name])


@without()
def test_compiles_into_one_graph(name):
    check_one_graph(LOSSES[name])


@pytest.mark.parametrize('name', LOSSES)
@pytest.mark.parametrize(
    'dtype', [torch.float32, torch.float64, torch.bfloat16], ids=str
)
def test_what_is_no_number_is_seen(name, dtype):
    # the sigmoid of inf is 1
    values = (torch.nan,) if 'sigmoid' in name else (torch.nan, torch.inf)
    check_no_number_is_seen(LOSSES[name], dtype, values)
