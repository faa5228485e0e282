"""Write checkpoints so that no interruption loses one."""

from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, List, Tuple, Union

from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook

from ..checkpoints.files import written_whole


class WholeFileBackend(LocalBackend):
    """MMEngine's local file backend, whose files appear when whole."""

    def put(self, obj: bytes, filepath: Union[str, Path]) -> None:
        """Write bytes under another name, and rename the file."""
        with written_whole(str(filepath)) as file:
            file.write(obj)


def write_whole_files() -> None:
    """Let MMEngine write local files of this process by renaming."""
    register_backend('local', WholeFileBackend, force=True, prefixes='')


class _RemovesLater:
    """A file backend that notes what it should remove."""

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.noted: List[Tuple[str, str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def remove(self, path: str) -> None:
        self.noted.append(('remove', path))

    def rmtree(self, path: str) -> None:
        self.noted.append(('rmtree', path))


class WholeCheckpointHook(CheckpointHook):
    """MMEngine's hook, removing an old checkpoint after the new one is there.

    The original removes first, so that with ``max_keep_ckpts=1`` an
    interruption while saving leaves no checkpoint.
    """

    def _save_checkpoint_with_step(self, *args: Any, **kwargs: Any) -> None:
        with self._old_ones_kept():
            super()._save_checkpoint_with_step(*args, **kwargs)

    def _save_best_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        with self._old_ones_kept():
            super()._save_best_checkpoint(*args, **kwargs)

    @contextmanager
    def _old_ones_kept(self) -> Iterator[None]:
        """Remove superfluous checkpoints after all are saved."""
        backend = self.file_backend
        self.file_backend = later = _RemovesLater(backend)
        try:
            yield
        finally:
            self.file_backend = backend
        new = {self.last_ckpt, getattr(self, 'best_ckpt_path', None)}
        new.update(getattr(self, 'best_ckpt_path_dict', {}).values())
        for method, path in later.noted:
            if path not in new:
                getattr(backend, method)(path)
