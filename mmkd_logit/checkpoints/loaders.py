"""Let MMEngine read checkpoints safely.

By itself, MMEngine runs the code that a pickle names: the classic version
always, the modern one where a file cannot be read as plain tensors.
"""

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

    def load_from_safely(
        filename: str, map_location: Any = None, **kwargs: Any
    ) -> Any:
        # A download is kept by its address, so `model_dir` and `progress`
        # are not needed; models and optimizers copy from the CPU.
        path = local_file(filename, 'checkpoint', _SETTING, 'a local path')
        return load_checkpoint_safely(path, trusted, way)

    for prefix in ('', 'file://', 'http://', 'https://'):
        CheckpointLoader.register_scheme(prefix, load_from_safely, force=True)
    # MMEngine reads model zoos that have a name with this function.
    mmengine_checkpoint.load_url = load_from_safely
