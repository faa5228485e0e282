"""One map of pixels, whatever a decode head gives."""

import pytest
import torch

pytest.importorskip('mmseg')

from mmkd_logit.heads.upstream.mask_heads import QueryLogits
from mmkd_logit.heads.upstream.seg_maps import (
    map_size,
    pixel_map,
    teacher_logits,
)
from mmkd_logit.structures.teacher_pass import TeacherPass
from tests.toy_segmentors import segmentor


def test_a_map_is_resized_as_its_head_does():
    head = segmentor(align_corners=True).decode_head
    ramp = torch.arange(3.0).view(1, 1, 1, 3)
    assert map_size(ramp) == (1, 3)
    # aligned corners: the ends keep their values, the steps become halves
    assert pixel_map(head, ramp, (1, 5)).flatten().tolist() == [
        0,
        0.5,
        1,
        1.5,
        2,
    ]


def test_queries_become_a_map_of_the_wanted_size():
    # one query is surely class 0, one surely class 1; each has one pixel
    classes = torch.tensor([[[9.0, -9.0, -9.0], [-9.0, 9.0, -9.0]]])
    masks = torch.tensor([[[[9.0, -9.0]], [[-9.0, 9.0]]]])
    queries = QueryLogits(classes, masks)
    assert map_size(queries) == (1, 2)
    pixels = pixel_map(None, queries, (1, 2))
    assert pixels.argmax(1).tolist() == [[[0, 1]]]
    assert pixel_map(None, queries, (2, 4)).shape == (1, 2, 2, 4)


def test_a_teacher_gives_its_decode_head_or_an_auxiliary_one():
    teacher = segmentor(auxiliary=1).eval()
    inputs = torch.rand(2, 3, 16, 16)
    seen = TeacherPass(teacher, lambda: inputs, None)
    with torch.no_grad():
        main = teacher_logits(seen, teacher.decode_head, is_main=True)
        other = teacher_logits(seen, teacher.auxiliary_head, is_main=False)
        feats = teacher.extract_feat(inputs)
        assert torch.equal(main, teacher.decode_head(feats))
        assert torch.equal(other, teacher.auxiliary_head(feats))
    assert not torch.equal(main, other)
