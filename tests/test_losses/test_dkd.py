import pytest
import torch

from mmkd_logit.losses import DKDLoss, dkd_loss
from mmkd_logit.losses.kd import sigmoid_kd_loss
from tests.toys import seeded

TEACHER = torch.tensor([[4.0, 3.0, 1.0]]).log()
KEEP, autograd = '_get_current_graph_task_keep_graph', torch._C._autograd
TARGET = torch.tensor([0])


def test_dkd_loss_matches_hand_computed_value():
    # teacher q = (4, 3, 1)/8, student p = (1, 1, 1)/3, target class 0
    # TCKD: q = (1/2, 1/2), p = (1/3, 2/3): ln(9/8)/2            = 0.058892
    # NCKD: q = (3/4, 1/4), p = (1/2, 1/2): 3/4 ln 3/2 - 1/4 ln 2 = 0.130812
    loss = dkd_loss(
        torch.zeros(1, 3), TEACHER, TARGET, tau=1.0, alpha=2.0, beta=3.0
    )
    expected = torch.tensor([2 * 0.058892 + 3 * 0.130812])
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=0)


def test_parts_come_before_their_weights():
    loss = DKDLoss(tau=1.0, alpha=2.0, beta=3.0, loss_weight=7.0)
    total, parts = loss.with_parts(torch.zeros(1, 3), TEACHER, TARGET)
    torch.testing.assert_close(
        [parts['tckd'].item(), parts['nckd'].item()],
        [0.058892, 0.130812],
        atol=1e-5,
        rtol=0,
    )
    expected = 7 * (2 * parts['tckd'] + 3 * parts['nckd'])
    torch.testing.assert_close(total, expected)
    assert not parts['tckd'].requires_grad


def test_gradient_matches_the_formula():
    # target: alpha (b_S - b_T); others: -alpha (b_S - b_T) p + beta (p - q)
    student = torch.zeros(1, 3, requires_grad=True)
    dkd_loss(student, TEACHER, TARGET, 1.0, alpha=2.0, beta=3.0).backward()
    gap = 1 / 3 - 1 / 2
    expected = [
        2 * gap,
        -2 * gap / 2 + 3 * (1 / 2 - 3 / 4),
        -2 * gap / 2 + 3 * (1 / 2 - 1 / 4),
    ]
    torch.testing.assert_close(student.grad, torch.tensor([expected]))


def test_two_classes_leave_nckd_nothing():
    student, teacher = torch.randn(2, 5, 2, generator=seeded(0))
    labels = torch.tensor([0, 1, 0, 1, 1])
    torch.testing.assert_close(
        dkd_loss(student, teacher, labels, 2.0, 1.0, 8.0),
        dkd_loss(student, teacher, labels, 2.0, 1.0, 0.0),
    )
    with pytest.raises(ValueError, match='NCKD .* at least two of them'):
        DKDLoss()(student, teacher, labels)


def test_sigmoid_weighs_target_and_others():
    # class probabilities of the teacher 3/4 and 1/2, of the student 1/2:
    # 0.130812 for the first class, 0 for the second
    teacher = torch.tensor([[3.0, 1.0]] * 3).log()
    student, labels = torch.zeros(3, 2), torch.tensor([0, 1, 2])
    loss = DKDLoss(
        tau=1.0, alpha=2.0, beta=3.0, use_sigmoid=True, reduction='none'
    )
    rows = loss(student, teacher, labels)
    expected = 0.130812 * torch.tensor([2.0, 3.0, 3.0])
    torch.testing.assert_close(rows, expected, atol=1e-5, rtol=0)


def test_sigmoid_without_weights_is_kd_and_its_gradient_is_right():
    student, teacher = 3 * torch.randn(2, 4, 5, generator=seeded(1)).double()
    labels = torch.tensor([0, 4, 5, 2])
    equal, other = (
        DKDLoss(2.0, 1.0, beta, use_sigmoid=True, reduction='none')
        for beta in (1.0, 6.0)
    )
    torch.testing.assert_close(
        equal(student, teacher, labels), sigmoid_kd_loss(student, teacher, 2.0)
    )
    student.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda s: other(s, teacher, labels), student
    )


def test_soft_labels_stand_for_their_largest_class():
    student, teacher = torch.randn(2, 3, 4, generator=seeded(2))
    soft = torch.tensor([[0.6, 0.4, 0, 0], [0, 0, 0.3, 0.7], [0, 1, 0, 0]])
    loss = DKDLoss()
    torch.testing.assert_close(
        loss(student, teacher, soft),
        loss(student, teacher, torch.tensor([0, 3, 1])),
    )


@pytest.mark.parametrize('by_class', [False, True])
def test_at_most_two_tensors_of_the_students_size(by_class):
    shape = (19, 40000) if by_class else (4000, 200)
    student, teacher = torch.randn(2, *shape, generator=seeded(3))
    labels = torch.randint(19, (max(shape) if by_class else 4000,))
    student.requires_grad_()
    rows = [x.t() if by_class else x for x in (student, teacher)]
    loss = DKDLoss(tau=4.0)
    loss(*rows, labels).backward()
    student.grad = None
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profile:
        rows = [x.t() if by_class else x for x in (student, teacher)]
        loss(*rows, labels).backward()
    events = [
        event
        for event in profile.profiler.kineto_results.events()
        if event.name() == '[memory]'
    ]
    alive = peak = 0
    for event in events:
        alive += event.nbytes()
        peak = max(peak, alive)
    copies = peak / (student.numel() * student.element_size())
    # Older torch cannot say that no second backward pass will come; the
    # scaled gradient is a tensor of its own then.
    assert 1 <= copies <= (2.0 if hasattr(autograd, KEEP) else 2.1)
