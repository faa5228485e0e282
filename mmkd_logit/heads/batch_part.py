"""One of the views that a batch holds one behind the other."""

from typing import Optional, Sequence, Tuple

from ..messages import WrongValue


def check_batch_part(
    part: Optional[Tuple[int, int]], scales: Sequence[int]
) -> Optional[Tuple[int, int]]:
    """Return ``batch_part``; refuse what is no part of a batch."""
    if part is None:
        return None
    if len(part) != 2 or not 0 <= part[0] < part[1]:
        raise WrongValue(
            f'batch_part must be (index, parts) with 0 <= index < parts, got '
            f'{tuple(part)}; (1, 2) is the second half of a batch'
        )
    if tuple(scales) != (1,):
        raise WrongValue(
            'batch_part and scales are not read together; remove one of them'
        )
    return tuple(part)


def part_of_batch(images: int, index: int, parts: int) -> slice:
    """The images of one of the equal parts of a batch."""
    if images % parts:
        raise WrongValue(
            f'batch_part=({index}, {parts}): a batch of {images} images has '
            f"no {parts} equal parts; take collate_fn=dict(type='mmkd_logit."
            "collate_views') in the train_dataloader"
        )
    length = images // parts
    return slice(index * length, (index + 1) * length)
