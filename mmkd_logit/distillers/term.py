"""One entry of ``distill``."""

from typing import Dict, NamedTuple, Optional

from torch import Tensor

from ..heads.base import LogitReader
from ..losses import LogitLoss
from ..structures.head_facts import HeadFacts


class Term(NamedTuple):
    """One entry of ``distill``: where rows come from, how they compare."""

    reader: LogitReader
    loss: LogitLoss
    facts: HeadFacts
    columns: Dict[str, Optional[Tensor]]
