"""Label maps painted from masks."""

from types import SimpleNamespace

import pytest
import torch

from mmkd_logit.heads.upstream.seg_labels import (
    label_size,
    labels_of_size,
    painted_labels,
)


def test_labels_are_painted_from_masks_the_smallest_on_top():
    masks = torch.zeros(2, 4, 6, dtype=torch.long)
    masks[0, 1:3, 1:3] = 1  # 4 pixels, inside the other one
    masks[1, :, :4] = 1
    first = SimpleNamespace(labels=torch.tensor([7, 300]), masks=masks)
    none = SimpleNamespace(
        labels=torch.zeros(0, dtype=torch.long), masks=masks[:0]
    )
    labels = painted_labels([first, none], (4, 6), -1)
    expected = torch.full((4, 6), -1)
    expected[:, :4] = 300
    expected[1:3, 1:3] = 7
    assert torch.equal(labels[0], expected)
    assert (labels[1] == -1).all() and labels.dtype == torch.long
    # resized by nearest, as label maps are
    small = painted_labels([first], (2, 3), -1)
    assert torch.equal(small[0], expected[::2, ::2])


def test_maps_are_resized_and_masks_painted():
    labels = torch.arange(24).view(1, 4, 6)
    assert label_size(dict(labels=labels)) == (4, 6)
    small = labels_of_size(dict(labels=labels), (2, 3))
    assert torch.equal(small, labels[:, ::2, ::2])
    masks = torch.ones(1, 4, 6, dtype=torch.long)
    one = SimpleNamespace(labels=torch.tensor([5]), masks=masks)
    assert label_size(dict(instances=[one])) == (4, 6)
    assert (labels_of_size(dict(instances=[one]), (2, 3)) == 5).all()
    with pytest.raises(RuntimeError, match='without its label maps passing'):
        label_size({})
