import torch

from mmkd_logit.losses import NKDLoss, dkd_loss, kd_loss, nkd_loss
from tests.toys import seeded


def test_nkd_loss_matches_hand_computed_value():
    # teacher q = (4, 3, 1)/8, student p = (1, 1, 1)/3, target class 0
    # target: 1/2 ln 3 = 0.549306; others: q = (3/4, 1/4), p = (1/2, 1/2),
    # cross-entropy ln 2 = 0.693147
    teacher = torch.tensor([[4.0, 3.0, 1.0]]).log()
    loss, parts = NKDLoss(gamma=2.0).with_parts(
        torch.zeros(1, 3), teacher, torch.tensor([0])
    )
    torch.testing.assert_close(
        [loss.item(), parts['target'].item(), parts['nontarget'].item()],
        [0.549306 + 2 * 0.693147, 0.549306, 0.693147],
        atol=1e-5,
        rtol=0,
    )


def random(seed):
    student, teacher = 3 * torch.randn(2, 6, 5, generator=seeded(seed))
    return student.double(), teacher.double(), torch.tensor([0, 1, 2, 3, 4, 0])


def entropy(logits, tau):
    log_q = (logits / tau).log_softmax(1)
    return -(log_q.exp() * log_q).sum(1)


def test_nontarget_part_is_nckd_plus_the_teachers_entropy():
    student, teacher, labels = random(0)
    others = torch.ones(6, 5, dtype=torch.bool)
    others = others.scatter(1, labels[:, None], False)
    rest = teacher[others].view(6, 4)
    target = nkd_loss(student, teacher, labels, 3.0, gamma=0.0)
    torch.testing.assert_close(
        nkd_loss(student, teacher, labels, 3.0, gamma=2.0) - target,
        2 * dkd_loss(student, teacher, labels, 3.0, 0.0, 1.0)
        + 2 * 9 * entropy(rest, 3.0),
    )


def test_with_the_target_it_is_kd_plus_the_teachers_entropy():
    student, teacher, labels = random(1)
    target = nkd_loss(student, teacher, labels, 3.0, gamma=0.0)
    whole = nkd_loss(
        student, teacher, labels, 3.0, 2.0, nontarget_includes_target=True
    )
    torch.testing.assert_close(
        whole - target,
        2 * kd_loss(student, teacher, 3.0) + 18 * entropy(teacher, 3.0),
    )


def test_target_part_has_the_gradient_of_a_weighted_cross_entropy():
    student, teacher, labels = random(2)
    q = teacher.softmax(1).gather(1, labels[:, None])[:, 0]
    found = []
    for loss in (
        lambda s: nkd_loss(s, teacher, labels, 1.0, gamma=0.0),
        lambda s: (
            q * torch.nn.functional.cross_entropy(s, labels, reduction='none')
        ),
    ):
        leaf = student.clone().requires_grad_()
        loss(leaf).sum().backward()
        found.append(leaf.grad)
    torch.testing.assert_close(*found)


def test_labels_may_be_one_hot_rows():
    student, teacher, labels = random(3)
    one_hot = torch.nn.functional.one_hot(labels, 5).double()
    assert torch.equal(
        nkd_loss(student, teacher, one_hot), nkd_loss(student, teacher, labels)
    )
