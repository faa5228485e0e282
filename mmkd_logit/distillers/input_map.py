"""The student's input batch in the teacher's own normalisation."""

from typing import Any, List, Optional, Tuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..messages import WrongValue
from .channel_order import reverses_channels


class InputMap:
    """Undo the student's normalisation and apply the teacher's.

    Channels are reversed first and then the teacher's own mean and std are
    used. (The official detection code of DKD subtracts the mean before the
    reversal, which gives red and blue each other's mean.) Padded borders get
    the teacher's padding value again. Images may have any number of
    channels that student and teacher share.

    Args:
        student (nn.Module, optional): Data preprocessor of the student.
        teacher (nn.Module, optional): Data preprocessor of the teacher.
        student_rgb (bool, optional): Whether the student's data come in RGB,
            see :func:`~mmkd_logit.distillers.channel_order.loads_rgb`.
            Defaults to None, as the teacher's.
        teacher_rgb (bool, optional): The same of the data that the teacher
            was trained with. Defaults to None, as the student's.

    Raises:
        ValueError: If the two normalise other numbers of channels.
    """

    def __init__(
        self,
        student: Optional[nn.Module],
        teacher: Optional[nn.Module],
        student_rgb: Optional[bool] = None,
        teacher_rgb: Optional[bool] = None,
    ) -> None:
        student_mean, student_std = _normalisation(student)
        teacher_mean, teacher_std = _normalisation(teacher)
        counts = {len(student_mean), len(teacher_mean)} - {1}
        if len(counts) > 1:
            raise WrongValue(
                f"the student's data preprocessor has {len(student_mean)} "
                f"channels, the teacher's {len(teacher_mean)}; both must be "
                'trained on images with the same channels'
            )
        self.flip = reverses_channels(student) != reverses_channels(teacher)
        if None not in (student_rgb, teacher_rgb):
            self.flip ^= student_rgb != teacher_rgb
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
        """(B, C, H, W) of the student -> (B, C, H, W) of the teacher."""
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

    def describe(self) -> str:
        """A line for the report."""
        if not self.changes:
            return "input: the teacher sees the student's images as they are"
        swapped = 'red and blue swapped and ' if self.flip else ''
        return (
            f"input: the teacher sees the student's images with {swapped}its "
            'own normalisation'
        )


def check_channels(student: nn.Module, teacher: nn.Module) -> None:
    """Refuse a teacher of images with another number of channels.

    Raises:
        ValueError: Naming both numbers.
    """
    ours, theirs = _input_channels(student), _input_channels(teacher)
    if None not in (ours, theirs) and ours != theirs:
        raise WrongValue(
            f'the student takes images of {ours} channels, the teacher of '
            f'{theirs}; choose a teacher that was trained on the same kind '
            'of images'
        )


def _input_channels(model: nn.Module) -> Optional[int]:
    """Channels that the first convolution of a backbone takes."""
    backbone = getattr(model, 'backbone', None)
    if isinstance(backbone, nn.Module):
        for module in backbone.modules():
            if isinstance(module, nn.Conv2d):
                return module.in_channels
    return None


def _normalisation(preprocessor: Any) -> Tuple[np.ndarray, np.ndarray]:
    """Mean and std of each channel, in the model's channel order.

    One number stands for all channels.
    """
    if not getattr(preprocessor, '_enable_normalize', False):
        return np.zeros(1), np.ones(1)
    mean, std = (
        buffer.detach().double().cpu().numpy().ravel()
        for buffer in (preprocessor.mean, preprocessor.std)
    )
    count = max(len(mean), len(std))
    return tuple(np.broadcast_to(v, (count,)).copy() for v in (mean, std))


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
