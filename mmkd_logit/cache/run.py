"""The run that a teacher is cached for: its model, its data, its rows."""

from contextlib import ExitStack
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import DataLoader

from ..checkpoints.downloads import is_url, sha256_of
from ..distillers import LogitDistiller
from ..distillers.cached_teacher import cached_teachers
from ..distillers.channel_order import dataset_loads_rgb
from ..distillers.match_classes import names_in
from ..distillers.teacher_config import read_model_config
from ..hooks.placed_batches import PlacedBatches, place_batches
from ..messages import WrongValue
from ..registry import MODELS
from ..structures.teacher_pass import TeacherPass
from .fingerprint import teacher_part
from .form import RowForm
from .marks import mark_samples, marks_of
from .order import (
    Length,
    MissingBatches,
    RowOrder,
    order_by_sample,
    run_length,
)
from .randomness import is_random
from .run_facts import check_images, readers_of, run_fingerprint, run_order


class CachedRun:
    """A run without its training: the teacher's logits of its batches.

    Args:
        config (Config): Config of the distillation, as it will be trained.
        folder (str): Folder of the cache, for messages.
        form (RowForm): What is kept of a row.
        length (Length, optional): Length of the runs that random augmentation
            is cached for; None for that of the config.
        every_epoch (bool): Cache each epoch though images do not change.
        device (str): Device that the teacher runs on.
        tell (callable): Called with lines about the cache.

    Attributes:
        distiller (LogitDistiller): Prepared.
        order (RowOrder): The numbers of the rows.
        meta (dict): What ``cache.json`` will have.

    Raises:
        ValueError: If it cannot be cached.
    """

    def __init__(
        self,
        config: Config,
        folder: str,
        form: RowForm,
        length: Optional[Length],
        every_epoch: bool,
        device: str,
        tell: Callable[[str], None],
    ) -> None:
        self.config = config
        self.form = form
        self.tell = tell
        self.distiller = self._distiller(folder, device)
        self.readers = readers_of(self.distiller)
        self._check_form()
        self.seed = (config.get('randomness') or {}).get('seed')
        self.loader = self._loader()
        dataset = self.loader.dataset
        check_images(dataset, self.distiller.data_preprocessor)
        self.distiller.teacher.student_loads_rgb = dataset_loads_rgb(dataset)
        self.distiller.prepare(names_in(getattr(dataset, 'metainfo', None)))
        self.order, self.meta = self._describe(length, every_epoch)
        self._placed: Optional[PlacedBatches] = None

    def _distiller(self, folder: str, device: str) -> LogitDistiller:
        model = self.config.model.copy()
        model.pop('teacher_cache', None)
        with DefaultScope.overwrite_default_scope(
            self.config.get('default_scope')
        ):
            distiller = MODELS.build(model)
        # It refuses several teachers, and teachers that change.
        cached_teachers(distiller.teachers, folder)
        return distiller.to(device).train()

    def _check_form(self) -> None:
        """Refuse to leave out classes that are no part of a softmax."""
        for term in self.distiller.terms.values():
            facts = term.reader.facts(self.distiller.student)
            if self.form.keep is not None and facts.use_sigmoid:
                raise WrongValue(
                    f'--keep {self.form.keep} gives the other classes of a '
                    'row equal parts of what is left of the softmax, but '
                    'this head has independent (sigmoid) classes; keep '
                    "'all', with --dtype float16"
                )

    def _loader(self) -> DataLoader:
        settings = self.config.train_dataloader.copy()
        with DefaultScope.overwrite_default_scope(
            self.config.get('default_scope')
        ):
            return Runner.build_dataloader(settings, seed=self.seed or 0)

    def _describe(
        self, length: Optional[Length], every_epoch: bool
    ) -> Tuple[RowOrder, Dict[str, Any]]:
        """The numbers of the rows, and what ``cache.json`` will have."""
        teacher = self.distiller.teacher
        sha256 = sha256_of(teacher.path)
        fingerprint = dict(
            teacher=teacher_part(
                read_model_config(self.config.model.teacher).model,
                sha256,
                teacher.options.dtype,
            ),
            **run_fingerprint(
                self.config, self.loader.dataset, self.distiller
            ),
        )
        order, words = order_by_sample(self.loader), 'one epoch'
        if every_epoch or is_random(self.loader.dataset):
            length = length or run_length(self.config)
            if self.seed is None:
                raise WrongValue(
                    'rows of each epoch need a seed, which repeats the order '
                    'of samples and their random augmentation; give the run '
                    'one, with --cfg-options randomness.seed=0 here and in '
                    'training'
                )
            order, facts = run_order(
                self.config, self.loader, length, self.seed
            )
            fingerprint['run'] = facts
            words = length.describe()
        elif length is not None and length.passes != 1:
            self.tell(
                'the pipeline has no random augmentation: one epoch serves '
                'all, and no more is written (--every-epoch for training '
                'that is equal to the last bit)'
            )
        source = teacher.named()[1]
        return order, dict(
            keep=self.form.keep,
            dtype=self.form.dtype,
            order=order._asdict(),
            length=words,
            seed=self.seed,
            readers=self.readers,
            classes=list(teacher.classes or ()),
            teacher=str(teacher.source),
            claims=teacher.claims,
            claims_source=teacher.claims_source,
            weights=source if is_url(source) else teacher.path,
            sha256=sha256,
            fingerprint=fingerprint,
        )

    def batches(self, missing: np.ndarray) -> DataLoader:
        """Batches of some rows, as a run draws them, with marks.

        Args:
            missing (np.ndarray): Which rows, shape (N,), bool; may be changed
                while batches are loaded.
        """
        if self.order.by == 'place' and self._placed is None:
            place_batches(self.loader, self.seed)
            self._placed = self.loader.batch_sampler
        mark_samples(self.loader.dataset)
        batches = MissingBatches(self.order, missing, self._placed)
        # A DataLoader that is built does not let these be set.
        vars(self.loader)['batch_sampler'] = batches
        return self.loader

    @torch.no_grad()
    def logits_of(
        self, batch: dict
    ) -> Tuple[np.ndarray, List[int], Dict[str, Tensor]]:
        """Numbers, checksums of images, and logits of the teacher.

        Args:
            batch (dict): One of :meth:`batches`.
        """
        distiller = self.distiller
        data = distiller.data_preprocessor(batch, True)
        inputs, samples = data['inputs'], data['data_samples']
        marks = marks_of(samples)
        look = distiller.teacher.look(inputs, samples, distiller.student)
        asked = record(look)
        terms = distiller.terms
        notes: Dict[str, dict] = {name: {} for name in terms}
        with ExitStack() as stack:
            for name, term in terms.items():
                term.reader.watch(distiller.student, notes[name], stack)
            distiller.student(inputs, samples, mode='loss')
        for name, term in terms.items():
            term.reader.pairs(notes[name], look)
        numbers = [self.order.number(mark) for mark in marks]
        _check_recorded(asked, len(marks))
        return np.array(numbers), [mark.image for mark in marks], asked


def record(look: TeacherPass) -> Dict[str, Any]:
    """The values that readers take from a pass, by key.

    Values that are only parts of another one are left out.

    Args:
        look (TeacherPass): The pass of one batch, recorded from now on.
    """
    asked: Dict[str, Any] = {}
    inside: List[str] = []
    once = look.once

    def recorded(key: str, function: Callable[[], Any]) -> Any:
        inside.append(key)
        try:
            found = once(key, function)
        finally:
            inside.pop()
        if not inside:
            asked[key] = found
        return found

    look.once = recorded
    return asked


def _check_recorded(asked: Dict[str, Any], rows: int) -> None:
    for key, values in asked.items():
        if not isinstance(values, Tensor) or len(values) != rows:
            raise WrongValue(
                f'what a reader asks of the teacher as {key!r} is no tensor '
                f'with one entry for each of {rows} images, so it cannot be '
                'cached'
            )
