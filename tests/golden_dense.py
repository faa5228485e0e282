"""Official numbers of the methods for dense detectors (CrossKD, BCKD).

They lie in ``tests/data/golden_dense``; all cases of their kind are in
``../shared/golden2``.
"""

import json
from pathlib import Path
from typing import Dict, Iterator, Tuple

import numpy as np
import torch
from torch import Tensor

from tests.conftest import SHARED

FOLDERS = (Path(__file__).parent / 'data/golden_dense', SHARED / 'golden2')


def golden_cases(family: str) -> Iterator[Tuple[dict, Dict[str, Tensor]]]:
    """Cases of a family: their entry in the index and their arrays."""
    for folder in FOLDERS:
        if not folder.is_dir():
            continue
        index = json.loads((folder / 'index.json').read_text())
        for case in index['cases']:
            if case['id'].split('/')[0] == family:
                file = np.load(folder / case['file'])
                yield (
                    case,
                    {
                        key: torch.from_numpy(
                            np.asarray(file[case['prefix'] + key])
                        )
                        for key in case['keys']
                    },
                )
