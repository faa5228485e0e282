"""Feature statistics at a crossing, against the authors' numbers."""

import pytest
import torch

from mmkd_logit.heads.upstream.crossing import align_scale, level_rows
from tests.golden_dense import golden_cases
from tests.toys import seeded


def test_official_values_and_gradients():
    met = 0
    for _, gold in golden_cases('crosskd_align'):
        student = gold['feat_s'].requires_grad_()
        aligned = align_scale(student, gold['feat_t'])
        close = dict(rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(aligned, gold['aligned'], **close)
        (aligned * gold['cotangent']).sum().backward()
        torch.testing.assert_close(student.grad, gold['grad_feat_s'], **close)
        met += 1
    assert met >= 2


def test_aligned_features_have_the_teachers_statistics():
    student = 5 * torch.randn(2, 3, 4, 5, generator=seeded(0)) + 2
    teacher = torch.randn(2, 3, 4, 5, generator=seeded(1)) - 1
    aligned = align_scale(student, teacher)
    for statistic in (torch.mean, torch.std):
        torch.testing.assert_close(
            statistic(aligned.movedim(1, 0).flatten(1), 1),
            statistic(teacher.movedim(1, 0).flatten(1), 1),
        )


@pytest.mark.parametrize('size', [(1, 3, 1, 1), (2, 3, 2, 2)])
def test_features_without_deviation_take_the_teachers_mean(size):
    student = torch.ones(size, requires_grad=True)
    teacher = torch.randn(size, generator=seeded(1))
    aligned = align_scale(student, teacher)
    mean = teacher.mean((0, 2, 3), keepdim=True).expand_as(teacher)
    torch.testing.assert_close(aligned, mean)
    aligned.sum().backward()
    assert student.grad.isfinite().all()


def test_half_precision_is_aligned_in_float32():
    student, teacher = torch.randn(2, 2, 3, 40, 50, generator=seeded(0)).half()
    aligned = align_scale(300 * student, teacher)
    assert aligned.dtype == torch.float32
    expected = align_scale(300 * student.double(), teacher.double())
    torch.testing.assert_close(
        aligned.double(), expected, rtol=1e-3, atol=1e-3
    )


def test_rows_go_level_image_location_anchor():
    maps = [
        torch.arange(2 * 4 * 3 * 2).view(2, 4, 3, 2),
        torch.arange(2 * 4).view(2, 4, 1, 1),
    ]
    rows = level_rows(maps, 2)
    assert rows.shape == (2 * 6 * 2 + 2 * 2, 2)
    by_hand = [
        level[image, 2 * anchor : 2 * anchor + 2, y, x]
        for level in maps
        for image in range(2)
        for y in range(level.shape[2])
        for x in range(level.shape[3])
        for anchor in range(2)
    ]
    assert torch.equal(rows, torch.stack(by_hand))
