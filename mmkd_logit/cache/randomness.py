"""Whether a pipeline gives the same image each time."""

import random
from typing import Any, Dict

import numpy as np
import torch
from torch.utils.data import Dataset

from ..distillers.teacher import no_random_numbers_used
from .marks import checksum

#: Samples that are loaded to see whether a pipeline is random.
_TRIED = 8


def is_random(dataset: Dataset) -> bool:
    """Whether the pipeline of a data set uses random numbers.

    Some samples are loaded twice, with different seeds. A pipeline is random
    if it draws from the generators of ``random``, numpy or torch, whether or
    not that has changed the image this time, or if it gives another image.

    Args:
        dataset (Dataset): Not marked, of any kind that has a length.
    """
    count = min(_TRIED, len(dataset))
    with no_random_numbers_used():
        for number in range(count):
            index = number * len(dataset) // count
            images = set()
            for seed in (1, 2):
                random.seed(seed)
                np.random.seed(seed)
                torch.manual_seed(seed)
                before = _states()
                images.add(checksum(dataset[index]['inputs']))
                if _states() != before:
                    return True
            if len(images) > 1:
                return True
    return False


def _states() -> Dict[str, Any]:
    """States of the generators, as values that can be compared."""
    kind, keys, position, *more = np.random.get_state()
    return dict(
        python=random.getstate(),
        numpy=(kind, keys.tobytes(), position, *more),
        torch=torch.random.get_rng_state().numpy().tobytes(),
    )
