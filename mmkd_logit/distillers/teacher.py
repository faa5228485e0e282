"""The frozen teacher: a plain object outside the module tree."""

import os
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from .build import build_model
from .checkpoint import (
    file_hash,
    load_checkpoint_safely,
    load_state_dict_strictly,
    local_file,
    plain_state_dict,
)
from .model_config import ConfigSource, ModelConfig, read_model_config


@contextmanager
def no_random_numbers_used() -> Iterator[None]:
    """Leave the generators of torch, numpy and random as they were."""
    import random

    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(
        devices=range(torch.cuda.device_count())
        if torch.cuda.is_initialized()
        else []
    ):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


class Teacher:
    """A model that is looked at, never trained.

    It is not an ``nn.Module``, so the distiller's ``parameters()``,
    ``state_dict()``, EMA copies, DDP and the optimizer cannot see it. Nothing
    is read from disk before :meth:`build`.

    Args:
        config (str | dict): Path of its config, ``'mmdet::...'``, a whole
            config, or a model's dict.
        ckpt (str): Path, URL, or ``'auto'`` for the weights that the
            toolbox's metafile lists for a ``'package::...'`` config.
        trusted (bool): Read a checkpoint that is an arbitrary pickle. Can run
            any code in it. Defaults to False.
    """

    def __init__(
        self, config: ConfigSource, ckpt: Optional[str], trusted: bool = False
    ) -> None:
        self.config = config
        self.ckpt = ckpt
        self.trusted = trusted
        self.model: Optional[nn.Module] = None
        self.classes: Optional[Tuple[str, ...]] = None
        self.source = ''
        self.path = ''
        self.sha256 = ''
        self.num_parameters = 0
        self._input_map: Optional[InputMap] = None

    def __deepcopy__(self, memo: dict) -> 'Teacher':
        """Copies of the distiller (EMA) share one teacher."""
        return self

    def build(self, device: torch.device) -> nn.Module:
        """Build, load strictly, freeze. Uses none of the run's randomness.

        Raises:
            FileNotFoundError, ConnectionError: If config or checkpoint cannot
                be had.
            ValueError: If the checkpoint does not fit, or is not safe.
        """
        config = read_model_config(self.config)
        path = local_file(self._ckpt_source(config))
        checkpoint = load_checkpoint_safely(path, self.trusted)
        with no_random_numbers_used():
            with DefaultScope.overwrite_default_scope(config.scope):
                model = build_model(config.model, 'teacher')
        load_state_dict_strictly(model, plain_state_dict(checkpoint), path)
        model.eval().requires_grad_(False)
        self.model = model.to(device)
        self.num_parameters = sum(p.numel() for p in model.parameters())
        self.classes = _classes_of_checkpoint(checkpoint) or config.classes
        self.source = config.source
        self.sha256 = file_hash(path)
        self.path = os.path.abspath(path)
        return self.model

    def _ckpt_source(self, config: ModelConfig) -> str:
        if not self.ckpt:
            raise ValueError(
                '`teacher_ckpt` is missing; expected a path, a URL, or '
                "'auto' for the weights that the toolbox lists for a "
                '`package::...` config (or pass --teacher-ckpt)'
            )
        if self.ckpt != 'auto':
            return self.ckpt
        if not config.weights:
            raise ValueError(
                f"teacher_ckpt='auto': no metafile lists weights for "
                f'{config.source!r}; name a path or a URL'
            )
        return config.weights

    def apply(self, function: Callable[[Tensor], Tensor]) -> None:
        """Follow the student to another device."""
        if self.model is not None:
            self.model._apply(function)

    def look(
        self, inputs: Tensor, data_samples: Optional[list], student: nn.Module
    ) -> 'TeacherPass':
        """The teacher's view of one batch; nothing is computed yet.

        Args:
            inputs (Tensor): Batch as the student sees it, (B, 3, H, W).
            data_samples (list, optional): Of the same batch.
            student (nn.Module): Its preprocessor made ``inputs``.
        """
        if self.model.training:
            self.model.eval()
        if self._input_map is None:
            self._input_map = InputMap(
                getattr(student, 'data_preprocessor', None),
                getattr(self.model, 'data_preprocessor', None),
            )
        return TeacherPass(
            self.model,
            lambda: self._input_map(inputs, data_samples),
            data_samples,
        )


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


def _classes_of_checkpoint(checkpoint: Any) -> Optional[Tuple[str, ...]]:
    """Class names that MMEngine stored beside the weights."""
    meta = checkpoint.get('meta') if isinstance(checkpoint, dict) else None
    if not isinstance(meta, dict):
        return None
    dataset_meta = meta.get('dataset_meta') or {}
    classes = (
        dataset_meta.get('classes')
        or dataset_meta.get('CLASSES')
        or meta.get('CLASSES')
    )
    return tuple(classes) if classes else None
