"""One batch of the teacher, computed piece by piece on demand."""

from contextlib import nullcontext
from typing import Any, Callable, ContextManager, Dict, Optional, Tuple

import torch
from torch import Tensor, nn

from .class_columns import ClassColumns


class TeacherPass:
    """One batch of the teacher: each thing is computed once, on demand.

    Args:
        model (nn.Module): The teacher, in eval mode.
        inputs (callable): Gives the batch in the teacher's normalisation.
        data_samples (list, optional): Those of the batch.
        class_map (ClassColumns, optional): Its class for each class of the
            student.
        running (callable): Gives the context in which it is computed, such as
            autocast.
        handed_on (callable): Turns features and logits into the type and
            layout that readers get.

    Attributes:
        model (nn.Module): The teacher, in eval mode.
        data_samples (list): Those of the batch.
        mapped (bool): Whether :meth:`classes` was called, directly or for
            something that :meth:`once` handed out, since this was last set
            to False.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Callable[[], Tensor],
        data_samples: Optional[list],
        class_map: Optional[ClassColumns] = None,
        running: Callable[[], ContextManager[None]] = nullcontext,
        handed_on: Callable[[Any], Any] = lambda value: value,
    ) -> None:
        self.model = model
        self.data_samples = data_samples
        self._make_inputs = inputs
        self.mapped = False
        self._class_map = class_map
        self._running = running
        self._handed_on = handed_on
        self._known: Dict[str, Tuple[Any, bool]] = {}

    def once(self, key: str, function: Callable[[], Any]) -> Any:
        """``function()`` without gradients, at most once per batch."""
        if key not in self._known:
            before, self.mapped = self.mapped, False
            with torch.no_grad(), self._running():
                self._known[key] = function(), self.mapped
            self.mapped = before
        value, mapped = self._known[key]
        self.mapped = self.mapped or mapped
        return value

    @property
    def maps_classes(self) -> bool:
        """Whether there is a ``class_map``."""
        return self._class_map is not None

    def classes(self, logits: Tensor, dim: int = 1) -> Tensor:
        """The teacher's class logits in the student's classes.

        Every reader passes the teacher's logits through this method before it
        uses them; with ``class_map`` the distiller refuses readers that do
        not.

        Args:
            logits (Tensor): Of the teacher's head, any shape.
            dim (int): Where its classes are; columns after its classes,
                such as background, stay. Defaults to 1.
        """
        self.mapped = True
        logits = self._handed_on(logits)
        if self._class_map is None:
            return logits
        return self._class_map.pick(logits, dim)

    def labels(self, labels: Tensor) -> Tensor:
        """The student's labels in the teacher's classes, any shape."""
        if self._class_map is None:
            return labels
        known = labels.new_tensor(self._class_map.of_student)
        return known[labels]

    @property
    def inputs(self) -> Tensor:
        """The batch in the teacher's own normalisation, (B, 3, H, W)."""
        return self.once('inputs', self._make_inputs)

    @property
    def feats(self) -> Any:
        """``model.extract_feat(inputs)``: backbone and neck."""
        return self.once(
            'feats',
            lambda: self._handed_on(self.model.extract_feat(self.inputs)),
        )
