"""Windows of logit maps: means, majorities, complementary weights."""

import pytest
import torch

from mmkd_logit.heads.sdd.windows import window_maps, window_rows
from tests.toys import seeded


def maps(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def test_means_and_majorities_by_hand():
    # two classes; kept pixels of the left window: (1, 3), (3, 5), (5, 1)
    student = torch.tensor(
        [[[[1.0, 3.0, 7.0], [5.0, 9.0, 8.0]], [[3.0, 5, 0], [1, 9, 2]]]]
    )
    labels = torch.tensor([[[1, 0, 255], [1, 255, 255]]])
    left, right = (
        window_maps(student, student, labels, windows=(2,))[0][i][0, ..., j]
        for i, j in ((0, 0), (4, 1))
    )
    assert left.flatten().tolist() == [3, 3]
    assert right.tolist() == [False]  # cut at the border, nothing kept
    found = window_maps(student, student, labels, windows=(2,))[0]
    assert found.labels[0, 0, 0] == 1
    rows = window_rows(student, student, labels, windows=(2,))
    assert rows.student_logits.tolist() == [[3, 3]]
    assert rows.labels.tolist() == [1]


def test_the_smaller_class_wins_a_tie():
    labels = torch.tensor([[[2, 1], [1, 2]]])
    found = window_maps(maps(1, 4, 2, 2), maps(1, 4, 2, 2), labels, (2,))
    assert found[0].labels.item() == 1


@pytest.mark.parametrize('size', [(8, 12), (7, 9)])
@pytest.mark.parametrize('side', [2, 4])
def test_windows_against_a_loop(size, side):
    student, teacher = maps(2, 3, *size), maps(2, 3, *size, seed=1)
    labels = torch.randint(3, (2, *size), generator=seeded(2))
    labels[torch.rand(2, *size, generator=seeded(3)) < 0.6] = 255
    labels[0, :side, :side] = 255
    found = window_maps(student, teacher, labels, (side,))[0]
    for image in range(2):
        for row in range(-(-size[0] // side)):
            for column in range(-(-size[1] // side)):
                place = (
                    slice(row * side, (row + 1) * side),
                    slice(column * side, (column + 1) * side),
                )
                kept = labels[(image, *place)] != 255
                here = (image, row, column)
                assert found.kept[here] == kept.any()
                if not kept.any():
                    continue
                for ours, whole in (
                    (found.student, student),
                    (found.teacher, teacher),
                ):
                    expected = whole[(image, slice(None), *place)][:, kept]
                    torch.testing.assert_close(
                        ours[image, :, row, column], expected.mean(1)
                    )
                inside = labels[(image, *place)][kept]
                counts = torch.bincount(inside, minlength=3)
                assert found.labels[here] == counts.argmax()


def test_small_windows_are_judged_by_the_largest_around_them():
    # the teacher sees class 0 on the left half of a 4 x 4 map, 1 elsewhere
    teacher = torch.zeros(1, 2, 4, 4)
    teacher[:, 0, :, :2] = 1.0
    teacher[:, 1, :, 2:] = 3.0
    labels = torch.zeros(1, 4, 4, dtype=torch.long)
    labels[:, :, 3] = 1
    small, large = window_maps(teacher, teacher, labels, (2, 4), None, 5.0)
    # 4 x 4: class 1 is seen, 0 is right: wrong. 2 x 2: right, and wrong
    assert large.weight.tolist() == [[[1.0]]]
    assert small.weight.tolist() == [[[5.0, 1.0], [5.0, 1.0]]]
    small, _ = window_maps(
        teacher, teacher, labels, (2, 4), None, 5.0, reference='teacher'
    )
    assert small.weight.tolist() == [[[5.0, 1.0], [5.0, 1.0]]]


@pytest.mark.parametrize('size', [(4, 6), (5, 7)])
def test_gradient_of_the_means(size):
    student = maps(2, 3, *size).requires_grad_()
    labels = torch.randint(3, (2, *size), generator=seeded(2))
    labels[:, 0] = 255

    def means(logits):
        found = window_maps(logits, logits, labels, (1, 2, 4))
        return [one.student for one in found[1:]]

    assert torch.autograd.gradcheck(means, student)


def test_ignored_pixels_may_hold_anything():
    student = maps(1, 3, 4, 4)
    student[..., 0] = torch.inf
    student.requires_grad_()
    labels = torch.zeros(1, 4, 4, dtype=torch.long)
    labels[..., 0] = 255
    found = window_maps(student, student, labels, (2,))[0]
    found.student.sum().backward()
    assert found.student.isfinite().all() and student.grad.isfinite().all()
    assert not student.grad[..., 0].any()


def test_sizes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r'\(1, 3, 4, 4\).*\(1, 3, 4, 5\)'):
        window_maps(
            maps(1, 3, 4, 4),
            maps(1, 3, 4, 5),
            torch.zeros(1, 4, 4, dtype=torch.long),
        )
