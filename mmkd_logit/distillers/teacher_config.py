"""Turn what a config says about a teacher into a model's config."""

import copy
import os
from typing import Any, Dict, NamedTuple, Optional, Tuple, Union

from mmengine.config import Config, ConfigDict

from ..doctor import missing_toolbox_message
from ..messages import MissingPart, WrongType, WrongValue
from ..registry import is_distiller
from .channel_order import config_loads_rgb
from .claims import metafile_claims
from .config_file import check_package, not_in_package, read_config
from .match_classes import as_names, metainfo_of

ConfigSource = Union[str, dict, Config]
_WHERE = (
    '; expected a path, or a config of an installed toolbox such as '
    "'mmdet::faster_rcnn/faster-rcnn_r101_fpn_1x_coco.py'"
)


class ModelConfig(NamedTuple):
    """A model's config and what its own file says about it.

    Attributes:
        model (ConfigDict): To be built in ``scope``.
        scope (str, optional): Toolbox, such as ``'mmdet'``.
        classes (tuple[str], optional): Class names of its training set.
        weights (str, optional): Address that the toolbox's metafile lists.
        source (str): For messages.
        loads_rgb (bool, optional): Whether its data come in RGB, see
            :func:`~mmkd_logit.distillers.channel_order.loads_rgb`.
        claims (dict[str, float]): Metrics that the metafile lists, by the
            names that evaluators log.
    """

    model: ConfigDict
    scope: Optional[str]
    classes: Optional[Tuple[str, ...]]
    weights: Optional[str]
    source: str
    loads_rgb: Optional[bool] = None
    claims: Dict[str, float] = {}


def read_model_config(source: ConfigSource) -> ModelConfig:
    """Read ``teacher=`` of a distiller.

    Args:
        source (str | dict): Path of a config file, ``'mmdet::...'``, a whole
            config, or a model's dict.

    Raises:
        FileNotFoundError: If a path does not exist.
        ValueError: If there is no model in it.
    """
    weights, claims = None, {}
    if isinstance(source, str):
        name = source
        if '::' in source:
            config, weights = _from_package(source)
            claims = metafile_claims(source)
        else:
            config = read_config(source, 'teacher ', _WHERE)
    elif isinstance(source, (dict, Config)):
        name = 'the dict given as teacher'
        config = source
    else:
        raise WrongType(
            'teacher must be a config path, `package::path` or a dict, got '
            f'{type(source).__name__}'
        )

    model = config.get('model') if 'model' in config else config
    if not isinstance(model, dict) or 'type' not in model:
        raise WrongValue(
            f'{name} has no model (no `model = dict(type=...)`); a teacher '
            'needs the config that it was trained with'
        )
    model = ConfigDict(copy.deepcopy(dict(model)))
    if is_distiller(model):
        # a distilled student may teach the next one
        model = model.student
    if 'model' in config:
        preprocessor = config.get('data_preprocessor')
        if preprocessor and 'data_preprocessor' not in model:
            model.data_preprocessor = copy.deepcopy(preprocessor)
    scope = model.get('_scope_') or config.get('default_scope')
    return ModelConfig(
        model,
        scope,
        _classes(config, scope),
        weights,
        name,
        config_loads_rgb(config),
        claims,
    )


def claims_for(config: ModelConfig, path: str) -> Dict[str, float]:
    """The metafile's metrics, if a file is named as the weights it lists.

    Other weights for the same config, fine-tuned or converted ones, may reach
    anything.
    """
    listed = os.path.basename(config.weights or '')
    return config.claims if os.path.basename(path) == listed else {}


def _from_package(source: str) -> Tuple[Config, Optional[str]]:
    """Config and weights of ``'package::path'``."""
    from mmengine.hub import get_config

    package = source.split('::')[0]
    check_package(source, 'teacher ')
    try:
        __import__(package)
    except ImportError as error:
        raise MissingPart(missing_toolbox_message(package)) from error
    try:
        config = get_config(source, pretrained=True)
        return config, config.get('model_path')
    except AssertionError:
        # listed in a metafile, but without weights
        return get_config(source), None
    except (FileNotFoundError, ValueError) as error:
        raise not_in_package(source, 'teacher ') from error


def _classes(config: Any, scope: Optional[str]) -> Optional[Tuple[str, ...]]:
    """Class names that a config's training dataset will have, if known."""
    dataset = (config.get('train_dataloader') or {}).get('dataset')
    while isinstance(dataset, dict):
        classes = metainfo_of(dataset).get('classes')
        if classes is None:
            classes = dataset.get('classes')  # datasets of MMPretrain
        if classes is not None:
            return as_names(classes)
        inner = (
            dataset.get('dataset') or (dataset.get('datasets') or [None])[0]
        )
        if inner is None:
            break
        dataset = inner
    if not isinstance(dataset, dict) or scope is None:
        return None
    from mmengine.registry import DATASETS

    cls = dataset.get('type')
    try:
        if isinstance(cls, str):
            cls = DATASETS.get(cls if '.' in cls else f'{scope}.{cls}')
    except Exception:  # a dataset of the user's own that is not importable
        return None
    classes = getattr(cls, 'METAINFO', {}).get('classes')
    return tuple(classes) if classes else None
