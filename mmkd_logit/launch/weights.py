"""Files of weights that a config names, looked at before data are read."""

import os
from typing import Any, Iterator, Tuple
from urllib.parse import urlparse

from mmengine.config import Config

from ..checkpoints.files import local_file
from ..checkpoints.safe_load import load_checkpoint_safely
from ..checkpoints.state_dict import plain_state_dict
from ..distillers.teacher import Teacher
from ..messages import MissingFile
from ..registry import is_distiller, type_name

_WAY = 'pass --trust'


def check_weights(config: Config, trusted: bool = False) -> None:
    """See that every checkpoint of a training is there and reads.

    Args:
        config (Config): As it will be trained.
        trusted (bool): Read any pickle of the student's side. Defaults to
            False.

    Raises:
        FileNotFoundError: If a config or checkpoint is not there.
        ConnectionError: If one cannot be downloaded.
        ValueError: If one is damaged, holds no weights, could run code, or
            ``teacher_ckpt='auto'`` finds none.
    """
    model = config.model
    if is_distiller(model):
        _check_teacher(model)
        model = model.get('student') or {}
    for where, path in _pretrained(model, 'model'):
        if urlparse(path).scheme:
            continue  # MMEngine's names of model zoos, and addresses
        file = os.path.expanduser(path)
        if not os.path.isfile(file):
            raise MissingFile(
                f'{where} names the checkpoint {path!r}, which is not a '
                'file; correct it, or set it to None for random weights'
            )
        load_checkpoint_safely(file, trusted, _WAY)
    if config.get('load_from') and not config.get('resume'):
        read_weights(config.load_from, '`load_from`', trusted)


def read_weights(source: str, setting: str, trusted: bool) -> Any:
    """A checkpoint of the student's side that holds weights.

    Args:
        source (str): Path or address.
        setting (str): Where a user named it.
        trusted (bool): Read any pickle.
    """
    path = local_file(source, 'checkpoint', setting, 'a local path')
    checkpoint = load_checkpoint_safely(path, trusted, _WAY)
    plain_state_dict(checkpoint, path)
    return checkpoint


def _check_teacher(model: dict) -> None:
    source = model.get('teacher')
    if not isinstance(source, (str, dict)):
        return  # the distiller says what it expects
    teacher = Teacher(
        source,
        model.get('teacher_ckpt'),
        model.get('trust_teacher_ckpt', False),
    )
    _, path = teacher.find()
    plain_state_dict(load_checkpoint_safely(path, teacher.trusted), path)


def _pretrained(node: Any, where: str) -> Iterator[Tuple[str, str]]:
    """(setting, checkpoint) of every ``Pretrained`` below a model."""
    if isinstance(node, dict):
        if type_name(node.get('type')) in ('Pretrained', 'PretrainedInit'):
            if isinstance(node.get('checkpoint'), str):
                yield f'{where}.checkpoint', node['checkpoint']
            return
        items = node.items()
    elif isinstance(node, (list, tuple)):
        items = enumerate(node)
    else:
        return
    for key, value in items:
        yield from _pretrained(value, f'{where}.{key}')
