"""The student's input batch in the teacher's own normalisation."""

from typing import Any, List, Optional, Tuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class InputMap:
    """Undo the student's normalisation and apply the teacher's.

    Channels are flipped first and then the teacher's own mean and std are
    used. (The official detection code of DKD subtracts the mean before the
    flip, which gives red and blue each other's mean.) Padded borders get the
    teacher's padding value again.

    Args:
        student (nn.Module, optional): Data preprocessor of the student.
        teacher (nn.Module, optional): Data preprocessor of the teacher.
    """

    def __init__(
        self, student: Optional[nn.Module], teacher: Optional[nn.Module]
    ) -> None:
        student_mean, student_std = _normalisation(student)
        teacher_mean, teacher_std = _normalisation(teacher)
        self.flip = _flips(student) != _flips(teacher)
        if self.flip:
            student_mean, student_std = student_mean[::-1], student_std[::-1]
        scale = student_std / teacher_std
        shift = (student_mean - teacher_mean) / teacher_std
        self.pad_value = _pad_value(teacher)
        self.divisor = int(getattr(teacher, 'pad_size_divisor', 1) or 1)
        self.changes = bool(
            self.flip or not np.allclose(scale, 1) or not np.allclose(shift, 0)
        )
        self.repads = self.changes or self.pad_value != _pad_value(student)
        self.scale = torch.tensor(scale, dtype=torch.float32).view(-1, 1, 1)
        self.shift = torch.tensor(shift, dtype=torch.float32).view(-1, 1, 1)

    def __call__(self, inputs: Tensor, data_samples: Optional[list]) -> Tensor:
        """(B, 3, H, W) as the student sees it -> as the teacher does."""
        outputs = inputs
        if self.changes:
            if self.scale.device != inputs.device:
                self.scale = self.scale.to(inputs.device)
                self.shift = self.shift.to(inputs.device)
            outputs = inputs.flip(1) if self.flip else inputs
            outputs = torch.addcmul(self.shift, outputs, self.scale)
        if self.repads:
            height, width = inputs.shape[-2:]
            for index, (h, w) in enumerate(_image_sizes(data_samples)):
                if h < height or w < width:
                    if outputs is inputs:
                        outputs = inputs.clone()
                    outputs[index, :, h:] = self.pad_value
                    outputs[index, :, :, w:] = self.pad_value
        bottom, right = (-size % self.divisor for size in inputs.shape[-2:])
        if bottom or right:
            outputs = F.pad(
                outputs, (0, right, 0, bottom), value=self.pad_value
            )
        return outputs


def _normalisation(preprocessor: Any) -> Tuple[np.ndarray, np.ndarray]:
    """Mean and std of three channels, in the model's channel order."""
    if not getattr(preprocessor, '_enable_normalize', False):
        return np.zeros(3), np.ones(3)
    return tuple(
        np.broadcast_to(
            buffer.detach().double().cpu().numpy().ravel(), (3,)
        ).copy()
        for buffer in (preprocessor.mean, preprocessor.std)
    )


def _flips(preprocessor: Any) -> bool:
    """Whether the loaded (BGR) channels are reversed for the model."""
    # MMEngine and MMDetection, MMSegmentation 1.2, MMPretrain
    names = ('_channel_conversion', 'channel_conversion', 'to_rgb')
    return any(getattr(preprocessor, name, False) for name in names)


def _pad_value(preprocessor: Any) -> float:
    value = getattr(
        preprocessor, 'pad_value', getattr(preprocessor, 'pad_val', 0)
    )
    return float(value or 0)


def _image_sizes(data_samples: Optional[list]) -> List[Tuple[int, int]]:
    """(h, w) of each image without its padding, where known."""
    sizes = []
    for sample in data_samples or []:
        shape = (
            sample.metainfo.get('img_shape')
            if hasattr(sample, 'metainfo')
            else None
        )
        if shape is None:
            return []
        sizes.append(tuple(shape[:2]))
    return sizes
