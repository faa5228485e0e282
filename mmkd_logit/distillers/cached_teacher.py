"""A teacher whose logits were written before the run."""

import os
from typing import Any, Callable, Dict, List, Optional, Tuple

import torch
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from ..cache.fingerprint import check_same, teacher_part
from ..cache.form import RowForm
from ..cache.marks import marks_of
from ..cache.order import RowOrder
from ..cache.store import RowStore
from ..checkpoints.downloads import is_url, sha256_of
from ..checkpoints.files import local_file
from ..messages import StoppedRun, WrongValue
from ..structures.teacher_pass import TeacherPass
from .build import build_model
from .match_classes import ClassMap
from .self_teacher import SelfTeacher
from .teacher import Teacher, no_random_numbers_used
from .teacher_config import ConfigSource, ModelConfig, read_model_config


class LogitCache:
    """Rows of a complete cache, as the logits that readers ask for.

    Args:
        folder (str): Of the cache.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged or not complete.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.store = RowStore.open(folder)
        meta = self.store.meta
        missing = int(self.store.missing.sum())
        if missing:
            raise WrongValue(
                f'the teacher cache {folder!r} is not complete: {missing} of '
                f'{len(self.store)} rows are not written; run '
                'tools/cache_teacher.py with the same arguments again, which '
                'goes on where it was stopped'
            )
        self.form = RowForm(meta['keep'], meta['dtype'])
        self.order = RowOrder(**meta['order'])
        self.asked = {one['key']: one for one in meta['logits']}
        self.meta = meta

    def describe(self) -> str:
        """A line for the log."""
        how = (
            'one row for each sample'
            if self.order.by == 'sample'
            else f'{len(self.store)} rows, {self.meta["length"]} of random '
            'augmentation'
        )
        return (
            f'teacher: not run, its logits are read from {self.folder!r} '
            f'({self.form.describe()}, {how})'
        )

    def logits(
        self, data_samples: Optional[list], device: torch.device
    ) -> Dict[str, Tensor]:
        """Logits of a batch by the keys of :meth:`TeacherPass.once`.

        Args:
            data_samples (list): Of the batch, marked.
            device (torch.device): Where to.

        Raises:
            RuntimeError: If a row is damaged, or of another image.
        """
        marks = marks_of(data_samples)
        records = self.store.read(
            [self.order.number(mark) for mark in marks],
            [mark.image for mark in marks],
        )
        found = {}
        for number, (key, one) in enumerate(self.asked.items()):
            logits = self.form.unpack(number, records, one['shape'][0])
            found[key] = _laid_out(logits.to(device), one['layout'])
        return found


def layout_of(logits: Tensor) -> List[int]:
    """The dimensions of a tensor from the outermost in memory inwards."""
    dims = range(logits.dim())
    return sorted(dims, key=lambda dim: -logits.stride(dim))


def _laid_out(logits: Tensor, layout: List[int]) -> Tensor:
    """The same tensor, with its dimensions in memory in another order."""
    back = [layout.index(dim) for dim in range(len(layout))]
    return logits.permute(layout).contiguous().permute(back)


class CachedPass(TeacherPass):
    """One batch of a teacher that is read and not run."""

    def __init__(
        self,
        model: nn.Module,
        cache: LogitCache,
        inputs: Tensor,
        data_samples: Optional[list],
        class_map: Any,
    ) -> None:
        super().__init__(model, lambda: inputs, data_samples, class_map)
        self._cache = cache
        self._device = inputs.device
        self._logits: Optional[Dict[str, Tensor]] = None

    def once(self, key: str, function: Callable[[], Any]) -> Any:
        """The cached logits of that name; ``function`` is not called."""
        if self._logits is None:
            self._logits = self._cache.logits(self.data_samples, self._device)
        if key not in self._logits:
            raise StoppedRun(
                f'the teacher cache {self._cache.folder!r} has no {key!r}, '
                f'but {list(self._logits)}: it was written for a student '
                'with logits of another size, or for another reader; write '
                'one for this run with tools/cache_teacher.py'
            )
        # the cache holds what has passed `classes` already
        self.mapped = True
        return self._logits[key]


class CachedTeacher(Teacher):
    """Stands in for a teacher whose logits are in files.

    The teacher's network is built, for what readers ask about its head, but
    has no weights and is not run.

    Args:
        config (str | dict): Of the teacher.
        ckpt (str, optional): Its weights, whose hash is compared with that
            of the cache; None to take the cache's word for it.
        trusted (bool): Not used, as nothing but the hash is read.
        class_map (list | dict, optional): As for any teacher.
        dtype (str, optional): Of ``teacher_options``, which is compared.
        folder (str): Of the cache.
    """

    def __init__(
        self,
        config: ConfigSource,
        ckpt: Optional[str],
        trusted: bool,
        class_map: Optional[ClassMap],
        dtype: Optional[str],
        folder: str,
    ) -> None:
        super().__init__(config, ckpt, trusted, class_map)
        self.dtype = dtype
        self.folder = os.path.expanduser(folder)
        self.cache: Optional[LogitCache] = None

    def build(self, device: torch.device) -> nn.Module:
        """Open the cache, and build the teacher's network without weights.

        Raises:
            FileNotFoundError: If there is no cache.
            ValueError: If it is incomplete, or of another teacher.
        """
        self.cache = LogitCache(self.folder)
        meta = self.cache.meta
        config = read_model_config(self.config)
        self._check_teacher(config)
        with no_random_numbers_used():
            with DefaultScope.overwrite_default_scope(config.scope):
                model = build_model(config.model, 'teacher')
        model.eval()
        model.requires_grad_(False)
        self.num_parameters = sum(p.numel() for p in model.parameters())
        for name, child in model.named_children():
            if name != 'data_preprocessor':
                child.to('meta')
        self.model = model
        self.classes = tuple(meta['classes']) if meta['classes'] else None
        self.source = config.source
        self.path, self.sha256 = meta['weights'], meta['sha256'][:12]
        self.claims = dict(meta['claims'])
        self.claims_source = meta['claims_source']
        self._loads_rgb = config.loads_rgb
        return model

    def _check_teacher(self, config: ModelConfig) -> None:
        meta = self.cache.meta
        weights = None
        if self.ckpt:
            source = self._ckpt_source(config)
            weights = meta['sha256']
            if not (is_url(source) and source == meta['weights']):
                weights = sha256_of(_file_of(source))
        check_same(
            self.folder,
            meta['fingerprint'],
            dict(teacher=teacher_part(config.model, weights, self.dtype)),
            skip=() if weights else ('sha256 of the weights',),
        )

    def named(self) -> Tuple[ModelConfig, str]:
        """Config, and the weights that the cache names."""
        config = read_model_config(self.config)
        return config, self.ckpt and self._ckpt_source(config) or ''

    def apply(self, function: Callable[[Tensor], Tensor]) -> None:
        """Nothing is moved, as the network has no weights."""

    def look(
        self, inputs: Tensor, data_samples: Optional[list], student: nn.Module
    ) -> CachedPass:
        """The cached logits of one batch; nothing is read yet."""
        return CachedPass(
            self.model, self.cache, inputs, data_samples, self.class_columns
        )


def cached_teachers(teachers: List[Teacher], folder: str) -> List[Teacher]:
    """The teacher of a distiller, which is read in a cache.

    Args:
        teachers (list[Teacher]): Of the distiller.
        folder (str): Of the cache.

    Raises:
        ValueError: If there are several, or it changes during the run.
    """
    if len(teachers) > 1 or isinstance(teachers[0], SelfTeacher):
        what = (
            f'{len(teachers)} teachers'
            if len(teachers) > 1
            else "the student's own average"
        )
        raise WrongValue(
            'a teacher cache holds the logits of one teacher that stays as '
            f'it is, this run has {what}; remove `teacher_cache`'
        )
    (one,) = teachers
    return [
        CachedTeacher(
            one.config,
            one.ckpt,
            one.trusted,
            one.class_map,
            one.options.dtype,
            folder,
        )
    ]


def _file_of(source: str) -> str:
    return local_file(
        source,
        'teacher checkpoint',
        '`teacher_ckpt`, or set it to None: the cache records whose logits '
        'it has',
    )
