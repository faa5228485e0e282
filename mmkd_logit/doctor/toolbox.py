"""A toolbox that is missing, or installed and not importable."""

import importlib
import os
import traceback
from typing import Optional

from ..messages import MissingPart
from .environment import (
    TOOLBOXES,
    dist_name,
    find_stack,
    installed_versions,
    pip_command,
)
from .stacks import NEEDS, STACKS


def missing_toolbox_message(name: str) -> str:
    """One sentence for a toolbox that cannot be imported.

    Args:
        name (str): Its import name, such as ``'mmdet'``.
    """
    installed = installed_versions()
    stack = find_stack(installed)
    pin = STACKS[stack].get(name)
    if pin is None:
        return (
            f'{name!r} cannot be imported, and is none of the toolboxes '
            f'that this project knows: {", ".join(TOOLBOXES)}'
        )
    if dist_name(pin) in installed:
        return (
            f'{name} is installed ({pin} is tested), but cannot be '
            'imported; to see why: python -m mmkd_logit.doctor'
        )
    needs = NEEDS[stack].get(name, [])
    return f'{name} is not installed; to install it: ' + pip_command(
        pin, *needs, options='--no-build-isolation'
    )


def check_toolbox(name: Optional[str]) -> None:
    """Import the models of a toolbox, as a training will.

    MMEngine itself goes on without them and says later that some type is not
    in its registry.

    Args:
        name (str, optional): ``default_scope`` of a config; others than the
            three toolboxes are left alone.

    Raises:
        ImportError: Naming the cause.
    """
    if name not in TOOLBOXES:
        return
    try:
        importlib.import_module(f'{name}.models')
    except ModuleNotFoundError as error:
        if error.name == name:
            raise MissingPart(missing_toolbox_message(name)) from error
        raise MissingPart(_broken_message(name, error)) from error
    except Exception as error:
        # Compiled operators raise exceptions of many kinds.
        raise MissingPart(_broken_message(name, error)) from error


def _broken_message(name: str, error: Exception) -> str:
    lines = str(error).strip().splitlines() or ['no message']
    frames = traceback.extract_tb(error.__traceback__)
    parts = [
        part
        for frame in frames
        for part in ('mmcv', 'mmengine', 'torchvision', 'torch')
        if f'{os.sep}{part}{os.sep}' in frame.filename
    ]
    where = f', because of {parts[-1]}' if parts else ''
    return (
        f'{name} cannot be imported{where}: {type(error).__name__}: '
        f'{lines[0]}; what to install is said by python -m mmkd_logit.doctor'
    )
