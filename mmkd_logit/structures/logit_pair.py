"""The only thing that travels from heads to losses."""

from typing import NamedTuple, Optional, Union

from torch import Tensor


class LogitPair(NamedTuple):
    """M rows; a row is one distribution: an image, a RoI, a pixel, a side.

    Attributes:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C), without gradient.
        labels (Tensor, optional): Target class of each row, shape (M,), long,
            in [0, C); sigmoid heads may use C for "no class".
        weight (Tensor, optional): Weight of each row, shape (M,), >= 0.
        avg_factor (float or Tensor, optional): Divisor of ``'mean'``. None
            means M.
    """

    student_logits: Tensor
    teacher_logits: Tensor
    labels: Optional[Tensor] = None
    weight: Optional[Tensor] = None
    avg_factor: Optional[Union[float, Tensor]] = None
