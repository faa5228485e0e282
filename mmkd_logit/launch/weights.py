"""Check the files of weights of a config before data are read."""

import os
from typing import Any, Iterator, List, Tuple
from urllib.parse import urlparse

from mmengine.config import Config

from ..checkpoints.downloads import is_url
from ..checkpoints.files import local_file
from ..checkpoints.safe_load import load_checkpoint_safely
from ..checkpoints.state_dict import plain_state_dict
from ..distillers.self_teacher import SelfTeacher
from ..distillers.teacher import Teacher
from ..distillers.teachers import make_teachers
from ..messages import MissingFile, near_path
from ..registry import is_distiller, type_name
from .trial_build import check_pair

_WAY = 'pass --trust'


def check_names(config: Config) -> None:
    """Check that files of weights exist, without reading or fetching any.

    Raises:
        FileNotFoundError: If a config or checkpoint is not there.
        ValueError: If ``teacher_ckpt`` is missing, or is ``'auto'`` and no
            metafile lists weights.
    """
    for teacher in _with_files(_teachers(config.model)):
        _, source = teacher.named()
        if not is_url(source):
            local_file(source)
    for where, path in _local_pretrained(config.model):
        if not os.path.isfile(path):
            raise MissingFile(
                f'{where} names the checkpoint {path!r}, which is not a '
                'file; correct it, or set it to None for random weights'
                f'{near_path(path)}'
            )
    load_from = config.get('load_from')
    if load_from and not is_url(load_from):
        _file_of_student(load_from, '`load_from`')


def check_weights(config: Config, trusted: bool = False) -> None:
    """Check that every checkpoint of a training can be read.

    The teacher's must also fit its model, see
    :func:`~mmkd_logit.launch.trial_build.check_pair`.

    Args:
        config (Config): As it will be trained.
        trusted (bool): Read any pickle of the student's side. Defaults to
            False.

    Raises:
        ConnectionError: If one cannot be downloaded.
        ValueError: If one is damaged, holds no weights, could run code, or
            does not fit, or teacher and student do not fit together.
    """
    teachers = _teachers(config.model)
    paths = {one: one.find()[1] for one in _with_files(teachers)}
    is_cached = bool(config.model.get('teacher_cache'))
    if (teachers or is_cached) and not check_pair(config):
        for teacher, path in paths.items():
            checkpoint = load_checkpoint_safely(path, teacher.trusted)
            plain_state_dict(checkpoint, path)
    for _, path in _local_pretrained(config.model):
        load_checkpoint_safely(path, trusted, _WAY)
    if config.get('load_from') and not config.get('resume'):
        read_weights(config.load_from, '`load_from`', trusted)


def read_weights(source: str, setting: str, trusted: bool) -> Any:
    """A checkpoint of the student's side that holds weights.

    Args:
        source (str): Path or address.
        setting (str): Where a user named it.
        trusted (bool): Read any pickle.
    """
    path = _file_of_student(source, setting)
    checkpoint = load_checkpoint_safely(path, trusted, _WAY)
    plain_state_dict(checkpoint, path)
    return checkpoint


def _file_of_student(source: str, setting: str) -> str:
    return local_file(source, 'checkpoint', setting, 'a local path')


def _teachers(model: dict) -> List[Teacher]:
    """The teachers of a distiller's config, not built."""
    source = model.get('teacher')
    if not is_distiller(model) or not isinstance(source, (str, dict, list)):
        return []  # the distiller reports it
    if model.get('teacher_cache'):
        return []  # no weights of it are read
    trusted = model.get('trust_teacher_ckpt', False)
    class_map = model.get('class_map')
    return make_teachers(source, model.get('teacher_ckpt'), trusted, class_map)


def _with_files(teachers: List[Teacher]) -> List[Teacher]:
    return [one for one in teachers if not isinstance(one, SelfTeacher)]


def _local_pretrained(model: dict) -> Iterator[Tuple[str, str]]:
    """(setting, path) of the student's ``Pretrained`` files.

    Addresses, and names such as ``torchvision://resnet18``, are left out.
    """
    student = model.get('student') if is_distiller(model) else model
    for where, path in _pretrained(student, 'model'):
        if not urlparse(path).scheme:
            yield where, os.path.expanduser(path)


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
