"""Build student and teacher once before the data are read."""

import warnings
from contextlib import contextmanager
from typing import Iterator, Optional, Tuple

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import MODELS, DefaultScope

from ..distillers.teacher import no_random_numbers_used
from ..messages import UserMistake
from .datasets import class_names, dataset_class, leaf_datasets

#: Tensors without numbers first; models that read numbers while they are built
#: (stochastic depth of Swin and ConvNeXt) need real ones.
_DEVICES = ('meta', 'cpu')


def check_pair(config: Config) -> bool:
    """Check that student, terms and teacher fit together.

    What a run would find out after it has read its data is found here: types
    in the student's and the teacher's config, keys and shapes of the teacher's
    weights, class lists, what the readers and losses need. Both models are
    built, on no device if they allow it, and dropped; no random number of the
    run is used, and nothing is logged.

    Args:
        config (Config): Of a distillation.

    Returns:
        bool: False if the models could not be built here.

    Raises:
        UserMistake: As the run itself would.
    """
    with quiet_trial():
        for device in _DEVICES:
            try:
                _build(config, device)
            except UserMistake:
                raise
            except Exception:
                # Another package's own error: from tensors without numbers,
                # or one that the run itself will show.
                continue
            return True
    return False


def _build(config: Config, device: str) -> None:
    with (
        DefaultScope.overwrite_default_scope(config.get('default_scope')),
        torch.device(device),
    ):
        model = MODELS.build(config.model).to(device)
        model.prepare(_training_classes(config))


def _training_classes(config: Config) -> Optional[Tuple[str, ...]]:
    """Class names that the training set will have, if its config says so."""
    loader = config.get('train_dataloader') or {}
    for leaf in leaf_datasets(loader.get('dataset')):
        kind = dataset_class(leaf, config.get('default_scope'))
        return class_names(leaf, kind)
    return None


@contextmanager
def quiet_trial() -> Iterator[None]:
    """Hide what the run itself will say again; use none of its numbers."""
    logger = MMLogger.get_current_instance()
    before, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings(), no_random_numbers_used():
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.disabled = before
