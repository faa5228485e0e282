"""A backend that computes something else is found at its first use."""

import warnings

import pytest
import torch

from mmkd_logit.ops import chunked
from mmkd_logit.ops.first_use import FirstUse
from tests.test_ops.questions import Spec, ask
from tests.toys import seeded


def question(count=400, dtype=torch.float32, by_class=False, **kwargs):
    shape = (2, 6, count) if by_class else (2, count, 6)
    logits = 3 * torch.randn(shape, generator=seeded(0)).to(dtype)
    student, teacher = logits.transpose(1, 2) if by_class else logits
    top = torch.arange(count)[:, None] % 6
    settings = dict(tau=4.0, w_high=1.0, w_rest=torch.full((count,), 8.0))
    return ask(student, teacher, top, Spec(**{**settings, **kwargs}))


class Backend:
    """That of the CPU, spoiled by a function of its answer."""

    def __init__(self, spoil=lambda answer: answer):
        self.spoil = spoil
        self.asked = []

    def __call__(self, question, need_grad):
        self.asked.append(question)
        return self.spoil(chunked.group_kl(question, need_grad))


@pytest.mark.parametrize('by_class', [False, True])
@pytest.mark.parametrize(
    'dtype', [torch.float32, torch.float16, torch.bfloat16]
)
def test_a_right_backend_is_compared_once_on_a_few_rows(dtype, by_class):
    backend = Backend()
    first_use = FirstUse(backend, 'it')
    whole = question(dtype=dtype, by_class=by_class)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        found = first_use(whole, True)
        first_use(whole, True)
    counts = [len(asked.student) for asked in backend.asked]
    # 1024 logits are 170 rows: every third row, then all, and all again
    assert counts == [134, 400, 400]
    sample = backend.asked[0]
    assert (sample.student.stride(0) == 3) == by_class
    assert sample.w_rest.shape == (134,) and sample.top.shape == (134, 1)
    torch.testing.assert_close(
        found.value, chunked.group_kl(whole, True).value
    )


def times_two(grad):
    return lambda *given: 2 * grad(*given)


@pytest.mark.parametrize(
    'spoil',
    [
        lambda answer: answer._replace(value=answer.value * 1.01),
        lambda answer: answer._replace(parts=answer.parts + 0.1),
        lambda answer: answer._replace(pullback=times_two(answer.pullback)),
        lambda answer: answer._replace(value=answer.value * torch.nan),
    ],
)
def test_a_wrong_backend_is_told_and_not_asked_again(spoil):
    backend = Backend(spoil)
    first_use = FirstUse(backend, 'The kernel')
    with pytest.warns(UserWarning, match='The kernel gives other numbers'):
        assert first_use(question(), True) is None
    assert first_use(question(), True) is None
    assert len(backend.asked) == 1


def test_a_backend_that_fails_is_told_why():
    def fails(question, need_grad):
        raise ValueError('no compiler')

    with pytest.warns(UserWarning, match='does not work here: no compiler'):
        assert FirstUse(fails, 'The kernel')(question(), True) is None


def test_each_kind_of_question_is_compared():
    backend = Backend()
    first_use = FirstUse(backend, 'it')
    for kind in (question(), question(w_rest=8.0), question(w_high=0.5)):
        first_use(kind, True)
    first_use(question(), False)
    # the third has the types of the first
    assert len(backend.asked) == 4 + 3


def test_what_a_backend_leaves_alone_is_no_mistake():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert FirstUse(lambda *_: None, 'it')(question(), True) is None
        double = question(dtype=torch.float64)
        assert FirstUse(Backend(), 'it')(double, True) is None


def test_rows_that_are_equal_or_not_finite_are_compared():
    same = question(dtype=torch.float16)
    same.student.copy_(same.teacher)
    odd = question(dtype=torch.bfloat16)
    odd.student[0, 1], odd.teacher[3, 2] = torch.nan, torch.inf
    large = question()
    large.student.mul_(1e3), large.teacher.mul_(1e3)
    for asked in (same, odd, large):
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            assert FirstUse(Backend(), 'it')(asked, True) is not None


def test_no_rows_decide_nothing():
    backend = Backend()
    first_use = FirstUse(backend, 'it')
    assert first_use(question(count=0), True).value.shape == (0,)
    assert first_use.trusted == {}
