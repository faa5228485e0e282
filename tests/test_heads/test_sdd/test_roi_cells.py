"""Cells of RoIs: which positions they read, and the rows they make."""

import pytest
import torch

pytest.importorskip('mmdet')

from mmkd_logit.heads.roi_logits import RoILogits
from mmkd_logit.heads.sdd.roi_cells import (
    check_roi_cells,
    finer,
    pool_roi_cells,
)
from tests.toy_detectors import build_detector, detection_batch, read, read_all
from tests.toy_rcnn import rcnn_cfg


def build(kind='faster', seed=0, **kwargs):
    return build_detector(rcnn_cfg(kind, **kwargs), seed).train()


@pytest.fixture(scope='module')
def extractor():
    return build().roi_head.bbox_roi_extractor


def feats(seed=0):
    rng = torch.Generator().manual_seed(seed)
    return tuple(
        torch.randn(1, 16, 32 // 2**i, 32 // 2**i, generator=rng)
        for i in range(5)
    )


def test_a_quadrant_is_its_sub_roi_on_the_same_map(extractor):
    maps = feats()
    rois = torch.tensor([[0.0, 8.0, 16.0, 64.0, 100.0]])
    # upper left, upper right, lower left, lower right
    quarters = torch.tensor(
        [
            [0.0, 8.0, 16.0, 36.0, 58.0],
            [0.0, 36.0, 16.0, 64.0, 58.0],
            [0.0, 8.0, 58.0, 36.0, 100.0],
            [0.0, 36.0, 58.0, 64.0, 100.0],
        ]
    )
    level = int(extractor.map_roi_levels(rois, 4)[0])
    expected = extractor.roi_layers[level](maps[level], quarters)
    cells = pool_roi_cells(extractor, maps, rois, 2)
    torch.testing.assert_close(torch.cat(cells), expected)


def test_scale_one_is_the_roi_itself(extractor):
    rois = torch.tensor([[0.0, 8.0, 16.0, 64.0, 100.0]])
    (cell,) = pool_roi_cells(extractor, feats(), rois, 1)
    torch.testing.assert_close(cell, extractor(feats()[:4], rois))


def test_polyphase_takes_every_second_position_as_the_official_code(extractor):
    rois = torch.tensor([[0.0, 0.0, 0.0, 120.0, 90.0]])
    with finer(extractor, 2):
        fine = extractor(feats()[:4], rois)
    whole, *parts = pool_roi_cells(extractor, feats(), rois, 2, 'polyphase')
    assert fine.shape[2:] == (14, 14) and len(parts) == 4
    for part, (row, column) in zip(parts, [(0, 0), (0, 1), (1, 1), (1, 0)]):
        assert part.shape == (1, 16, 7, 7)
        for y in range(7):
            for x in range(7):
                assert torch.equal(
                    part[..., y, x], fine[..., 2 * y + row, 2 * x + column]
                )
    torch.testing.assert_close(whole, sum(parts) / 4)


def test_extractor_is_as_before(extractor):
    with pytest.raises(RuntimeError), finer(extractor, 3):
        assert extractor.roi_layers[0].output_size == (21, 21)
        raise RuntimeError
    assert extractor.roi_layers[0].output_size == (7, 7)


@pytest.mark.parametrize('kind', ['faster', 'cascade'])
@pytest.mark.parametrize('boxes', [[3, 2], [0, 0], [1]])
def test_rows_of_rois_and_cells(kind, boxes):
    student = build(kind)
    batch = detection_batch(student, boxes)
    torch.manual_seed(0)
    _, plain = read_all(RoILogits(), student, student, *batch)
    torch.manual_seed(0)
    reader = RoILogits(scales=(1, 2), complementary_weight=2.0)
    _, pairs = read_all(reader, student, student, *batch)
    assert list(pairs) == list(plain)
    for stage, (prefix, pair) in enumerate(pairs.items()):
        whole, factor = plain[prefix], [1, 0.5, 0.25][stage]
        # RoI by RoI: the whole, then its four quadrants
        torch.testing.assert_close(
            pair.student_logits[::5], whole.student_logits
        )
        assert torch.equal(pair.labels[1::5], whole.labels)
        assert float(pair.avg_factor) == 5 * float(whole.avg_factor)
        assert (pair.weight[::5] == whole.weight).all()
        assert set(pair.weight.tolist()) <= {0.0, factor, 2 * factor}
        torch.testing.assert_close(
            pair.student_logits.detach(), pair.teacher_logits
        )


def test_cells_send_gradients_to_head_and_neck():
    student = build()
    batch = detection_batch(student, [2])
    _, pair = read(RoILogits(scales=(1, 2)), student, build(seed=1), *batch)
    pair.student_logits.reshape(-1, 5, 4)[:, 1:].sum().backward()
    assert student.neck.lateral_convs[0].conv.weight.grad.abs().sum() > 0
    assert student.roi_head.bbox_head.fc_cls.weight.grad.abs().sum() > 0


def test_polyphase_rows_are_five_per_roi():
    student = build()
    batch = detection_batch(student, [2])
    reader = RoILogits(scales=(1, 2), cells='polyphase')
    _, pair = read(reader, student, build(seed=1), *batch)
    assert len(pair.labels) % 5 == 0
    assert torch.equal(pair.labels[::5], pair.labels[4::5])
    # no complementary weight in the official detection code
    assert set(pair.weight.tolist()) == {1.0}


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match=r'with 1, .* got \(2, 4\)'):
        RoILogits(scales=(2, 4))
    with pytest.raises(ValueError, match="cells must be 'quadrant'"):
        check_roi_cells((1, 2), 'halves')
    with pytest.raises(ValueError, match=r'knows scales=\(1, 2\)'):
        RoILogits(scales=(1, 4), cells='polyphase')
    with pytest.raises(ValueError, match='Linear has no RoI layers'):
        with finer(torch.nn.Linear(1, 1), 2):
            pass
