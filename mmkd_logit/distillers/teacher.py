"""The frozen teacher: a plain object outside the module tree."""

import os
from contextlib import contextmanager
from functools import partial
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

import numpy as np
import torch
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from ..checkpoints.files import file_hash, local_file
from ..checkpoints.safe_load import load_checkpoint_safely
from ..checkpoints.state_dict import load_state_dict_strictly, plain_state_dict
from ..messages import WrongValue
from ..structures.class_columns import ClassColumns
from ..structures.teacher_pass import TeacherPass
from .build import build_model
from .claims import checkpoint_claims
from .input_map import InputMap, check_channels
from .match_classes import ClassMap, names_in
from .teacher_config import (
    ConfigSource,
    ModelConfig,
    claims_for,
    read_model_config,
)
from .teacher_options import TeacherOptions


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
    """A frozen model that gives logits for the student's batch.

    It is not an ``nn.Module``, so the distiller's ``parameters()``,
    ``state_dict()``, EMA copies, DDP and the optimizer cannot see it. Nothing
    is read from disk before :meth:`build`.

    Args:
        config (str | dict): Path of its config, ``'mmdet::...'``, a whole
            config, or a model's dict.
        ckpt (str): Path, URL, or ``'auto'`` for the weights that the
            toolbox's metafile lists for a ``'package::...'`` config.
        trusted (bool): Read a checkpoint that is an arbitrary pickle, which
            can run any code in it. Defaults to False.
        class_map (list | dict, optional): Its class for each class of the
            student. Defaults to None.
        options (TeacherOptions, optional): How it is computed.
    """

    def __init__(
        self,
        config: ConfigSource,
        ckpt: Optional[str],
        trusted: bool = False,
        class_map: Optional[ClassMap] = None,
        options: Optional[TeacherOptions] = None,
    ) -> None:
        self.config = config
        self.ckpt = ckpt
        self.trusted = trusted
        self.class_map = class_map
        self.options = options or TeacherOptions()
        self.model: Optional[nn.Module] = None
        self.classes: Optional[Tuple[str, ...]] = None
        self.source = ''
        self.path = ''
        self.sha256 = ''
        self.num_parameters = 0
        self.is_pruned = False
        self.class_columns: Optional[ClassColumns] = None
        self.claims: Dict[str, float] = {}
        #: What makes them: its checkpoint, or its metafile.
        self.claims_source = ''
        #: What ``KDGuardHook`` measured, and on how many images.
        self.measured: Dict[str, float] = {}
        self.measured_images = 0
        #: Whether the run's data come in RGB; ``KDGuardHook`` sets it.
        self.student_loads_rgb: Optional[bool] = None
        self._loads_rgb: Optional[bool] = None
        self._input_map: Optional[InputMap] = None

    def __deepcopy__(self, memo: dict) -> 'Teacher':
        """Copies of the distiller (EMA) share one teacher."""
        return self

    def build(self, device: torch.device) -> nn.Module:
        """Build, load strictly and freeze, without the run's random numbers.

        Raises:
            FileNotFoundError, ConnectionError: If config or checkpoint cannot
                be found or downloaded.
            ValueError: If the checkpoint does not fit, or is not safe.
        """
        config, path = self.find()
        checkpoint = load_checkpoint_safely(path, self.trusted)
        with no_random_numbers_used():
            with DefaultScope.overwrite_default_scope(config.scope):
                model = build_model(config.model, 'teacher')
        state = plain_state_dict(checkpoint, path)
        load_state_dict_strictly(
            model,
            state,
            path,
            config=self.config if isinstance(self.config, str) else '',
        )
        # `train` and `eval` of some detectors return nothing.
        model.eval()
        model.requires_grad_(False)
        self.model = model.to(device)
        self.options.apply_to(model)
        self.num_parameters = sum(p.numel() for p in model.parameters())
        self.classes = _classes_of_checkpoint(checkpoint) or config.classes
        claims = checkpoint_claims(checkpoint)
        self.claims = claims or claims_for(config, path)
        self.claims_source = f'its {"checkpoint" if claims else "metafile"}'
        self._loads_rgb = config.loads_rgb
        self.source = config.source
        self.sha256 = file_hash(path)
        self.path = os.path.abspath(path)
        return self.model

    def named(self) -> Tuple[ModelConfig, str]:
        """Config, and path or address of the checkpoint; nothing is fetched.

        Raises:
            FileNotFoundError: If the config is not there.
            ValueError: If no checkpoint is named.
        """
        config = read_model_config(self.config)
        return config, self._ckpt_source(config)

    def find(self) -> Tuple[ModelConfig, str]:
        """Config and local checkpoint, downloaded first if necessary.

        Raises:
            FileNotFoundError, ConnectionError: If one cannot be found or
                downloaded.
            ValueError: If no checkpoint is named.
        """
        config, source = self.named()
        return config, local_file(source)

    def _ckpt_source(self, config: ModelConfig) -> str:
        if not self.ckpt:
            raise WrongValue(
                '`teacher_ckpt` is missing; expected a path, a URL, or '
                "'auto' for the weights that the toolbox lists for a "
                '`package::...` config (or pass --teacher-ckpt)'
            )
        if self.ckpt != 'auto':
            return self.ckpt
        if not config.weights:
            raise WrongValue(
                f"teacher_ckpt='auto': no metafile lists weights for "
                f'{config.source!r}; name a path or a URL'
            )
        return config.weights

    def apply(self, function: Callable[[Tensor], Tensor]) -> None:
        """Apply to all tensors what moves the student to a device."""
        if self.model is not None:
            self.model._apply(function)

    def look(
        self, inputs: Tensor, data_samples: Optional[list], student: nn.Module
    ) -> 'TeacherPass':
        """Start a pass over one batch; nothing is computed yet.

        Args:
            inputs (Tensor): The student's preprocessed batch, (B, 3, H, W).
            data_samples (list, optional): Those of the same batch.
            student (nn.Module): The model whose preprocessor made ``inputs``.
        """
        if self.model.training:
            self.model.eval()
        input_map = self.input_map(student)
        return TeacherPass(
            self.model,
            lambda: self.options.laid_out(input_map(inputs, data_samples)),
            data_samples,
            self.class_columns,
            partial(self.options.running, inputs.device),
            self.options.handed_on,
        )

    def input_map(self, student: nn.Module) -> InputMap:
        """How the student's images become the teacher's.

        Args:
            student (nn.Module): The model whose preprocessor makes the images.

        Raises:
            ValueError: If the two take images of other channels.
        """
        if self._input_map is None:
            check_channels(student, self.model)
            self._input_map = InputMap(
                getattr(student, 'data_preprocessor', None),
                getattr(self.model, 'data_preprocessor', None),
                self.student_loads_rgb,
                self._loads_rgb,
            )
        return self._input_map


def _classes_of_checkpoint(checkpoint: Any) -> Optional[Tuple[str, ...]]:
    """Class names that MMEngine stored beside the weights."""
    meta = checkpoint.get('meta') if isinstance(checkpoint, dict) else None
    if not isinstance(meta, dict):
        return None
    return names_in(meta.get('dataset_meta')) or names_in(meta)
