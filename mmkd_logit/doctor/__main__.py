"""Examine an installation without importing what may be broken in it.

    python -m mmkd_logit.doctor

prints every part with its version, tries to import each in a process of its
own, and names what is known not to work together, with the command that solves
it. It exits with 1 if there is a problem.
"""

import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List, Tuple

from .environment import (
    TOOLBOXES,
    Problem,
    dist_name,
    find_problems,
    find_stack,
    installed_versions,
    mmcv_command,
    pip_command,
)
from .stacks import NEEDS, STACKS

# `import mmcv` works without its compiled operators, and a toolbox without its
# models, so what a training needs is imported.
_PROBES = {
    'torch': 'torch',
    'torchvision': 'torchvision.ops',
    'mmengine': 'mmengine.runner',
    'mmcv': 'mmcv.ops',
    'mmpretrain': 'mmpretrain.models',
    'mmdet': 'mmdet.models',
    'mmseg': 'mmseg.models',
}


def _probe(module: str) -> Tuple[str, str]:
    """Import in another process: (what torch says of CUDA, error)."""
    code = f'import {module}'
    if module == 'torch':
        code += (
            '; gpu = torch.cuda.is_available() and'
            ' torch.cuda.get_device_name();'
            'print("CUDA", torch.version.cuda, gpu or "but no GPU seen")'
        )
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code],
        capture_output=True,
        text=True,
    )
    error = (done.stderr.strip().splitlines() or ['no message'])[-1]
    return done.stdout.strip(), error if done.returncode else ''


# What each part imports. A part whose import is broken is broken as well, and
# only the first cause is reported.
_CORE = ('torch', 'torchvision', 'mmengine', 'mmcv')
_NEEDS_PARTS = {
    'torchvision': ('torch',),
    'mmengine': ('torch',),
    'mmcv': ('torch', 'mmengine'),
    'mmpretrain': _CORE,
    'mmdet': _CORE,
    'mmseg': _CORE,
}


def _import_problem(part: str, error: str, stack: str) -> Problem:
    """An import that failed, and the command that solves it."""
    pin = STACKS[stack][part]
    fix = pip_command(
        pin, options='--force-reinstall --no-deps --no-build-isolation'
    )
    if part == 'mmcv':
        fix = mmcv_command(stack)
    missing = re.search(r"No module named '(\w+)'", error)
    if missing and missing.group(1) not in STACKS[stack]:
        fix = pip_command(missing.group(1))
    return Problem(f'{_PROBES[part]} cannot be imported: {error}', fix, part)


def _examine(part: str, stack: str, problems: List[Problem]) -> str:
    """One line about a part; adds to ``problems`` if it is broken."""
    installed = installed_versions()
    names = {dist_name(pins[part]) for pins in STACKS.values()}
    shown = [f'{n} {installed[n]}' for n in sorted(names) if n in installed]
    if not shown:
        if part not in TOOLBOXES:
            return 'not installed'
        pins = [STACKS[stack][part], *NEEDS[stack].get(part, [])]
        command = pip_command(*pins, options='--no-build-isolation')
        return f'not installed; if you need it: {command}'
    said, error = _probe(_PROBES[part])
    state = 'cannot be imported' if error else 'imports'
    broken = {problem.part for problem in problems}
    cause = broken.intersection(_NEEDS_PARTS.get(part, ()))
    if error and cause:
        state += f', as {" and ".join(sorted(cause))} is to be fixed first'
    elif error and not broken & {part, ''}:
        problems.append(_import_problem(part, error, stack))
    return ', '.join(filter(None, [*shown, state, said]))


def _kernel() -> str:
    """Whether the losses' C code for CPUs was built."""
    if any((Path(__file__).parents[1] / 'ops').glob('_cpu_kernel.*')):
        return 'built'
    return (
        'not built, which makes losses on a CPU slower, nothing else; with a '
        f'C compiler: {pip_command("-e .", options="--no-deps")}'
    )


def main() -> int:
    """Print the report; 0 if all is well, else 1."""
    installed = installed_versions()
    stack = find_stack(installed)
    problems = find_problems(installed)
    print(f'python         {platform.python_version()}, {sys.executable}')
    for part in STACKS[stack]:
        print(f'{part:14}', end=' ', flush=True)
        print(_examine(part, stack, problems))
    for name in ('numpy', 'opencv-python', 'setuptools', 'mmkd_logit'):
        print(f'{name:14} {installed.get(name, "not installed")}')
    print(f'cpu kernel     {_kernel()}')
    for name in ('c++', 'nvcc'):
        print(f'{name:14} {shutil.which(name) or "not found"}')
    print(f'tested         {", ".join(STACKS[stack].values())}')
    for number, problem in enumerate(problems, 1):
        print(f'\nproblem {number}: {problem.what}')
        print(f'   to fix: {problem.fix}')
    if not problems:
        print('\nno problem found')
    return int(bool(problems))


if __name__ == '__main__':
    sys.exit(main())
