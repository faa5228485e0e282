import pytest

from mmkd_logit.heads.batch_part import check_batch_part, part_of_batch


def test_parts_of_a_batch():
    assert check_batch_part(None, (1, 2)) is None
    assert check_batch_part([1, 2], (1,)) == (1, 2)
    batch = list(range(6))
    assert batch[part_of_batch(6, 0, 2)] == [0, 1, 2]
    assert batch[part_of_batch(6, 1, 2)] == [3, 4, 5]
    assert batch[part_of_batch(6, 2, 3)] == [4, 5]


def test_mistakes():
    for part in ((2, 2), (-1, 2), (0,)):
        with pytest.raises(ValueError, match='0 <= index < parts, got'):
            check_batch_part(part, (1,))
    with pytest.raises(ValueError, match='batch_part and scales'):
        check_batch_part((0, 2), (1, 2))
    with pytest.raises(ValueError, match='5 images has no 2 equal.*collate_v'):
        part_of_batch(5, 0, 2)
