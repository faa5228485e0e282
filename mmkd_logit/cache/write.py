"""Run a teacher over a training set once, and write its logits."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from ..checkpoints.downloads import is_url, sha256_of
from ..distillers import LogitDistiller
from ..distillers.cached_teacher import cached_teachers, layout_of
from ..distillers.channel_order import dataset_loads_rgb
from ..distillers.match_classes import names_in
from ..distillers.teacher_config import read_model_config
from ..hooks.placed_batches import PlacedBatches, place_batches
from ..messages import WrongValue
from ..registry import MODELS
from ..structures.teacher_pass import TeacherPass
from .fingerprint import check_same, teacher_part
from .form import RowForm
from .marks import mark_samples, marks_of
from .order import Length, MissingBatches, RowOrder, order_by_sample
from .randomness import is_random
from .run_facts import check_images, readers_of, run_fingerprint, run_order
from .store import RowStore, check_is_free, check_space, is_cache, row_bytes


def record(look: TeacherPass) -> Dict[str, Any]:
    """What readers ask of a pass for themselves, by key.

    Args:
        look (TeacherPass): Of one batch; from now on it is recorded.
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


class CacheWriter:
    """Writes the cache of one distillation.

    Args:
        config (Config): Of the distillation, as it will be trained.
        folder (str): Of the cache; one that was stopped is gone on with.
        form (RowForm): What is kept of a row.
        length (Length, optional): Of the runs that random augmentation is
            cached for; None for that of the config.
        every_epoch (bool): Cache each epoch though images do not change: a
            layer may give an image other last bits in another batch, and so
            a training ends bit for bit like one with the teacher itself.
            Defaults to False.
        device (str): Where the teacher runs. Defaults to ``'cpu'``.
        tell (callable): Called with lines about the cache. Defaults to
            ``print``.

    Raises:
        ValueError: If it cannot be cached, or the folder is not free.
    """

    def __init__(
        self,
        config: Config,
        folder: str,
        form: RowForm,
        length: Optional[Length] = None,
        every_epoch: bool = False,
        device: str = 'cpu',
        tell: Callable[[str], None] = print,
    ) -> None:
        self.config = config
        self.folder = folder
        self.form = form
        self.device = device
        self.tell = tell
        if not is_cache(folder):
            check_is_free(folder)
        self.distiller = self._distiller()
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

    # ------------------------------------------------------------ building

    def _distiller(self) -> LogitDistiller:
        model = self.config.model.copy()
        model.pop('teacher_cache', None)
        with DefaultScope.overwrite_default_scope(
            self.config.get('default_scope')
        ):
            distiller = MODELS.build(model)
        # refuses several teachers, and those that change
        cached_teachers(distiller.teachers, self.folder)
        return distiller.to(self.device).train()

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

    # ------------------------------------------------------------ writing

    def write(self) -> RowStore:
        """Write all rows that are missing.

        Raises:
            ValueError: If the folder holds another cache, the disk has no
                room, or logits cannot be kept in this form.
        """
        store = self._begun()
        count = self.order.count
        missing = np.ones(count, bool) if store is None else store.missing
        done = count - int(missing.sum())
        with tqdm(total=count, initial=done, unit='image') as bar:
            for batch in self.batches(missing):
                numbers, images, asked = self._run(batch)
                if store is None:
                    store = self._create(asked)
                self._write(store, numbers, images, asked)
                bar.update(int(missing[numbers].sum()))
                missing[numbers] = False
        store.flush()
        return store

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
        # a DataLoader refuses to have these exchanged once it is built
        vars(self.loader)['batch_sampler'] = batches
        return self.loader

    def _begun(self) -> Optional[RowStore]:
        """A cache that was stopped, if the folder has one."""
        if not is_cache(self.folder):
            return None
        store = RowStore.open(self.folder, writing=True)
        check_same(
            self.folder, store.meta['fingerprint'], self.meta['fingerprint']
        )
        for name in ('keep', 'dtype', 'order', 'readers'):
            if store.meta[name] != self.meta[name]:
                raise WrongValue(
                    f'the folder {self.folder!r} holds a cache with '
                    f'{name}={store.meta[name]!r}, asked for is '
                    f'{self.meta[name]!r}; name another folder with --out'
                )
        damaged = store.forget_damaged()
        if damaged:
            self.tell(f'{damaged} damaged rows are written anew')
        missing = int(store.missing.sum())
        self.tell(f'{len(store) - missing} of {len(store)} rows are there')
        return store

    @torch.no_grad()
    def _run(
        self, batch: dict
    ) -> Tuple[np.ndarray, List[int], Dict[str, Tensor]]:
        """Numbers, checksums of images, and logits of the teacher."""
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
        _check_asked(asked, len(marks))
        return np.array(numbers), [mark.image for mark in marks], asked

    def _create(self, asked: Dict[str, Tensor]) -> RowStore:
        logits = [
            dict(
                key=key, shape=list(values.shape[1:]), layout=layout_of(values)
            )
            for key, values in asked.items()
        ]
        fields = [
            field
            for number, one in enumerate(logits)
            for field in self.form.fields(number, tuple(one['shape']))
        ]
        count, size = self.order.count, row_bytes(fields)
        Path(self.folder).mkdir(parents=True, exist_ok=True)
        check_space(self.folder, count * size)
        shapes = ' and '.join(str(tuple(one['shape'])) for one in logits)
        self.tell(
            f'{self.folder}: {count} rows ({self.meta["length"]}) of '
            f'{shapes}, {self.form.describe()}: {size} bytes a row, '
            f'{count * size / 2**20:.1f} MiB in all'
        )
        meta = dict(self.meta, logits=logits)
        return RowStore.create(self.folder, meta, fields, count)

    def _write(
        self,
        store: RowStore,
        numbers: np.ndarray,
        images: List[int],
        asked: Dict[str, Tensor],
    ) -> None:
        kept = store.meta['logits']
        before = {one['key']: tuple(one['shape']) for one in kept}
        found = {key: tuple(v.shape[1:]) for key, v in asked.items()}
        if found != before:
            raise WrongValue(
                f'the teacher gives {_words(found)} here and '
                f'{_words(before)} before; a cache needs images of one size, '
                'crop or resize them in the pipeline'
            )
        fields: Dict[str, np.ndarray] = {}
        for number, one in enumerate(kept):
            fields.update(self.form.pack(number, asked[one['key']]))
        store.write(numbers, images, fields)


def _words(shapes: Dict[str, Tuple[int, ...]]) -> str:
    return ' and '.join(f'{key} {shape}' for key, shape in shapes.items())


def _check_asked(asked: Dict[str, Any], rows: int) -> None:
    for key, values in asked.items():
        if not isinstance(values, Tensor) or len(values) != rows:
            raise WrongValue(
                f'what a reader asks of the teacher as {key!r} is no tensor '
                f'with one entry for each of {rows} images, so it cannot be '
                'cached'
            )


def run_length(config: Config) -> Length:
    """How long a config trains.

    Raises:
        ValueError: If it does not say.
    """
    loop = config.get('train_cfg') or {}
    if loop.get('max_epochs'):
        return Length(passes=int(loop['max_epochs']))
    if loop.get('max_iters'):
        return Length(iters=int(loop['max_iters']))
    raise WrongValue(
        'the config has neither train_cfg.max_epochs nor max_iters; say with '
        '--epochs or --iters how long its runs will be'
    )
