import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mmkd_logit.losses import WKDLoss, nkd_loss, wkd_loss
from mmkd_logit.ops import sinkhorn
from mmkd_logit.structures.head_facts import HeadFacts
from tests.toys import seeded


def random(seed, rows=5, classes=7):
    student, teacher = 2 * torch.randn(
        2, rows, classes, generator=seeded(seed), dtype=torch.float64
    )
    labels = torch.randint(classes, (rows,), generator=seeded(seed))
    cost = torch.rand(
        classes, classes, generator=seeded(seed + 1), dtype=torch.float64
    )
    return student, teacher, labels, 0.6 * cost  # not symmetric


def one_row(student, teacher, label, cost, tau, lam, iterations):
    """The transport part in the words of the paper: the target cut out."""
    kept = [c for c in range(len(student)) if c != label]
    have = (student[kept] / tau).softmax(0)
    want = (teacher[kept] / tau).softmax(0)
    cost = cost[kept][:, kept].relu() + 1e-8
    kernel = torch.exp(-cost / lam)
    u = torch.full_like(have, 1 / len(kept))
    for _ in range(iterations):
        v = want / (kernel.t() @ u + 1e-8)
        u = have / (kernel @ v + 1e-8)
    return (u[:, None] * kernel * v * cost).sum()


def test_wkd_loss_matches_hand_computed_value():
    # teacher (4, 3, 1)/8, student (1, 1, 1)/3, label 0: 1/2 ln 3 = 0.549306
    # others: (1/2, 1/2) to (3/4, 1/4), k = exp(-0.1/0.05) = 0.135335;
    # one step: v = (3/2, 1/2)/(1 + k), u = (1 + k)/(3 + k, 3 k + 1)
    # 0.1 k ((1/2)/(3 + k) + (3/2)/(3 k + 1))                   = 0.0165965
    rows, parts = wkd_loss(
        torch.zeros(1, 3),
        torch.tensor([[4.0, 3.0, 1.0]]).log(),
        torch.tensor([0]),
        0.1 * (1 - torch.eye(3)),
        tau=1.0,
        gamma=10.0,
        iterations=1,
        with_parts=True,
    )
    torch.testing.assert_close(
        [rows.item(), parts['target'].item(), parts['transport'].item()],
        [0.549306 + 0.165965, 0.549306, 0.0165965],
        atol=2e-6,
        rtol=0,
    )


@pytest.mark.parametrize('iterations', [1, 10])
def test_value_and_gradient_are_those_of_single_rows(iterations):
    student, teacher, labels, cost = random(0)
    ours, single = (student.clone().requires_grad_() for _ in range(2))
    rows = wkd_loss(ours, teacher, labels, cost, 2.0, 25.0, 0.1, iterations)
    rows.sum().backward()
    expected = nkd_loss(single, teacher, labels, gamma=0.0)
    moved = torch.stack(
        [
            one_row(s, t, y, cost, 2.0, 0.1, iterations)
            for s, t, y in zip(single, teacher, labels.tolist())
        ]
    )
    expected = expected + 25.0 * moved
    expected.sum().backward()
    torch.testing.assert_close(rows, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ours.grad, single.grad, rtol=1e-10, atol=1e-13)


def test_the_target_part_is_nkds():
    student, teacher, labels, cost = random(1)
    torch.testing.assert_close(
        wkd_loss(student, teacher, labels, cost, 2.0, gamma=0.0),
        nkd_loss(student, teacher, labels, gamma=0.0),
    )


def test_classes_and_their_costs_may_be_renamed_together():
    student, teacher, labels, cost = random(2)
    order = torch.randperm(7, generator=seeded(3))
    torch.testing.assert_close(
        wkd_loss(
            student[:, order],
            teacher[:, order],
            order.argsort()[labels],
            cost[order][:, order],
            2.0,
            25.0,
        ),
        wkd_loss(student, teacher, labels, cost, 2.0, 25.0),
    )


def test_mass_goes_from_the_students_classes_to_the_teachers():
    # one class in each model: all mass moves along one cost
    student, teacher = 100.0 * torch.eye(4)[1:2], 100.0 * torch.eye(4)[2:3]
    cost = torch.full((4, 4), 0.1)
    cost[1, 2] = 0.3
    _, parts = wkd_loss(
        student, teacher, torch.tensor([0]), cost, 1.0, 1.0, with_parts=True
    )
    torch.testing.assert_close(
        parts['transport'], torch.tensor([0.3]), rtol=1e-3, atol=0
    )


def test_negative_costs_count_as_0():
    student, teacher, labels, cost = random(4)
    negative = cost - 0.3
    torch.testing.assert_close(
        wkd_loss(student, teacher, labels, negative, 2.0, 25.0),
        wkd_loss(student, teacher, labels, negative.clamp(min=0), 2.0, 25.0),
    )


def test_chunks_give_the_same(monkeypatch):
    student, teacher, labels, cost = random(5)
    found = []
    for size in (sinkhorn.CHUNK, 14):  # two rows at once
        monkeypatch.setattr(sinkhorn, 'CHUNK', size)
        leaf = student.clone().requires_grad_()
        rows = wkd_loss(leaf, teacher, labels, cost, 2.0, 25.0)
        rows.sum().backward()
        found.append((rows.detach(), leaf.grad))
    torch.testing.assert_close(*found)


class Largest(TorchDispatchMode):
    """Number of elements of the largest tensor that is made."""

    numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.numel = max(self.numel, result.numel())
        return result


def test_no_tensor_has_a_cost_for_each_row():
    student, teacher, labels, cost = random(6, rows=40, classes=20)
    student.requires_grad_()
    with Largest() as largest:
        wkd_loss(student, teacher, labels, cost, 2.0, 1.0).sum().backward()
    assert largest.numel == 40 * 20


def test_costs_of_1_and_logits_of_1e4_stay_finite():
    student, teacher, labels, _ = random(7)
    cost = 1 - torch.eye(7)
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        for size in (1.0, 1e4):
            leaf = (size * student).to(dtype).requires_grad_()
            rows = wkd_loss(
                leaf, (-size * teacher).to(dtype), labels, cost, 1.0, 1.0
            )
            rows.sum().backward()
            assert rows.isfinite().all() and leaf.grad.isfinite().all()


@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(lam=0.0), 'lam must be > 0 and finite, got 0.0'),
        (dict(iterations=0), 'iterations must be a whole number >= 1, got 0'),
        (dict(iterations=2.5), 'whole number >= 1, got 2.5'),
        (
            dict(cost=torch.zeros(6, 7)),
            r'shape \(7, 7\), got \(6, 7\); count the background',
        ),
    ],
)
def test_settings_that_make_no_plan(settings, message):
    student, teacher, labels, cost = random(8)
    settings = dict(dict(cost=cost, tau=1.0, gamma=1.0), **settings)
    with pytest.raises(ValueError, match=message):
        wkd_loss(student, teacher, labels, **settings)


def test_the_class_takes_its_costs_as_a_list():
    student, teacher, labels, cost = random(9)
    loss, parts = WKDLoss(cost.tolist(), tau=4.0, gamma=7.0).with_parts(
        student, teacher, labels
    )
    expected = wkd_loss(student, teacher, labels, cost.float(), 4.0, 7.0)
    torch.testing.assert_close(loss, expected.mean())
    torch.testing.assert_close(loss, parts['target'] + 7 * parts['transport'])


def test_costs_of_other_classes_are_refused_when_a_model_is_built():
    loss = WKDLoss(torch.zeros(80, 80))
    loss.check(HeadFacts(80, 80))
    with pytest.raises(ValueError, match=r'shape \(81, 81\), got \(80, 80\)'):
        loss.check(HeadFacts(80, 81))
    with pytest.raises(TypeError, match="WKDLoss: missing .* 'cost'"):
        WKDLoss()


def test_a_missing_cost_matrix_is_explained():
    with pytest.raises(
        TypeError, match="'cost'; cost is how far .* configs/wkd"
    ):
        WKDLoss()
