"""The compiled code against the readable form, and who takes its place."""

import itertools
import random

import pytest
import torch

from mmkd_logit import losses
from mmkd_logit.losses.ldrld import pair_weights
from mmkd_logit.ops import cpu as cpu_kernel
from mmkd_logit.ops import group_kl as group_module
from mmkd_logit.ops import top_classes as top_module
from mmkd_logit.ops.pair_kl import PairQuestion, pair_kl_plain
from mmkd_logit.ops.top_classes import TopQuestion, top_classes
from tests.test_ops.questions import Spec, ask, by_autograd, opened
from tests.toys import seeded

pytestmark = pytest.mark.skipif(
    cpu_kernel.library() is None,
    reason='the kernel is not built; with a C compiler: '
    'pip install --no-deps -e .',
)


@pytest.fixture(params=['1 thread', '3 threads', '3 portions'])
def threads(request, monkeypatch):
    """Several portions, also where no OpenMP library has threads for them."""
    before = torch.get_num_threads()
    torch.set_num_threads(int(request.param[0]))
    monkeypatch.setattr(cpu_kernel, 'WORTH_A_THREAD', 64)
    if request.param == '3 portions':
        monkeypatch.setattr(cpu_kernel.library(), 'parallel', None)
    yield
    torch.set_num_threads(before)


def logits(count, classes, seed, by_class=False):
    shape = (classes, count) if by_class else (count, classes)
    drawn = 3 * torch.randn(shape, generator=seeded(seed))
    return drawn.t() if by_class else drawn


def answer(*question, need_grad=True):
    """Rows, parts and gradient; None where the kernel does not serve."""
    found = cpu_kernel.group_kl(ask(*question), need_grad)
    return found and opened(found)


def largest(drawn, k, largest=True):
    found = cpu_kernel.top_classes(TopQuestion(drawn, k, largest), False)
    return found and found.value


def pairs(*question):
    """Rows and gradient; None where the kernel does not serve."""
    found = cpu_kernel.pair_kl(PairQuestion(*question), True)
    return found and opened(found)[::2]


def in_float64(student, teacher, top, spec):
    """Rows, parts and gradient by autograd through the readable form."""
    found = by_autograd(student.double(), teacher.double(), top, spec)
    return [x.float() for x in found]


def assert_same(student, teacher, top, spec):
    found = answer(student, teacher, top, spec)
    wanted = in_float64(student, teacher, top, spec)
    torch.testing.assert_close(list(found), wanted, rtol=1e-5, atol=2e-5)
    assert found[2].stride() == student.stride()
    rows, parts, grad = answer(student, teacher, top, spec, need_grad=False)
    assert grad is None
    assert torch.equal(rows, found[0]) and torch.equal(parts, found[1])


@pytest.mark.parametrize(
    'k, lead, by_class, size',
    list(
        itertools.product(
            [0, 1, 3], [0, 1], [False, True], [(5, 4), (200, 7), (130, 81)]
        )
    ),
)
def test_equals_the_plain_form(threads, k, lead, by_class, size):
    student, teacher = logits(*size, 0, by_class), logits(*size, 1, by_class)
    top = teacher.topk(k, dim=1)[1] if k else None
    assert_same(student, teacher, top, Spec(2.0, min(lead, k), 0.7, 1.3, 2.1))


@pytest.mark.parametrize('by_class', [False, True])
@pytest.mark.parametrize('classes', [2100, 5000])
def test_a_row_longer_than_a_tile(by_class, classes):
    student = logits(3, classes, 2, by_class)
    teacher = logits(3, classes, 3, by_class)
    top = teacher.topk(20, dim=1)[1]
    assert_same(student, teacher, top, Spec(4.0, 0, 1.0, 2.0, 8.0))


@pytest.mark.parametrize('by_class', [False, True])
def test_weights_may_differ_from_row_to_row(threads, by_class):
    student, teacher = logits(90, 7, 4, by_class), logits(90, 7, 5, by_class)
    w_high, w_top = torch.rand(2, 90, generator=seeded(6))
    w_rest = torch.rand(90, 2, generator=seeded(7), dtype=torch.float64)[:, 1]
    spec = Spec(4.0, 1, w_high, w_top, w_rest)
    assert_same(student, teacher, teacher.topk(3, dim=1)[1], spec)


def test_rounding_makes_no_part_negative():
    student = logits(500, 9, 30)
    teacher = student + 1e-4 * logits(500, 9, 31)
    top = teacher.topk(3, dim=1)[1]
    _, parts, _ = answer(student, teacher, top, Spec(1.0))
    assert (parts == 0).any(1).all() and (parts >= 0).all()
    weights = torch.ones(9, 9)
    assert pairs(student, teacher, weights)[0].min() >= 0


@pytest.mark.parametrize('with_top', [False, True])
def test_cross_entropy_keeps_the_teachers_entropy(with_top):
    student, teacher = logits(70, 5, 8), logits(70, 5, 9)
    top = torch.arange(70)[:, None] % 5 if with_top else None
    spec = Spec(1.0, w_high=0.8, w_rest=1.5, cross_entropy=True)
    assert_same(student, teacher, top, spec)


def test_rows_and_classes_of_larger_tensors_need_no_copy():
    student, teacher = logits(40, 9, 10)[::2, 2:8], logits(30, 6, 11)[5:25]
    spec = Spec(1.0)
    rows, _, grad = answer(student, teacher, None, spec)
    wanted = in_float64(student, teacher, None, spec)
    torch.testing.assert_close(rows, wanted[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(grad, wanted[2], rtol=1e-5, atol=1e-6)
    columns = logits(40, 9, 12, by_class=True)[3:33, 1:7]
    rows, _, grad = answer(columns, columns, None, spec)
    assert rows.abs().max() < 1e-5 and grad.abs().max() < 1e-6


def test_rows_that_share_memory():
    student, teacher = logits(1, 6, 40).expand(5, 6), logits(5, 6, 41)
    rows, _, grad = answer(student, teacher, None, Spec(1.0))
    wanted = in_float64(student, teacher, None, Spec(1.0))
    torch.testing.assert_close(rows, wanted[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(grad, wanted[2], rtol=1e-5, atol=1e-6)


def test_defaults_of_torch_change_nothing():
    student, teacher = logits(50, 6, 42), logits(50, 6, 43)
    labels = torch.arange(50) % 6

    def values():
        return [
            losses.GDKDLoss(k=2)(student, teacher).item(),
            losses.DKDLoss()(student, teacher, labels).item(),
            losses.LDRLDLoss(depth=3)(student, teacher).item(),
        ]

    before = values()
    torch.set_default_dtype(torch.float64)
    torch.set_default_device('meta')
    try:
        after = values()
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
    assert after == before


@pytest.mark.parametrize('seed', range(12))
def test_random_questions(threads, seed):
    choose = random.Random(seed).choice
    generator = seeded(seed)
    served = 0
    for _ in range(12):
        count = choose([1, 2, 16, 17, 63, 64, 65, 130, 300])
        classes = choose([2, 3, 5, 8, 9, 16, 19, 33, 81, 100, 257])
        by_class, scale = choose([False, True]), choose([0.1, 3, 10, 30])
        shape = (classes, count) if by_class else (count, classes)
        student, teacher = scale * torch.randn(2, *shape, generator=generator)
        if by_class:
            student, teacher = student.t(), teacher.t()
        k = min(choose([0, 1, 2, 5]), classes - 1)
        top = choose([student, teacher]).topk(k, dim=1)[1] if k else None
        lead = choose([0, 1]) if k else 0
        tau = choose([0.5, 1.0, 4.0, 20.0])
        w_high, w_top, w_rest = (
            choose([0.0, 2.5, torch.rand(count, generator=generator)])
            for _ in range(3)
        )
        spec = Spec(tau, lead, w_high, w_top, w_rest)
        if k < 2 and not lead:
            spec = spec._replace(cross_entropy=choose([False, True]))
        found = answer(student, teacher, top, spec)
        if found is None:  # out of float32's range
            assert scale / tau >= 10
            continue
        served += 1
        wanted = in_float64(student, teacher, top, spec)
        # rounding of logits over tau, times tau**2 and tau
        size = scale / tau + 1
        for x, y, unit in zip(found, wanted, (tau**2, tau**2, tau)):
            torch.testing.assert_close(
                x, y, rtol=2e-5 * size, atol=2e-5 * size * unit
            )
    assert served


def marked(top, classes):
    """1 at the top classes, else 0."""
    return torch.zeros(len(top), classes).scatter(1, top, 1.0)


def left_to_others():
    """Arguments that the kernel does not serve, by the reason."""
    student, teacher = logits(6, 5, 13), logits(6, 5, 14)
    top = teacher.topk(2, dim=1)[1]
    spec = Spec(2.0, 0, 1.0, 1.0, 8.0)
    huge, masked, odd = (student.clone() for _ in range(3))
    huge[4, 2], masked[3, 1], odd[2, 0] = 9e3, -torch.inf, torch.nan
    wrong, below = top.clone(), top.clone()
    wrong[5, 1], below[5, 1] = 5, -1
    alone = student.clone()
    alone[2, top[2, 0]] = -400.0
    with_lead = spec._replace(lead=1)
    # every mass is in range here, and a ratio of two is not
    up, down = student + 90.0, teacher - 90.0
    one_up, one_down = student.clone(), student.clone()
    one_up[2, top[2]] += 90.0
    one_down[2, top[2]] -= 90.0
    first_up, first_down = student.clone(), student.clone()
    first_up[2, top[2, 0]] += 90.0
    first_down[2, top[2, 0]] -= 90.0
    entropy = spec._replace(cross_entropy=True)
    return dict(
        float64=(student.double(), teacher.double(), top, spec),
        half=(student.half(), teacher.half(), top, spec),
        mixed=(student, teacher.double(), top, spec),
        reverse=(student, teacher, top, spec._replace(kl_type='reverse')),
        huge=(huge, teacher, top, spec),
        huge_teacher=(student, huge, top, spec),
        masked=(masked, teacher, top, spec),
        odd=(student, odd, top, spec),
        layouts=(student, teacher.t().contiguous().t(), top, spec),
        steps=(student[:, ::2], teacher[:, ::2], None, spec),
        shapes=(student, teacher[:5], top, spec),
        few_weights=(
            student,
            teacher,
            top,
            spec._replace(w_top=torch.ones(1)),
        ),
        few_tops=(student, teacher, top[:5], spec),
        short_tops=(student, teacher, top.int(), spec),
        no_class=(student, teacher, wrong, spec),
        below_zero=(student, teacher, below, spec),
        low=(student - 400, teacher, top, spec),
        low_teacher=(student, teacher - 400, top, spec),
        low_lead=(alone, teacher, top, with_lead),
        high_lead=(-alone, teacher, top, with_lead),
        apart=(up, down, None, spec),
        apart_rest=(up, down, top, spec),
        apart_top=(one_up, one_down, top, spec),
        apart_lead=(first_up, first_down, top, with_lead),
        apart_in_entropy=(
            student + 100 - 200 * marked(top[:, :1], 5),
            teacher,
            top[:, :1],
            entropy,
        ),
        entropy_of_several=(student, teacher, top, entropy),
        no_rows=(student[:0], teacher[:0], top[:0], spec),
    )


@pytest.mark.parametrize('name', left_to_others())
def test_what_it_does_not_serve_is_left_to_others(threads, name):
    arguments = left_to_others()[name]
    assert answer(*arguments) is None


LOSSES = dict(
    kd=losses.KDLoss,
    kd_standardized=lambda: losses.KDLoss(standardize=True),
    dkd=losses.DKDLoss,
    nkd=losses.NKDLoss,
    gdkd=losses.GDKDLoss,
    gdkd_worst=lambda: losses.GDKDLoss(strategy='worst'),
    gdkd3=losses.GDKD3Loss,
    ldrld=losses.LDRLDLoss,
    ldrld_two=lambda: losses.LDRLDLoss(depth=2),
    topkd=losses.TopKDLoss,
)


@pytest.mark.parametrize('by_class', [False, True])
@pytest.mark.parametrize('name', LOSSES)
def test_losses_are_the_same_without_it(monkeypatch, name, by_class):
    loss = LOSSES[name]()
    student, teacher = logits(300, 19, 15, by_class), logits(300, 19, 16)
    teacher = teacher.t().contiguous().t() if by_class else teacher
    labels = torch.randint(19, (300,), generator=seeded(17))
    weight = torch.rand(300, generator=seeded(18))
    found = []
    for library in (cpu_kernel.library, lambda: None):
        monkeypatch.setattr(cpu_kernel, 'library', library)
        leaf = student.clone().requires_grad_()
        value, parts = loss.with_parts(leaf, teacher, labels, weight)
        value.backward()
        found.append((value.detach(), parts, leaf.grad))
    assert found[0][2].stride() == found[1][2].stride()
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('order', [True, False])
@pytest.mark.parametrize('by_class', [False, True])
@pytest.mark.parametrize('k', [1, 5, 15])
@pytest.mark.parametrize('size', [(3, 19), (150, 16), (65, 333)])
def test_largest_classes_equal_topk(threads, size, k, by_class, order):
    drawn = logits(*size, 19, by_class)
    found = largest(drawn, k, order)
    assert torch.equal(found, drawn.topk(k, 1, order)[1])


def test_odd_rows_follow_topk(threads):
    drawn = logits(200, 7, 20)
    drawn[0, 2] = torch.nan
    drawn[1] = -torch.inf
    drawn[2, 1:] = -torch.inf
    drawn[3, 3] = torch.inf
    drawn[4] = 0
    drawn[70::3] = torch.randint(3, (44, 7), generator=seeded(21)).float()
    assert torch.equal(largest(drawn, 3), drawn.topk(3)[1])


def test_more_classes_than_it_sorts_are_left_to_others():
    drawn = logits(4, 40, 22)
    assert largest(drawn, 16) is None
    assert largest(drawn.double(), 3) is None
    assert largest(drawn[:, :2], 3) is None
    assert largest(drawn[:0], 3).shape == (0, 3)
    assert torch.equal(top_classes(drawn, 16), drawn.topk(16)[1])


def test_it_is_asked_first(monkeypatch):
    def forbidden(question, need_grad):
        raise AssertionError('the kernel serves these rows')

    for module, name in (
        (group_module, 'GROUP_KL'),
        (top_module, 'TOP_CLASSES'),
    ):
        operation = getattr(module, name)
        backends = [
            backend
            if backend.__module__ == cpu_kernel.__name__
            or backend is group_module.on_cuda
            else forbidden
            for backend in operation.backends
        ]
        assert forbidden in backends
        monkeypatch.setattr(
            module, name, operation._replace(backends=backends)
        )
    student, teacher = logits(2000, 19, 23), logits(2000, 19, 24)
    losses.GDKDLoss()(student.requires_grad_(), teacher).backward()


@pytest.mark.parametrize('k', [2, 7, 15])
def test_pairs_equal_the_plain_form(threads, k):
    student, teacher = logits(150, k, 25), logits(150, k, 26)
    weights = torch.tensor(pair_weights(k, 1.5, 2.0, 0.05))
    rows, grad = pairs(student, teacher, weights)
    leaf = student.double().requires_grad_()
    wanted, _ = pair_kl_plain(
        PairQuestion(leaf, teacher.double(), weights.double())
    )
    wanted.sum().backward()
    torch.testing.assert_close(rows, wanted.float(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(grad, leaf.grad.float(), rtol=1e-5, atol=1e-5)


def test_pairs_that_it_does_not_serve():
    student, teacher = logits(9, 3, 27), logits(9, 3, 28)
    weights = torch.ones(3, 3)
    for value in (99.0, -99.0, -torch.inf, torch.inf, torch.nan):
        far = student.clone()
        far[4, 1] = value
        assert pairs(far, teacher, weights) is None
        assert pairs(student, far, weights) is None
    assert pairs(student.double(), teacher, weights) is None
    assert pairs(student[1:], teacher, weights) is None
    wide = torch.zeros(9, 16)
    assert pairs(wide, wide, torch.ones(16, 16)) is None
