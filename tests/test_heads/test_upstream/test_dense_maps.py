"""Class maps of dense heads and their rows."""

import pytest
import torch

pytest.importorskip('mmdet')

from mmkd_logit.heads.upstream.dense_maps import by_level, class_maps, map_rows
from tests.toy_detectors import build_detector, detection_batch
from tests.toy_stock import stock_cfg


def test_rows_of_images_become_rows_of_levels():
    # two images, two levels of 2 and 1 locations, one anchor, one class
    maps = [torch.zeros(2, 1, 1, 2), torch.zeros(2, 1, 1, 1)]
    rows = torch.tensor([[1.0], [2.0], [3.0], [11.0], [12.0], [13.0]])
    assert by_level(rows, maps, 1)[:, 0].tolist() == [1, 2, 11, 12, 3, 13]


def test_a_guided_anchor_teacher_scores_every_image():
    teacher = build_detector(stock_cfg('ga_retina'))
    teacher.bbox_head.loc_filter_thr = 0.5
    inputs, _ = detection_batch(teacher, [3, 2])
    teacher.eval()
    with torch.no_grad():
        feats = teacher.extract_feat(inputs)
        both = map_rows(class_maps(teacher.bbox_head, feats), 3)
        alone = []
        for image in range(2):
            one = [level[image : image + 1] for level in feats]
            alone.append(map_rows(class_maps(teacher.bbox_head, one), 3))
    assert len(both) == sum(map(len, alone))
    torch.testing.assert_close(
        both.sort(0)[0], torch.cat(alone).sort(0)[0], atol=1e-5, rtol=1e-5
    )
    assert not teacher.bbox_head.training
