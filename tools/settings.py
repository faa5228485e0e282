"""Print what a config trains with, and which file each setting comes from.

    python tools/settings.py dkd cifar_vgg13_vgg8_cifar100
    python tools/settings.py configs/dkd/cifar_vgg13_vgg8_cifar100.py

A method alone names its pairs.
The comments of these files, which name papers and repositories, follow. With
``--all`` every setting is printed, not only those of the method, the optimizer
and the schedule.
"""

import argparse
import ast
import os
import sys
from pathlib import Path
from typing import Dict, List, Tuple

from mmengine.config import Config

import mmkd_logit.registry  # noqa: F401  (names of the toolboxes)
from mmkd_logit.distillers.config_file import read_config
from mmkd_logit.messages import did_you_mean

ROOT = Path(__file__).resolve().parents[1]
SHOWN = (
    'model.teacher',
    'model.distill',
    'model.student.head.loss',
    'model.student.train_cfg.augments',
    'optim_wrapper',
    'param_scheduler',
    'train_cfg',
    'train_dataloader.batch_size',
    'auto_scale_lr.base_batch_size',
    'custom_hooks',
    'sync_bn',
)
#: Value and file of a setting.
Settings = Dict[str, Tuple[object, str]]


def flatten(value: object, prefix: str = '') -> Dict[str, object]:
    """``{'a': {'b': [{'c': 1}]}}`` becomes ``{'a.b.0.c': 1}``."""
    if isinstance(value, dict) and value:
        items = value.items()
    elif isinstance(value, (list, tuple)) and any(
        isinstance(item, dict) for item in value
    ):
        items = enumerate(value)
    else:
        return {prefix: value}
    flat = {}
    for key, item in items:
        flat.update(flatten(item, f'{prefix}.{key}' if prefix else str(key)))
    return flat


def bases_of(path: str) -> List[str]:
    """What a config file inherits; paths of files are made absolute."""
    for node in ast.parse(Path(path).read_text(encoding='utf-8')).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == '_base_':
            names = ast.literal_eval(node.value)
            names = [names] if isinstance(names, str) else names
            folder = os.path.dirname(path)
            return [
                name if '::' in name else os.path.normpath(f'{folder}/{name}')
                for name in names
            ]
    return []


def stock(name: str) -> Settings:
    """The settings of a toolbox's config, such as ``mmdet::atss/...``."""
    settings = flatten(read_config(name).to_dict())
    return {key: (value, name) for key, value in settings.items()}


def trace(path: str) -> Settings:
    """Each setting of a config and the file that gave it this value."""
    inherited: Settings = {}
    for base in bases_of(path):
        inherited.update(stock(base) if '::' in base else trace(base))
    settings: Settings = {}
    for key, value in flatten(Config.fromfile(path).to_dict()).items():
        places = [f'recipe.{key}', key]
        if key.startswith('model.student.'):  # the baseline's model
            places.append(key.replace('model.student.', 'model.', 1))
        source = path
        for place in places:
            if place in inherited and inherited[place][0] == value:
                source = inherited[place][1]
                break
        settings[key] = value, source
    return settings


def find_config(words: List[str], root: Path = ROOT) -> str:
    """The file of a method and a pair, or of a path.

    Raises:
        FileNotFoundError: If there is none; the sentence says which there
            are.
    """
    path = Path(words[0])
    if len(words) == 2:
        path = root / 'configs' / words[0] / f'{words[1]}.py'
    if path.is_file():
        return os.path.abspath(path)
    files = list((root / 'configs').glob('[!_]*/*.py'))
    methods = sorted({file.parent.name for file in files})
    method = words[0] if words[0] in methods else path.parent.name
    pairs = sorted(f.stem for f in files if f.parent.name == method)
    if len(words) == 1 and words[0] in methods:
        raise FileNotFoundError(
            f'{method!r} is a method; name one of its pairs after it: '
            f'{", ".join(pairs)}'
        )
    if len(words) == 2 and not pairs:
        hint = did_you_mean(words[0], methods)
        hint = hint or f'those with configs are {", ".join(methods)}'
        raise FileNotFoundError(f'no method {words[0]!r}; {hint}')
    hint = did_you_mean(path.stem, pairs) or 'see tools/configs.yml'
    raise FileNotFoundError(f'no config {str(path)!r}; {hint}')


def short(path: str) -> str:
    return path if '::' in path else os.path.relpath(path, ROOT)


def report(path: str, everything: bool = False) -> str:
    """The settings, the files they come from, and their comments."""
    settings = {
        key: (short(v) if isinstance(v, str) and os.path.isabs(v) else v, f)
        for key, (v, f) in trace(path).items()
        if (everything or key.startswith(SHOWN)) and '_scope_' not in key
    }
    lines = [short(path), '']
    width = max(len(f'{k} = {v!r}') for k, (v, _) in settings.items())
    for key, (value, source) in sorted(settings.items()):
        lines.append(f'{f"{key} = {value!r}":<{width}}  {short(source)}')
    sources = {path: None, **{s: None for _, s in settings.values()}}
    for source in sources:
        if '::' not in source:
            comment = [
                line[2:]
                for line in Path(source).read_text('utf-8').splitlines()
                if line.startswith('# ')
            ]
            lines += ['', short(source), *(f'    {c}' for c in comment)]
    return '\n'.join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', nargs='+', help='METHOD PAIR, or a path')
    parser.add_argument('--all', action='store_true', help='every setting')
    args = parser.parse_args()
    try:
        print(report(find_config(args.config), args.all))
    except FileNotFoundError as error:
        sys.exit(f'FileNotFoundError: {error}')


if __name__ == '__main__':
    main()
