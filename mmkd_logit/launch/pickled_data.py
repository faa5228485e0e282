"""Data files that are pickles, which run code when they are read."""

from typing import Any, Iterator, Sequence, Tuple

from mmengine.config import Config

from ..messages import WrongValue
from .datasets import leaf_datasets

_ENDS = ('.pkl', '.pickle')
_FILES = ('ann_file', 'proposal_file')


def refuse_pickled_data(
    config: Config, loaders: Sequence[str], trusted: bool = False
) -> None:
    """Check that no data file of a run is a pickle.

    MMEngine reads annotations, proposals and images that are pickles, and
    whatever code they name runs. The pickles of CIFAR are checked by their
    published hashes.

    Args:
        config (Config): Of a run.
        loaders (list[str]): Keys of its data loaders that the run uses.
        trusted (bool): Whether such files may be read. Defaults to False.

    Raises:
        ValueError: If one is a pickle and is not trusted.
    """
    for loader in () if trusted else loaders:
        dataset = (config.get(loader) or {}).get('dataset')
        for leaf in leaf_datasets(dataset):
            for where, what in _pickles(leaf):
                raise WrongValue(
                    f'{loader}: `{where}` of the dataset is {what!r}; reading '
                    'a pickle runs the code that it names. Convert it to '
                    'JSON or NumPy, or, if it is your own, pass --trust'
                )


def _pickles(dataset: dict) -> Iterator[Tuple[str, Any]]:
    for key in _FILES:
        path = dataset.get(key)
        if isinstance(path, str) and path.lower().endswith(_ENDS):
            yield key, path
    for number, step in enumerate(dataset.get('pipeline') or ()):
        if isinstance(step, dict) and step.get('decode_backend') == 'pickle':
            yield f'pipeline.{number}.decode_backend', 'pickle'
