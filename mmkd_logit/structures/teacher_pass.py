"""One batch of the teacher, computed piece by piece on demand."""

from typing import Any, Callable, Dict, Optional

import torch
from torch import Tensor, nn


class TeacherPass:
    """One batch of the teacher: each thing is computed once, on demand.

    Attributes:
        model (nn.Module): The teacher, in eval mode.
        data_samples (list): Of the batch.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Callable[[], Tensor],
        data_samples: Optional[list],
    ) -> None:
        self.model = model
        self.data_samples = data_samples
        self._make_inputs = inputs
        self._known: Dict[str, Any] = {}

    def once(self, key: str, function: Callable[[], Any]) -> Any:
        """``function()`` without gradients, at most once per batch."""
        if key not in self._known:
            with torch.no_grad():
                self._known[key] = function()
        return self._known[key]

    @property
    def inputs(self) -> Tensor:
        """The batch in the teacher's own normalisation, (B, 3, H, W)."""
        return self.once('inputs', self._make_inputs)

    @property
    def feats(self) -> Any:
        """``model.extract_feat(inputs)``: backbone and neck."""
        return self.once('feats', lambda: self.model.extract_feat(self.inputs))
