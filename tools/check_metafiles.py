"""Check that each config is listed in its folder's metafile.yml."""

import argparse
import sys
from pathlib import Path
from typing import List

import yaml

ENTRY = """
  - Name: {0}_{1}
    In Collection: {2}
    Config: configs/{0}/{1}.py
"""


def check_folder(folder: Path, add: bool) -> List[str]:
    """Problems of one folder; ``add`` writes entries that are missing."""
    path = folder / 'metafile.yml'
    configs = sorted(folder.glob('*.py'))
    if not path.exists():
        return [f'{path} is missing'] if configs else []
    meta = yaml.safe_load(path.read_text())
    collections = [entry['Name'] for entry in meta['Collections']]
    models = meta.get('Models') or []
    problems = [
        f'{path}: {c["README"]} does not exist'
        for c in meta['Collections']
        if not (folder.parents[1] / c.get('README', '.')).exists()
    ]
    for model in models:
        name = f'{path}: {model["Name"]}'
        stem = Path(model['Config']).stem
        if model['Config'] != f'configs/{folder.name}/{stem}.py':
            problems.append(f'{name}: Config is not in this folder')
        elif not (folder / f'{stem}.py').exists():
            problems.append(f'{name}: {model["Config"]} does not exist')
        if model['Name'] != f'{folder.name}_{stem}':
            problems.append(f'{name}: expected {folder.name}_{stem}')
        if model['In Collection'] not in collections:
            problems.append(f'{name}: In Collection is none of {collections}')
        for result in model.get('Results') or []:
            if not result.get('Source'):
                problems.append(f'{name}: a result without its Source')
    listed = {Path(model['Config']).stem for model in models}
    missing = [c.stem for c in configs if c.stem not in listed]
    if missing and add:
        with path.open('a', encoding='utf-8') as file:
            for stem in missing:
                file.write(ENTRY.format(folder.name, stem, collections[0]))
    elif missing:
        problems.append(f'{path} lists no {", ".join(missing)}')
    return problems


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--root', type=Path, default=Path('.'))
    parser.add_argument(
        '--add', action='store_true', help='write the entries that are missing'
    )
    args = parser.parse_args()
    folders = sorted(
        f for f in (args.root / 'configs').glob('[!_]*') if f.is_dir()
    )
    problems = [p for f in folders for p in check_folder(f, args.add)]
    index = set(
        yaml.safe_load((args.root / 'model-index.yml').read_text())['Import']
    )
    wanted = {
        f'configs/{f.name}/metafile.yml'
        for f in folders
        if any(f.glob('*.py'))
    }
    for path in sorted(index ^ wanted):
        problems.append(f'model-index.yml: {path} is missing or too much')
    sys.exit('\n'.join(problems) or 0)


if __name__ == '__main__':
    main()
