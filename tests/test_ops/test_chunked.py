"""The fast form against the readable one."""

import itertools

import pytest
import torch

from mmkd_logit.ops import chunked
from mmkd_logit.ops.group_kl_plain import group_kl_plain
from mmkd_logit.ops.top_classes import top_classes
from tests.test_ops.questions import Spec, ask, by_autograd, opened


@pytest.fixture(autouse=True)
def plain_calls(monkeypatch):
    """Rows of each chunk that was left to the plain form."""
    calls = []

    def plain(question):
        calls.append(len(question.student))
        return group_kl_plain(question)

    monkeypatch.setattr(chunked, 'group_kl_plain', plain)
    return calls


def answer(*question, need_grad=True):
    return opened(chunked.group_kl(ask(*question), need_grad))


def logits(count, classes, seed, by_class=False, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    shape = (classes, count) if by_class else (count, classes)
    drawn = 3 * torch.randn(shape, generator=generator, dtype=dtype)
    return drawn.t() if by_class else drawn


def assert_same(*question, **tolerance):
    rows, parts, grad = answer(*question)
    expected = by_autograd(*question)
    for found, wanted in zip((rows, parts, grad), expected):
        torch.testing.assert_close(found, wanted, **tolerance)
    assert grad.stride() == question[0].stride()
    rows, _, grad = answer(*question, need_grad=False)
    torch.testing.assert_close(rows, expected[0], **tolerance)
    assert grad is None


@pytest.mark.parametrize(
    'k, lead, kl_type, by_class',
    list(
        itertools.product(
            [0, 1, 3], [0, 1], ['forward', 'reverse', 'both'], [False, True]
        )
    ),
)
@pytest.mark.parametrize('chunk', [21, 1 << 18])
def test_it_equals_the_plain_form(
    monkeypatch, plain_calls, chunk, k, lead, kl_type, by_class
):
    monkeypatch.setattr(chunked, 'CHUNK', chunk)
    student, teacher = logits(11, 7, 0, by_class), logits(11, 7, 1, by_class)
    top = teacher.topk(k, dim=1)[1] if k else None
    spec = Spec(2.0, min(lead, k), 0.7, 1.3, 2.1, kl_type)
    assert_same(student, teacher, top, spec)
    assert not plain_calls


@pytest.mark.parametrize('by_class', [False, True])
def test_weights_may_differ_from_row_to_row(monkeypatch, by_class):
    monkeypatch.setattr(chunked, 'CHUNK', 28)
    student, teacher = logits(10, 7, 2, by_class), logits(10, 7, 3, by_class)
    w_high, w_top, w_rest = torch.rand(3, 10, dtype=torch.float64)
    spec = Spec(4.0, 1, w_high, w_top, w_rest, 'both')
    assert_same(student, teacher, teacher.topk(3, dim=1)[1], spec)


@pytest.mark.parametrize(
    'top',
    [
        None,
        torch.tensor([[0], [3], [2]]),
        torch.tensor([[0, 1], [3, 2], [2, 4]]),
    ],
)
def test_cross_entropy_keeps_the_teachers_entropy(top):
    student, teacher = logits(3, 5, 4), logits(3, 5, 5)
    spec = Spec(1.0, w_high=0.8, w_rest=1.5, cross_entropy=True)
    assert_same(student, teacher, top, spec)


def test_only_chunks_that_leave_the_range_take_the_plain_form(
    monkeypatch, plain_calls
):
    monkeypatch.setattr(chunked, 'CHUNK', 10)
    student, teacher = logits(6, 5, 6), logits(6, 5, 7)
    student[4, 2] = 9e3
    top = torch.full((6, 1), 2)
    assert_same(student, teacher, top, Spec(1.0, 0, 1.0, 0.0, 8.0))
    assert plain_calls == [2, 2]  # once with the gradient, once without


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    student = logits(8, 6, 8, dtype=torch.float32).to(dtype)
    teacher = logits(8, 6, 9, dtype=torch.float32).to(dtype)
    top, spec = top_classes(teacher, 2), Spec(2.0, 0, 1.0, 1.0, 8.0)
    rows, _, grad = answer(student, teacher, top, spec)
    wanted, _, grad_wanted = answer(
        student.float(), teacher.float(), top, spec
    )
    assert rows.dtype == grad.dtype == torch.float32
    assert torch.equal(rows, wanted) and torch.equal(grad, grad_wanted)


def test_layouts_of_student_and_teacher_may_differ():
    student, teacher = logits(9, 4, 10, True), logits(9, 4, 11, False)
    assert_same(student, teacher, None, Spec(3.0))


def test_strided_rows_need_no_copy():
    student, teacher = logits(16, 6, 12)[::2], logits(16, 6, 13)[::2]
    wide = logits(8, 12, 14)[:, ::2]
    rows, _, grad = answer(student, teacher, None, Spec(1.0))
    wanted, _, grad_wanted = by_autograd(student, teacher, None, Spec(1.0))
    torch.testing.assert_close((rows, grad), (wanted, grad_wanted))
    rows, _, grad = answer(wide, teacher, None, Spec(1.0))
    wanted, _, grad_wanted = by_autograd(wide, teacher, None, Spec(1.0))
    torch.testing.assert_close((rows, grad), (wanted, grad_wanted))
