"""Maps, labels and the rows that they make."""

import pytest
import torch

from mmkd_logit.heads.upstream.maps import (
    channels_outside,
    check_label_values,
    confidence,
    kept_pixels,
    map_rows,
    pick_pixels,
    predicted_labels,
    resize_labels,
    same_layout,
    sample_pixels,
)
from tests.toys import seeded


def test_rows_go_image_by_image_row_by_row():
    maps = torch.arange(2 * 3 * 2 * 2.0).view(2, 3, 2, 2)
    rows = map_rows(maps)
    assert rows.tolist() == [
        [0, 4, 8],
        [1, 5, 9],
        [2, 6, 10],
        [3, 7, 11],
        [12, 16, 20],
        [13, 17, 21],
        [14, 18, 22],
        [15, 19, 23],
    ]


@pytest.mark.parametrize('batch', [1, 3])
def test_one_image_or_a_map_stored_for_it_is_not_copied(batch):
    maps = torch.randn(batch, 5, 2, 3, generator=seeded(0))
    stored = channels_outside(maps)
    assert torch.equal(stored, maps)
    rows = map_rows(stored)
    assert rows.data_ptr() == stored.data_ptr()
    assert rows.stride() == (1, len(rows))
    assert (map_rows(maps).data_ptr() == maps.data_ptr()) == (batch == 1)


@pytest.mark.parametrize(
    'memory', [torch.contiguous_format, torch.channels_last]
)
def test_gradients_come_back_in_the_layout_of_the_map(memory):
    maps = torch.randn(2, 5, 3, 4, generator=seeded(0)).to(
        memory_format=memory
    )
    maps.requires_grad_()
    rows = map_rows(same_layout(maps))
    grad = torch.autograd.grad(rows.square().sum(), maps)[0]
    assert grad.stride() == maps.stride()
    torch.testing.assert_close(grad, 2 * maps.detach())


def test_kept_pixels_leave_ignored_ones_out():
    logits = torch.randn(2, 3, 1, 2, generator=seeded(0))
    labels = torch.tensor([[[0, 255]], [[255, 2]]])
    rows, kept = kept_pixels(logits, labels)
    assert torch.equal(
        rows, torch.stack([logits[0, :, 0, 0], logits[1, :, 0, 1]])
    )
    assert kept.tolist() == [0, 2]
    assert len(kept_pixels(logits, labels, None)[0]) == 4


def test_labels_are_resized_with_the_float32_scale():
    labels = torch.arange(26)[None, :, None].expand(1, 26, 62)
    rows = resize_labels(labels, (22, 28))[0, :, 0]
    exact = torch.arange(22) * 26 // 22
    # 11 * float32(26 / 22) is just below 13
    assert exact[11] == 13 and rows[11] == 12
    columns = resize_labels(
        labels.new_tensor(range(62)).expand(1, 26, 62), (22, 28)
    )[0, 0]
    assert not torch.equal(columns, torch.arange(28) * 62 // 28)
    assert rows.dtype == torch.long


def test_predicted_labels_and_confidence_of_a_binary_head():
    # sigmoid(ln 3) = 3/4: class 0 on the left, no class (1) on the right
    logits = torch.tensor([3.0, 1 / 3]).log().view(1, 1, 1, 2)
    assert predicted_labels(logits).tolist() == [[[0, 1]]]
    torch.testing.assert_close(
        confidence(logits, True), torch.tensor([[[0.75, 0.75]]])
    )


def test_confidence_of_softmax_and_sigmoid():
    logits = torch.tensor([4.0, 3.0, 1.0]).log().view(1, 3, 1, 1)
    assert confidence(logits, False).item() == pytest.approx(4 / 8)
    assert confidence(logits, True).item() == pytest.approx(4 / 5)
    assert confidence(1e4 * logits, False).item() == 1


def test_samples_take_kept_pixels_first_and_no_global_random_numbers():
    kept = torch.zeros(2, 4, 5, dtype=torch.bool)
    kept[0, :2] = True  # 10 of 20
    kept[1, 0, :3] = True  # 3 of 20
    state = torch.get_rng_state()
    places = sample_pixels(kept, 0.25, seeded(0))
    assert torch.equal(state, torch.get_rng_state())
    assert places.shape == (2, 5)
    assert all(len(set(row)) == 5 for row in places.tolist())
    picked = pick_pixels(kept, places)
    assert picked.flatten(1).sum(1).tolist() == [5, 3]
    assert not torch.equal(
        places.sort()[0], sample_pixels(kept, 0.25, seeded(1)).sort()[0]
    )


def test_picked_pixels_are_those_of_the_map():
    maps = torch.randn(2, 3, 4, 5, generator=seeded(0))
    places = torch.tensor([[7, 0], [19, 3]])
    rows = map_rows(pick_pixels(maps, places))
    assert torch.equal(rows[0], maps[0, :, 1, 2])
    assert torch.equal(rows[1], maps[0, :, 0, 0])
    assert torch.equal(rows[2], maps[1, :, 3, 4])
    assert torch.equal(rows[3], maps[1, :, 0, 3])


def test_labels_outside_the_classes_are_named():
    labels = torch.tensor([0, 18, 255, 33, 19, -1])
    with pytest.raises(ValueError, match=r'hold -1, 19, 33, but.* 0 to 18'):
        check_label_values(labels, 19, 255)
    check_label_values(labels[:3], 19, 255)
    with pytest.raises(ValueError, match='hold 255, but'):
        check_label_values(labels[:3], 19, None)
