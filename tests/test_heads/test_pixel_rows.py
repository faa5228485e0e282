"""Rows of two maps of one size, without any head."""

import pytest
import torch

from mmkd_logit.heads.pixel_rows import PixelReader, channel_rows, weighed
from mmkd_logit.losses import KDLoss
from mmkd_logit.structures.logit_pair import LogitPair
from tests.toys import seeded


def maps():
    return torch.randn(2, 2, 3, 4, 5, generator=seeded(0))


def test_a_row_of_a_channel_is_one_class_of_one_image():
    student, teacher = maps()
    pair = channel_rows(student, teacher)
    assert torch.equal(pair.student_logits[4], student[1, 1].flatten())
    assert torch.equal(pair.teacher_logits[2], teacher[0, 2].flatten())
    assert pair.student_logits.data_ptr() == student.data_ptr()
    assert pair.labels is None and pair.weight is None


def test_images_without_a_pixel_weigh_nothing():
    student, teacher = maps()
    kept = torch.ones(2, 4, 5, dtype=torch.bool)
    kept[0, 1:3], kept[1] = False, False
    pair = channel_rows(student, teacher, kept)
    assert pair.weight.tolist() == [1, 1, 1, 0, 0, 0]
    assert pair.avg_factor == 3
    few = (one[0, :, kept[0]] for one in (student, teacher))
    torch.testing.assert_close(KDLoss()(*pair), KDLoss()(*few))
    pair = channel_rows(student, teacher, torch.zeros_like(kept))
    assert KDLoss()(*pair).item() == 0


@pytest.mark.parametrize('weight', [None, torch.tensor([1.0, 0.0, 3.0])])
def test_a_weighed_pair_counts_as_often(weight):
    student, teacher = torch.randn(2, 3, 4, generator=seeded(1))
    pair = LogitPair(student, teacher, weight=weight)
    torch.testing.assert_close(
        KDLoss()(*weighed(pair, 0.4)), 0.4 * KDLoss()(*pair)
    )


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(), None),
        (dict(min_confidence=0.5), None),  # a weight for each teacher
        (dict(share=0.5), None),  # the same pixels for all
        (dict(ignored='teacher'), 'takes labels from the teacher'),
        (dict(teacher_errors='drop', windows=(1, 2)), 'which pixels count'),
        (dict(min_confidence=0.5, share=0.5), 'which rows there are'),
        (dict(teacher_errors='drop', rows='channel'), 'which rows there are'),
    ],
)
def test_whether_the_teacher_picks_the_rows(options, message):
    reason = PixelReader(**options).rows_by_teacher()
    assert (reason is None) == (message is None)
    assert message is None or message in reason
