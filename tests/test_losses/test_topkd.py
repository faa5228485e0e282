"""No official code or numbers exist: hand-computed examples, identities."""

import math

import pytest
import torch

from mmkd_logit.losses import (
    TopKDLoss,
    contrastive_loss,
    kd_loss,
    topk_decoupled_loss,
    topk_scale,
    topkd_loss,
)
from tests.test_losses.properties import check_no_number_is_seen
from tests.toys import seeded

TEACHER = torch.tensor([[4.0, 2.0, 1.0, -1.0]])


def random(rows=6, classes=10, seed=0):
    student, teacher = 3 * torch.randn(
        2, rows, classes, generator=seeded(seed)
    )
    labels = torch.randint(classes, (rows,), generator=seeded(seed + 1))
    return student.double(), teacher.double(), labels


def test_scaling_where_the_teacher_is_right():
    # k = 2, top (4, 2), ranks 2.0 and 1.0;
    # Delta = 0.1 (mean(4, 2) - mean(1, -1)) = 0.3
    scaled = topk_scale(TEACHER, torch.tensor([0]), k=2)
    expected = torch.tensor([[4 * 2.0 + 0.3, 2 * 1.0 + 0.3, 1.0, -1.0]])
    torch.testing.assert_close(scaled, expected)


@pytest.mark.parametrize(
    'target, amplify, expected',
    [
        # in the top group: 2.5 instead of its rank's 1.0
        (1, 'literal', [8.3, 2 * 2.5 + 0.3, 1.0, -1.0]),
        # rejected: -1 * 2.5 + 0.3, or -1 + 1.5 * 1 + 0.3
        (3, 'literal', [8.3, 2.3, 1.0, -2.2]),
        (3, 'abs', [8.3, 2.3, 1.0, 0.8]),
    ],
)
def test_scaling_where_the_teacher_is_wrong(target, amplify, expected):
    scaled = topk_scale(TEACHER, torch.tensor([target]), 2, amplify=amplify)
    torch.testing.assert_close(scaled, torch.tensor([expected]))


def test_without_labels_only_the_top_moves():
    torch.testing.assert_close(
        topk_scale(TEACHER, None, k=2), torch.tensor([[8.3, 2.3, 1.0, -1.0]])
    )


def test_scale_1_and_offset_0_leave_the_logits_untouched():
    _, teacher, labels = random()
    same = topk_scale(teacher, labels, scale=1, target_scale=1, offset=0)
    assert torch.equal(same, teacher)


def test_scaling_works_before_another_loss():
    student, teacher, labels = random()
    scaled = topk_scale(teacher, labels)
    student.requires_grad_()
    kd_loss(student, scaled, 4.0).sum().backward()
    assert student.grad.abs().max() > 0 and not scaled.requires_grad


def test_decoupled_loss_matches_hand_computed_value():
    # pos: (3, 4) and (4, 3): 24/25; neg: parallel; non: empty
    student = torch.tensor([[3.0, 4.0, -1.0, -2.0]])
    teacher = torch.tensor([[4.0, 3.0, -1.0, -2.0]])
    loss = topk_decoupled_loss(student, teacher, k=2, alpha=2.0, beta=0.5)
    torch.testing.assert_close(
        loss, torch.tensor([1 - (2 * 0.96 + 0.5 * 1.0)])
    )


def test_enforced_sign_sends_small_logits_to_the_rest():
    # only 4 is positive, only -1 and -2 negative; 0 belongs to no side
    student = torch.tensor([[5.0, 0.0, -1.0, -2.0]])
    teacher = torch.tensor([[4.0, 0.0, -1.0, -2.0]])
    loss = topk_decoupled_loss(student, teacher, k=2, enforce_sign=True)
    # pos 1, neg 1, non (0 against 0) 0
    torch.testing.assert_close(loss, torch.tensor([1 - 2.0]))


def test_a_parallel_student_reaches_the_minimum():
    _, teacher, labels = random()
    scaled = topk_scale(teacher, labels)
    for factor in (0.1, 1.0, 7.0):
        loss = topk_decoupled_loss(factor * scaled, scaled, 3, 2.0, 3.0)
        torch.testing.assert_close(loss, torch.full((6,), -5.0).double())


def test_decoupled_loss_ignores_the_students_scale_not_its_shift():
    student, teacher, _ = random()
    loss = topk_decoupled_loss(student, teacher, k=3)
    torch.testing.assert_close(
        topk_decoupled_loss(5 * student, teacher, k=3), loss
    )
    moved = topk_decoupled_loss(student + 1, teacher, k=3)
    assert (moved - loss).abs().min() > 1e-3


def test_contrastive_loss_matches_hand_computed_value():
    # inner products are the identity: both cross-entropies ln(1 + 1/e)
    rows = torch.eye(2)
    torch.testing.assert_close(
        contrastive_loss(rows, rows, tau=1.0),
        torch.full((2,), math.log(1 + math.exp(-1))),
    )


def test_contrastive_loss_of_one_row_is_0():
    student, teacher, _ = random(rows=1)
    assert contrastive_loss(student, teacher).item() == 0


def test_contrastive_loss_is_the_mean_of_both_cross_entropies():
    student, teacher, _ = random()
    similarity = student @ teacher.t() / 20
    own = torch.arange(6)
    cross_entropy = torch.nn.functional.cross_entropy
    torch.testing.assert_close(
        contrastive_loss(student, teacher).mean(),
        (cross_entropy(similarity, own) + cross_entropy(similarity.t(), own))
        / 2,
    )


def test_normalized_contrast_ignores_scale():
    student, teacher, _ = random()
    torch.testing.assert_close(
        contrastive_loss(3 * student, teacher, 0.1, normalize=True),
        contrastive_loss(student, teacher, 0.1, normalize=True),
    )


def test_gradients():
    student, teacher, labels = random(4, 9)
    student.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda s: topkd_loss(s, teacher, labels), student
    )
    assert torch.autograd.gradcheck(
        lambda s: contrastive_loss(s, teacher, 0.5, normalize=True), student
    )


def test_class_parts_and_weights():
    student, teacher, labels = random()
    loss = TopKDLoss(decoupled_weight=2.0, contrastive_weight=3.0)
    value, parts = loss.with_parts(student, teacher, labels)
    torch.testing.assert_close(
        value, 2 * parts['decoupled'] + 3 * parts['contrastive']
    )
    alone = TopKDLoss(contrastive_weight=0.0)
    scaled = topk_scale(teacher, labels)
    torch.testing.assert_close(
        alone(student, teacher, labels),
        topk_decoupled_loss(student, scaled).mean(),
    )
    assert loss.whole_batch


@pytest.mark.parametrize(
    'dtype', [torch.float32, torch.float16, torch.bfloat16]
)
@pytest.mark.parametrize('classes', [2, 3, 10])
def test_extreme_rows_stay_finite(dtype, classes):
    student, teacher, labels = random(5, classes)
    student, teacher = (1e4 * x.clamp(-1, 1) for x in (student, teacher))
    student[0] = teacher[1] = 0
    student = student.to(dtype).requires_grad_()
    loss = TopKDLoss()(student, teacher.to(dtype), labels)
    loss.backward()
    assert loss.isfinite() and student.grad.isfinite().all()


def test_a_class_at_minus_infinity_in_both_models_is_left_out():
    student, teacher, labels = random(5, 9)
    gone = torch.full((5, 1), -torch.inf).double()
    padded = torch.cat([student, gone], 1).requires_grad_()
    loss = topkd_loss(padded, torch.cat([teacher, gone], 1), labels, k=3)
    torch.testing.assert_close(loss, topkd_loss(student, teacher, labels, k=3))
    loss.sum().backward()
    assert padded.grad.isfinite().all() and (padded.grad[:, 9] == 0).all()


def test_the_factors_of_float64_logits_are_float64():
    # ranks 1 to 4 of scale 2: 2, 5/3, 4/3, 1
    teacher = torch.tensor([[4.0, 3.0, 2.0, 1.0, 0, 0, 0, 0]]).double()
    scaled = topk_scale(teacher, k=4, offset=0)
    expected = torch.tensor([8.0, 5.0, 8 / 3, 1.0]).double()
    expected[2] = 2 * (4 / 3)
    torch.testing.assert_close(scaled[0, :4], expected, rtol=1e-15, atol=0)


@pytest.mark.parametrize(
    'types', [(torch.float32, torch.float64), (torch.float64, torch.float32)]
)
def test_models_of_different_types(types):
    student, teacher, labels = random()
    loss = topkd_loss(student.to(types[0]), teacher.to(types[1]), labels)
    assert loss.dtype == types[0]
    torch.testing.assert_close(
        loss.double(), topkd_loss(student, teacher, labels), rtol=1e-4, atol=0
    )


def test_what_is_no_number_is_seen():
    check_no_number_is_seen(
        lambda s, t, y, tau: topk_decoupled_loss(s, t, k=3), torch.float32
    )
