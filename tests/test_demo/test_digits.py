import numpy as np
import pytest

pytest.importorskip('sklearn')

from demo.digits import (
    BACKGROUND,
    CLASSES,
    IGNORED,
    bundled_digits,
    make_scene,
)


@pytest.fixture(scope='module')
def scenes():
    return [
        make_scene(split, index)
        for split in ('train', 'val')
        for index in range(30)
    ]


def test_all_digits_are_used_and_none_in_both_splits():
    train, val = bundled_digits('train'), bundled_digits('val')
    assert len(train[0]) == len(train[1]) == 1437  # 80 % of 1797
    assert len(val[0]) == len(val[1]) == 360
    drawn = [
        {image.tobytes() for image in images} for images, _ in (train, val)
    ]
    assert not drawn[0] & drawn[1]
    assert set(train[1]) == set(val[1]) == set(range(10))


def test_unknown_split_is_named():
    with pytest.raises(ValueError, match="'train', 'val'.*'test'"):
        bundled_digits('test')


def test_equal_arguments_give_equal_scenes():
    one, same = make_scene('val', 3, seed=5), make_scene('val', 3, seed=5)
    for a, b in zip(one, same):
        np.testing.assert_array_equal(a, b)
    for other in (
        make_scene('val', 4, seed=5),
        make_scene('val', 3, seed=6),
        make_scene('train', 3, seed=5),
    ):
        assert (one.image != other.image).mean() > 0.5


def test_boxes_are_the_smallest_around_their_digits_pixels(scenes):
    for scene in scenes:
        size = scene.label_map.shape[0]
        left = scene.label_map.copy()
        assert len(scene.labels) == len(scene.boxes) > 0
        for label, (x, y, width, height) in zip(scene.labels, scene.boxes):
            assert 0 <= x < x + width <= size and 0 <= y < y + height <= size
            inside = np.s_[y : y + height, x : x + width]
            rows, columns = (scene.label_map[inside] == label).nonzero()
            assert (rows.min(), rows.max()) == (0, height - 1)
            assert (columns.min(), columns.max()) == (0, width - 1)
            assert set(np.unique(scene.label_map[inside])) <= {
                label,
                BACKGROUND,
                IGNORED,
            }
            left[inside] = BACKGROUND
        assert set(np.unique(left)) <= {BACKGROUND, IGNORED}


def test_digits_stand_out_from_what_is_around_them(scenes):
    # painted with a colour at least 70 grey levels from the background's mean
    for scene in scenes:
        grey = scene.image.astype(float).mean(2)
        for label, (x, y, width, height) in zip(scene.labels, scene.boxes):
            inside = np.s_[y : y + height, x : x + width]
            ink = scene.label_map[inside] == label
            around = scene.label_map[inside] == BACKGROUND
            if ink.sum() > 20 and around.sum() > 20:
                gap = grey[inside][ink].mean() - grey[inside][around].mean()
                assert abs(gap) > 20


def test_every_class_and_a_range_of_sizes_occur(scenes):
    labels = np.concatenate([scene.labels for scene in scenes])
    assert set(labels) == set(range(len(CLASSES)))
    heights = np.concatenate([scene.boxes[:, 3] for scene in scenes])
    assert heights.min() < 24 and heights.max() > 44
