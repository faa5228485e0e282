"""A student's checkpoint without what only training needs."""

import os
from typing import Any, Optional, Tuple

import torch
from mmengine.config import Config

from ..messages import WrongValue
from ..registry import MODELS, is_distiller, type_name
from .config_text import parse_config
from .files import written_whole
from .safe_load import load_checkpoint_safely
from .state_dict import plain_state_dict
from .student_keys import student_keys

# What inference reads; the 2.x toolboxes have capital names.
_META = ('dataset_meta', 'CLASSES', 'PALETTE', 'epoch', 'iter', 'seed')
# What belongs to one start of a run, not to the model.
_OF_A_RUN = (
    'work_dir',
    'load_from',
    'resume',
    'launcher',
    'model_wrapper_cfg',
    'experiment_name',
)


def student_config(text: str) -> Optional[str]:
    """Config of the student alone from the one kept in a checkpoint.

    Args:
        text (str): ``meta['cfg']``; see :func:`parse_config`.

    Returns:
        str, optional: The config without teacher, distillation terms and
        hooks; None if ``text`` cannot be understood.
    """
    config = parse_config(text)
    model = (config or {}).get('model')
    if not isinstance(model, dict) or model.get('type') is None:
        return None
    if is_distiller(model):
        config['model'] = model['student']
    elif 'architecture' in model:
        return None  # MMRazor names the student's config by its path
    for key in _OF_A_RUN:
        config.pop(key, None)
    wrapper = config.get('optim_wrapper') or {}
    if type_name(wrapper.get('type')) == 'CPUAmpOptimWrapper':
        wrapper.pop('type')
    if config.get('custom_hooks'):
        config['custom_hooks'] = [
            hook
            for hook in config['custom_hooks']
            if not str(hook.get('type')).startswith('mmkd_logit.')
        ]
    MODELS.import_from_location()
    _leave_our_scope(config)
    return Config(config).pretty_text


def _leave_our_scope(node: Any) -> None:
    """Remove the scope that a base ``mmkd_logit::...`` gave to parts.

    Parts of the toolbox are found without it, those of this package by their
    full name.
    """
    if isinstance(node, dict):
        if node.get('_scope_') == 'mmkd_logit':
            del node['_scope_']
            if node.get('type') in MODELS.module_dict:
                node['type'] = f'mmkd_logit.{node["type"]}'
        node = list(node.values())
    if isinstance(node, (list, tuple)):
        for part in node:
            _leave_our_scope(part)


def export_checkpoint(checkpoint: dict, averaged: bool = True) -> dict:
    """Keep the student's weights and what inference reads.

    Args:
        checkpoint (dict): A checkpoint that MMEngine or MMRazor wrote.
        averaged (bool): Take the exponential moving average of the weights
            if there is one. ``EMAHook`` saves it as the model's own weights
            and puts the others into ``ema_state_dict``. Defaults to True.

    Returns:
        dict: ``state_dict`` and ``meta``.

    Raises:
        ValueError: If there is no student, or no unaveraged weights although
            they are asked for.
    """
    if not isinstance(checkpoint, dict):
        plain_state_dict(checkpoint)  # raises the error
    source = checkpoint
    if not averaged:
        if 'ema_state_dict' not in checkpoint:
            raise WrongValue(
                'the checkpoint has no ema_state_dict, so it was trained '
                'without EMAHook and its weights are not averaged; leave '
                'this option out'
            )
        source = {
            key: value
            for key, value in checkpoint['ema_state_dict'].items()
            if key.startswith('module.')
        }
    state = student_keys(plain_state_dict(source))
    old = checkpoint.get('meta') or {}
    meta = {key: old[key] for key in _META if key in old}
    config = student_config(str(old.get('cfg') or ''))
    if config is not None:
        meta['cfg'] = config
    return dict(meta=meta, state_dict=state)


def export_file(
    source: str,
    target: str,
    averaged: bool = True,
    force: bool = False,
    trusted: bool = False,
) -> Tuple[int, int, int]:
    """:func:`export_checkpoint` from file to file.

    Args:
        source (str): Checkpoint that a training wrote.
        target (str): File to write; it appears when it is whole.
        averaged (bool): See :func:`export_checkpoint`. Defaults to True.
        force (bool): Replace an existing file, even ``source`` itself.
            Defaults to False.
        trusted (bool): Read any pickle. Defaults to False.

    Returns:
        tuple[int, int, int]: Tensors written, and the bytes of both files.

    Raises:
        FileNotFoundError: If ``source`` is not there.
        ValueError: If it is no checkpoint of a student, or ``target`` exists.
    """
    checkpoint = load_checkpoint_safely(source, trusted, way='pass --trust')
    before = os.path.getsize(source)
    student = export_checkpoint(checkpoint, averaged)
    save_checkpoint(student, target, force)
    return len(student['state_dict']), before, os.path.getsize(target)


def save_checkpoint(checkpoint: Any, target: str, force: bool = False) -> None:
    """``torch.save`` to a file that appears when it is whole.

    Raises:
        ValueError: If the name is that of a folder, or of a file and ``force``
            is not set.
    """
    if os.path.isdir(target):
        raise WrongValue(f'{target!r} is a folder; name a file to write')
    if os.path.lexists(target) and not force:
        raise WrongValue(
            f'{target!r} exists; name another file, or pass --force to '
            'replace it'
        )
    with written_whole(target) as file:
        torch.save(checkpoint, file)
