"""The order of the colours in the images that a model gets."""

from typing import Any, Iterable, Optional

from torch import nn

#: Datasets that hand out arrays in RGB; files are read in BGR.
_RGB_ARRAYS = ('CIFAR10', 'CIFAR100')


def loads_rgb(kind: str, steps: Iterable[str]) -> Optional[bool]:
    """Whether images reach the data preprocessor in RGB.

    Args:
        kind (str): Class name of the dataset.
        steps (list[str]): Class names of the steps of its pipeline.

    Returns:
        bool | None: False for files, which all toolboxes read in BGR, True
        for the arrays of CIFAR, None if it is not known.
    """
    if any(step.startswith('LoadImageFrom') for step in steps):
        return False
    return True if kind in _RGB_ARRAYS else None


def config_loads_rgb(config: Any) -> Optional[bool]:
    """:func:`loads_rgb` of the first dataset in a config."""
    for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        dataset = (config.get(key) or {}).get('dataset')
        while isinstance(dataset, dict):
            inside = dataset.get('dataset') or dataset.get('datasets')
            if not inside:
                steps = [
                    _name(step.get('type'))
                    for step in dataset.get('pipeline') or ()
                    if isinstance(step, dict)
                ]
                return loads_rgb(_name(dataset.get('type')), steps)
            dataset = inside[0] if isinstance(inside, list) else inside
    return None


def dataset_loads_rgb(dataset: Any) -> Optional[bool]:
    """:func:`loads_rgb` of a dataset that is built, whatever wraps it."""
    while True:
        inside = getattr(dataset, 'datasets', None) or [
            getattr(dataset, 'dataset', None)
        ]
        if inside[0] is None:
            break
        dataset = inside[0]
    pipeline = getattr(getattr(dataset, 'pipeline', None), 'transforms', ())
    return loads_rgb(
        type(dataset).__name__, [type(step).__name__ for step in pipeline]
    )


def reverses_channels(preprocessor: Optional[nn.Module]) -> bool:
    """Whether a data preprocessor turns BGR into RGB or the reverse."""
    # MMEngine and MMDetection, MMSegmentation 1.2, MMPretrain
    names = ('_channel_conversion', 'channel_conversion', 'to_rgb')
    return any(getattr(preprocessor, name, False) for name in names)


def _name(kind: Any) -> str:
    if isinstance(kind, str):
        return kind.rpartition('.')[2]
    return getattr(kind, '__name__', '')
