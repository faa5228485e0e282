"""What is installed, and which combinations are known not to work.

Reads the metadata of distributions only, so that it can be asked anywhere.
"""

import re
import sys
from importlib import metadata
from typing import Dict, List, NamedTuple, Tuple

from ..messages import MissingPart
from .stacks import STACKS

TOOLBOXES = ('mmpretrain', 'mmdet', 'mmseg')
# A toolbox accepts the versions of mmcv from the first of the two on and below
# the second.
MMCV_RANGE = {
    'mmdet': ('2.0.0', '2.2.0'),
    'mmsegmentation': ('2.0.0', '2.2.0'),
    'mmpretrain': ('2.0.0', '2.4.0'),
    'onedl-mmpretrain': ('2.0.0', '2.4.0'),
}


class Problem(NamedTuple):
    """A problem, and the command that solves it.

    Attributes:
        what (str): One clause.
        fix (str): The command.
        part (str): Key of :data:`~mmkd_logit.doctor.stacks.STACKS` that it
            is about; '' for several.
    """

    what: str
    fix: str
    part: str = ''


def dist_name(pin: str) -> str:
    """Distribution of a requirement: ``'mmcv==2.1.0'`` -> ``'mmcv'``."""
    return re.split(r'[<>=]', pin)[0]


_STACK_OF = {
    dist_name(pin): stack
    for stack, pins in STACKS.items()
    for part, pin in pins.items()
    if part.startswith('mm')
}
_STACK_OF.update({'mmcv-lite': 'openmmlab', 'mmcv-full': 'openmmlab'})
_OTHERS = (
    'torch',
    'torchvision',
    'numpy',
    'opencv-python',
    'setuptools',
    'mmkd_logit',
)


def _number(version: str) -> Tuple[int, ...]:
    """``'2.14.0+cpu'`` -> ``(2, 14, 0)``."""
    release = re.match(r'\d+(\.\d+)*', version)
    return tuple(map(int, release.group().split('.'))) if release else ()


def installed_versions() -> Dict[str, str]:
    """Version of each distribution that matters here; absent ones left out."""
    found = {}
    for name in (*_STACK_OF, *_OTHERS):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _split(installed: Dict[str, str]) -> Dict[str, List[str]]:
    """Names of the installed distributions of each stack."""
    return {
        stack: [n for n in installed if _STACK_OF.get(n) == stack]
        for stack in STACKS
    }


def find_stack(installed: Dict[str, str]) -> str:
    """The stack that an environment has or, by its torch, should have."""
    parts = _split(installed)
    if parts['onedl'] or parts['openmmlab']:
        return max(parts, key=lambda stack: len(parts[stack]))
    old = _number(installed.get('torch', '')) or (9,)
    return 'openmmlab' if old < (2, 4) else 'onedl'


def pip_command(*requirements: str, options: str = '') -> str:
    """Command that installs into the environment in use."""
    quoted = [f"'{r}'" if re.search('[<>]', r) else r for r in requirements]
    return ' '.join(filter(None, ['python -m pip install', options, *quoted]))


def mmcv_command(stack: str) -> str:
    """Command that builds mmcv, whose compiler needs settings of its own."""
    kind = 'modern' if stack == 'onedl' else 'classic'
    return f'bash tools/install.sh {kind} {sys.prefix}'


def _unmix(installed: Dict[str, str]) -> Problem:
    keep = find_stack(installed)
    parts = _split(installed)
    drop = parts['openmmlab' if keep == 'onedl' else 'onedl']
    # Both distributions own the same files, so that uninstalling one breaks
    # the other; the one that stays is installed again.
    again = [
        pin for pin in STACKS[keep].values() if dist_name(pin) in parts[keep]
    ]
    return Problem(
        'both stacks are installed, which overwrite each other: '
        f'{", ".join(parts["onedl"])} and {", ".join(parts["openmmlab"])}',
        f'python -m pip uninstall -y {" ".join(drop)} && '
        + pip_command(
            *again, options='--force-reinstall --no-deps --no-build-isolation'
        ),
    )


def _torch_problems(installed: Dict[str, str], fix: str) -> List[Problem]:
    version = installed.get('torch')
    torch = _number(version or '')
    vision = installed.get('torchvision')
    problems = []
    if not version:
        problems.append(Problem('torch is missing', fix, 'torch'))
    elif not vision:
        what = (
            'torchvision is missing, which the toolboxes import; not every '
            f'build of torch has one (torch is {version})'
        )
        problems.append(Problem(what, fix, 'torchvision'))
    elif torch[0] == 2 and _number(vision)[:2] != (0, torch[1] + 15):
        what = (
            f'torch {version} and torchvision {vision} were not built for '
            'each other'
        )
        problems.append(Problem(what, fix, 'torchvision'))
    numpy = installed.get('numpy', '1')
    if version and torch < (2, 3) and _number(numpy) >= (2,):
        what = f'torch {version} was built for numpy 1, but numpy is {numpy}'
        again = pip_command('numpy<2', 'opencv-python<4.12')
        problems.append(Problem(what, again, 'torch'))
    return problems


def _engine_problems(installed: Dict[str, str], stack: str) -> List[Problem]:
    pins, problems = STACKS[stack], []
    engine = installed.get('mmengine')
    if not engine and 'onedl-mmengine' not in installed:
        what = 'mmengine is missing'
        problems.append(
            Problem(what, pip_command(pins['mmengine']), 'mmengine')
        )
    if engine and _number(installed.get('torch', '')) >= (2, 6):
        what = (
            f'mmengine {engine} cannot read its own checkpoints with torch '
            f'{installed["torch"]}'
        )
        fix = pip_command(pins['torch'], pins['torchvision'])
        problems.append(Problem(what, fix, 'mmengine'))
    setuptools = installed.get('setuptools', 'none')
    if engine and not () < _number(setuptools) < (82,):
        what = (
            f'mmengine {engine} imports pkg_resources, which the installed '
            f'setuptools ({setuptools}) does not have'
        )
        problems.append(
            Problem(what, pip_command('setuptools<70'), 'mmengine')
        )
    return problems


def _mmcv_problems(installed: Dict[str, str], stack: str) -> List[Problem]:
    build, problems = mmcv_command(stack), []
    mmcv = installed.get('mmcv') or installed.get('onedl-mmcv')
    others = [n for n in ('mmcv-lite', 'mmcv-full') if n in installed]
    for other in others:
        what = (
            f'{other} is installed, which has no compiled operators or is '
            'too old for the toolboxes'
        )
        fix = f'python -m pip uninstall -y mmcv {other} && {build}'
        problems.append(Problem(what, fix, 'mmcv'))
    if not mmcv and not others:
        problems.append(Problem('mmcv is missing', build, 'mmcv'))
    accepted = [
        f'{toolbox} {installed[toolbox]} accepts mmcv >= {first}, < {below}'
        for toolbox, (first, below) in MMCV_RANGE.items()
        if mmcv
        and toolbox in installed
        and not _number(first) <= _number(mmcv) < _number(below)
    ]
    if accepted:
        what = f'{", ".join(accepted)}, but mmcv is {mmcv}'
        problems.append(Problem(what, build, 'mmcv'))
    return problems


def find_problems(installed: Dict[str, str]) -> List[Problem]:
    """Known-bad combinations among installed distributions.

    Args:
        installed (dict): Version of each distribution, by its name.

    Returns:
        list[Problem]: The most fundamental first; empty if none is known.
    """
    if all(_split(installed).values()):
        return [_unmix(installed)]
    stack = find_stack(installed)
    pins = STACKS[stack]
    toolboxes = [pins[toolbox] for toolbox in TOOLBOXES]
    problems = [
        *_torch_problems(
            installed, pip_command(pins['torch'], pins['torchvision'])
        ),
        *_engine_problems(installed, stack),
        *_mmcv_problems(installed, stack),
    ]
    if not any(dist_name(pin) in installed for pin in toolboxes):
        fix = pip_command(*toolboxes, options='--no-build-isolation')
        what = 'no toolbox is installed; one of them is enough'
        problems.append(Problem(what, fix, 'toolboxes'))
    return problems


def check_stack() -> None:
    """Refuse an environment that mixes both stacks.

    Raises:
        ImportError: If it does. Nothing is imported to find out.
    """
    installed = installed_versions()
    if all(_split(installed).values()):
        problem = _unmix(installed)
        raise MissingPart(f'{problem.what}; to fix it: {problem.fix}')
