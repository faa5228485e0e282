"""Rows of logits become fields and come back."""

import math

import numpy as np
import pytest
import torch

from mmkd_logit.cache.form import RowForm
from mmkd_logit.losses import dkd_loss, gdkd_loss, kd_loss
from tests.toys import seeded


def there_and_back(form, logits):
    fields = form.fields(0, tuple(logits.shape[1:]))
    records = np.zeros(len(logits), np.dtype(fields))
    for name, values in form.pack(0, logits).items():
        records[name] = values
    return form.unpack(0, records, logits.shape[1])


@pytest.mark.parametrize('shape', [(3, 5), (2, 5, 4), (2, 5, 3, 2)])
def test_all_in_float32_is_exact(shape):
    logits = torch.randn(shape, generator=seeded(0))
    assert torch.equal(there_and_back(RowForm(), logits), logits)


def test_half_precision_rounds_each_logit():
    logits = torch.randn(4, 6, generator=seeded(0)) * 9
    back = there_and_back(RowForm.of('all', 'float16'), logits)
    assert torch.equal(back, logits.half().float())


def test_the_rest_shares_its_mass_evenly():
    # exp: 4, 2, 1, 1; kept 4 and 2, the rest 2 shared by two classes
    logits = torch.tensor([[1.0, 4.0, 1.0, 2.0]]).log()
    back = there_and_back(RowForm.of(2, 'float32'), logits)
    torch.testing.assert_close(back.exp(), logits.exp())
    # exp: 8, 3, 1; kept 8, the rest 4 shared by two
    logits = torch.tensor([[3.0, 8.0, 1.0]]).log()
    back = there_and_back(RowForm.of('1', 'float32'), logits)
    torch.testing.assert_close(back.exp(), torch.tensor([[2.0, 8.0, 2.0]]))


@pytest.mark.parametrize('shape', [(4, 9), (2, 9, 3, 2)])
def test_probabilities_of_the_kept_classes_are_exact_at_tau_1(shape):
    logits = 3 * torch.randn(shape, generator=seeded(0))
    back = there_and_back(RowForm.of(3, 'float32'), logits)
    top = logits.topk(3, 1)[1]
    ours, theirs = back.softmax(1).gather(1, top), logits.softmax(1)
    torch.testing.assert_close(ours, theirs.gather(1, top))
    assert torch.equal(back.topk(3, 1)[1], top)


def losses_of(function, keep, **kwargs):
    """With all logits of the teacher, and with those that are kept."""
    student = torch.randn(6, 9, generator=seeded(1))
    teacher = 3 * torch.randn(6, 9, generator=seeded(0))
    labels = teacher.topk(2, 1)[1][:, 1]
    back = there_and_back(RowForm.of(keep, 'float32'), teacher)
    return [function(student, t, labels, **kwargs) for t in (teacher, back)]


def test_what_the_page_calls_exact_is():
    # TCKD of a kept class at tau = 1, and its opposite, the whole of DKD
    torch.testing.assert_close(
        *losses_of(dkd_loss, 3, tau=1.0, alpha=1.0, beta=0.0)
    )
    whole, kept = losses_of(dkd_loss, 3, tau=1.0, alpha=1.0, beta=1.0)
    assert (whole - kept).abs().min() > 1e-4
    tckd = losses_of(dkd_loss, 3, tau=4.0, alpha=1.0, beta=0.0)
    assert (tckd[0] - tckd[1]).abs().max() > 1e-4
    # the largest three among each other, at any temperature
    for tau in (1.0, 4.0):
        torch.testing.assert_close(
            *losses_of(
                lambda s, t, labels, tau=tau: gdkd_loss(
                    s, t, tau, k=3, w0=0.0, w1=1.0, w2=0.0
                ),
                3,
            )
        )
    kd = losses_of(lambda s, t, labels: kd_loss(s, t, 1.0), 3)
    assert (kd[0] - kd[1]).abs().min() > 1e-4


@pytest.mark.parametrize(
    'keep, dtype, words',
    [
        (0, 'float32', "keep must be 'all' or a number of logits >= 1, got 0"),
        ('some', 'float32', "keep must be 'all' .* got 'some'"),
        (3, 'bfloat16', "dtype must be 'float32' or 'float16', got 'bfl"),
    ],
)
def test_no_other_forms(keep, dtype, words):
    with pytest.raises(ValueError, match=words):
        RowForm.of(keep, dtype)


@pytest.mark.parametrize(
    'form, largest, words',
    [
        (RowForm(None, 'float16'), 7e4, 'is 7e.04, more than float16 can'),
        (RowForm(), math.inf, 'logits are not finite'),
        (RowForm(4), 1.0, '--keep 4 of rows that have 4 logits'),
    ],
)
def test_logits_that_a_form_cannot_hold(form, largest, words):
    logits = torch.zeros(2, 4)
    logits[1, 2] = largest
    with pytest.raises(ValueError, match=words):
        form.pack(0, logits)


@pytest.mark.parametrize('classes, size', [(256, 1), (257, 2), (70000, 4)])
def test_class_numbers_take_as_few_bytes_as_they_need(classes, size):
    logits = torch.zeros(1, classes)
    logits[0, -1] = 5
    form = RowForm(1)
    assert form.pack(0, logits)['classes0'].dtype.itemsize == size
    back = there_and_back(form, logits)
    assert back.argmax() == classes - 1
