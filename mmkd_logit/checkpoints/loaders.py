"""Let MMEngine read checkpoints safely.

Of itself, MMEngine runs what a pickle asks for: the classic one always, the
modern one after it failed to read a file as plain tensors.
"""

from functools import partial
from typing import Any

from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader

from .files import local_file
from .safe_load import load_checkpoint_safely

_SETTING = '`load_from`, `init_cfg` or the path on the command line'


def read_checkpoints_safely(
    trusted: bool = False, way: str = 'pass --trust'
) -> None:
    """Replace MMEngine's readers of local files and addresses.

    From then on ``load_from``, ``resume``, ``init_cfg=dict(type='Pretrained',
    ...)`` and the names of model zoos (``torchvision://...``) of this process
    are read by :func:`load_checkpoint_safely`, onto the CPU.

    Args:
        trusted (bool): Read any pickle, which can run code. Defaults to
            False.
        way (str): How a user says that a file is trusted.
    """
    read = partial(_read, trusted=trusted, way=way)
    CheckpointLoader.register_scheme('', read, force=True)
    CheckpointLoader.register_scheme('file://', read, force=True)
    # all others that MMEngine downloads itself go through this function
    mmengine_checkpoint.load_url = read
    CheckpointLoader.register_scheme(('http://', 'https://'), read, force=True)


def _read(
    filename: str,
    map_location: Any = None,
    *,
    trusted: bool,
    way: str,
    **kwargs: Any,
) -> Any:
    """Stands in for ``load_from_local``, ``load_from_http``, ``load_url``.

    A download is kept by its address, so ``model_dir`` and ``progress`` of
    the originals are not needed. What is read stays on the CPU, from where
    models and optimizers copy it.
    """
    path = local_file(filename, 'checkpoint', _SETTING, 'a local path')
    return load_checkpoint_safely(path, trusted, way)
