"""Run a teacher over a training set once, and write its logits."""

from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple

import numpy as np
from mmengine.config import Config
from torch import Tensor
from tqdm import tqdm

from ..distillers.cached_teacher import layout_of
from ..messages import WrongValue
from .files import check_is_free, check_space, is_cache, row_bytes
from .fingerprint import check_same
from .form import RowForm
from .order import Length
from .run import CachedRun
from .store import RowStore


class CacheWriter:
    """Writes the cache of one distillation.

    Args:
        config (Config): Config of the distillation, as it will be trained.
        folder (str): Folder of the cache; an unfinished one is continued.
        form (RowForm): What is kept of a row.
        length (Length, optional): Length of the runs that random augmentation
            is cached for; None for that of the config.
        every_epoch (bool): Cache each epoch even if images do not change.
            The last bits of a layer's output may depend on the other images
            of the batch; with this option a training ends bit for bit like
            one with the teacher itself. Defaults to False.
        device (str): Device that the teacher runs on. Defaults to ``'cpu'``.
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
        self.folder = folder
        self.form = form
        self.tell = tell
        if not is_cache(folder):
            check_is_free(folder)
        self.run = CachedRun(
            config, folder, form, length, every_epoch, device, tell
        )

    def write(self) -> RowStore:
        """Write all rows that are missing.

        Raises:
            ValueError: If the folder holds another cache, the disk has no
                room, or logits cannot be kept in this form.
        """
        store = self._begun()
        count = self.run.order.count
        missing = np.ones(count, bool) if store is None else store.missing
        done = count - int(missing.sum())
        with tqdm(total=count, initial=done, unit='image') as bar:
            for batch in self.run.batches(missing):
                numbers, images, asked = self.run.logits_of(batch)
                if store is None:
                    store = self._create(asked)
                self._write(store, numbers, images, asked)
                bar.update(int(missing[numbers].sum()))
                missing[numbers] = False
        store.flush()
        return store

    def _begun(self) -> Optional[RowStore]:
        """The unfinished cache in the folder, if there is one."""
        if not is_cache(self.folder):
            return None
        store = RowStore.open(self.folder, writing=True)
        meta = self.run.meta
        check_same(self.folder, store.meta['fingerprint'], meta['fingerprint'])
        for name in ('keep', 'dtype', 'order', 'readers'):
            if store.meta[name] != meta[name]:
                raise WrongValue(
                    f'the folder {self.folder!r} holds a cache with '
                    f'{name}={store.meta[name]!r}, asked for is '
                    f'{meta[name]!r}; name another folder with --out'
                )
        damaged = store.forget_damaged()
        if damaged:
            self.tell(f'{damaged} damaged rows are written anew')
        missing = int(store.missing.sum())
        self.tell(f'{len(store) - missing} of {len(store)} rows are there')
        return store

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
        count, size = self.run.order.count, row_bytes(fields)
        Path(self.folder).mkdir(parents=True, exist_ok=True)
        check_space(self.folder, count * size)
        shapes = ' and '.join(str(tuple(one['shape'])) for one in logits)
        self.tell(
            f'{self.folder}: {count} rows ({self.run.meta["length"]}) of '
            f'{shapes}, {self.form.describe()}: {size} bytes a row, '
            f'{count * size / 2**20:.1f} MiB in all'
        )
        meta = dict(self.run.meta, logits=logits)
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
