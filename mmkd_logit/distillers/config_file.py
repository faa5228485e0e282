"""Read a config file; what is missing or misspelt is one sentence."""

import os
import re
from importlib.util import find_spec

from mmengine.config import Config
from mmengine.config.utils import MODULE2PACKAGE, ConfigParsingError

from ..doctor import missing_toolbox_message
from ..messages import MissingFile, MissingPart, WrongValue, near_path

_ENDS = ('.py', '.yml', '.yaml', '.json')


def read_config(path: str, whose: str = '', where: str = '') -> Config:
    """Read a config.

    Args:
        path (str): A file, or ``'package::path'``.
        whose (str): For messages, such as ``'teacher '``. Defaults to ''.
        where (str): For messages: where configs are found.

    Raises:
        FileNotFoundError: If it, or a file that it inherits, is not there.
        ImportError: If a toolbox that it inherits from is missing.
        ValueError: If it mixes two styles, or names an unknown package.
    """
    packaged = '::' in path
    if packaged:
        check_package(path, whose)
    elif not path.endswith(_ENDS) and os.path.isfile(path):
        raise WrongValue(
            f'{whose}config {path!r} has another ending than a config; '
            f'expected one of {", ".join(_ENDS)}'
        )
    elif not os.path.isfile(os.path.expanduser(path)):
        raise MissingFile(
            f'{whose}config {path!r} is not a file{where}{near_path(path)}'
        )
    try:
        if packaged:
            from mmengine.hub import get_config

            return get_config(path)
        return Config.fromfile(os.path.expanduser(path))
    except ModuleNotFoundError as error:
        for toolbox in ('mmdet', 'mmpretrain', 'mmseg'):
            if toolbox in str(error) or (
                toolbox == 'mmseg' and 'mmsegmentation' in str(error)
            ):
                raise MissingPart(missing_toolbox_message(toolbox)) from error
        raise _not_imported(path, whose, error) from error
    except ImportError as error:
        raise _not_imported(path, whose, error) from error
    except RecursionError as error:
        raise WrongValue(
            f'{whose}config {path!r} inherits itself, over `_base_` of one '
            'of its files'
        ) from error
    except (FileNotFoundError, ConfigParsingError) as error:
        if 'inheritance chain' in str(error):
            raise WrongValue(
                f'{whose}config {path!r} mixes two styles: a new-style config '
                '(`with read_base():`) inherits new-style files only, one '
                'with `_base_ = ...` only such files'
            ) from error
        missing = re.search(r'[\'"]([^\'"]+)[\'"]', str(error))
        hint = near_path(missing[1]) if missing else ''
        if packaged and missing and missing[1].endswith(path.split('::')[1]):
            raise not_in_package(path, whose) from error
        raise MissingFile(
            f'{whose}config {path!r} inherits a file that is not there: '
            f'{error}{hint}'
        ) from error
    except Exception as error:  # a config is the user's own code
        raise WrongValue(
            f'{whose}config {path!r}, or a file that it inherits, cannot be '
            f'read: {type(error).__name__}: {" ".join(str(error).split())}'
        ) from error


def _not_imported(path: str, whose: str, error: ImportError) -> MissingPart:
    """For a module that a config names, such as one of the user's own."""
    text = str(error).partition(', the current sys.path')[0]
    return MissingPart(
        f'{whose}config {path!r}: {" ".join(text.split())}; install it, or '
        'add the folder that has it to PYTHONPATH'
    )


def check_package(path: str, whose: str = '') -> None:
    """Refuse ``'package::path'`` of a package that has no configs."""
    package = path.split('::')[0]
    if package not in MODULE2PACKAGE:
        raise WrongValue(
            f'{whose}config {path!r}: MMEngine knows no package {package!r}; '
            'expected mmdet, mmseg, mmpretrain or mmkd_logit'
        )


def not_in_package(path: str, whose: str = '') -> MissingFile:
    """What to raise for ``'package::path'`` that is not there."""
    package, _, file = path.partition('::')
    spec = find_spec(package)
    folders = (spec and spec.submodule_search_locations) or ()
    hints = [
        near_path(file, os.path.join(folder, '.mim', 'configs'))
        for folder in folders
    ]
    hint = next(filter(None, hints), '')
    return MissingFile(
        f'{whose}config {path!r} is not among the configs of {package}; look '
        f'under its `.mim/configs`'
        + hint.replace("mean '", f"mean '{package}::")
    )
