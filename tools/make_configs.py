"""Write the configs that join a pair with a recipe, and their metafiles.

    python tools/make_configs.py            # after a change of configs.yml
    python tools/make_configs.py --check    # what differs, nothing is written

``tools/configs.yml`` says which recipe a method takes for which pair. The
files of ``configs/_base_/recipes`` and most of ``configs/_base_/pairs`` are
written by hand; pairs of two baselines named cifar_* are written here too.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Tuple

import yaml

ROOT = Path(__file__).resolve().parents[1]
#: Data sets whose pairs join any two baselines.
GENERATED = ('cifar100', 'cub', 'stl10')
NETWORK = r'(wrn_\d+_\d+|[^_]+)'
CONFIG = """\
# {title}: {architecture}{teacher} teaches {student}.
{note}_base_ = [
    '../_base_/pairs/{pair}.py',
    '../_base_/recipes/{recipe}.py'
]
globals().update(_base_.pop('recipe'))
"""
GUESS = '# No setting is published for this pair; the recipe is a guess.\n'
PAIR = """\
# {teacher} teaches {student} on {data}.
_base_ = '../../baseline/cifar_{student}_{data}.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='{{{{ fileDirname }}}}/../../baseline/cifar_{teacher}_{data}.py',
    teacher_ckpt='checkpoints/cifar_{teacher}_{data}.pth')
"""
MODEL = """\
  - Name: {0}_{1}
    In Collection: {2}
    Config: configs/{0}/{1}.py
"""


class Row(NamedTuple):
    """One config: what ``tools/configs.yml`` says about it."""

    method: str
    pair: str
    recipe: str
    published: bool
    variant: str = ''

    @property
    def stem(self) -> str:
        """Name of the file."""
        return self.pair + (f'_{self.variant}' if self.variant else '')


def read_rows(table: dict) -> Iterator[Row]:
    """The configs of a table, a pair of a method at most once.

    Raises:
        ValueError: If a pair stands twice below a method.
    """
    for method, groups in table['methods'].items():
        seen = set()
        for key, recipes in groups.items():
            if key == 'name':
                continue
            pattern, _, variant = key.partition(' ')
            for recipe, pairs in recipes.items():
                if isinstance(pairs, str):
                    pairs = {'published': pairs}
                for state, names in pairs.items():
                    for name in names.split():
                        row = Row(
                            method,
                            pattern.replace('*', name),
                            recipe,
                            state == 'published',
                            variant,
                        )
                        if row.stem in seen:
                            raise ValueError(
                                f'configs.yml: {method} has two recipes for '
                                f'{row.stem}; remove one'
                            )
                        seen.add(row.stem)
                        yield row


def split_pair(pair: str) -> Tuple[str, str, str, str]:
    """``vgg_a_b_coco``: architecture, teacher, student, data set."""
    stem, _, data = pair.rpartition('_')
    match = re.fullmatch(rf'(.+?)_{NETWORK}_{NETWORK}', stem)
    if match is None:
        raise ValueError(
            f'configs.yml: {pair!r} is not named '
            '<architecture>_<teacher>_<student>_<data>'
        )
    return (*match.groups(), data)


def config_text(row: Row, table: dict) -> str:
    """The few lines of a config."""
    architecture, teacher, student, data = split_pair(row.pair)
    note = '' if row.published else GUESS
    if row.variant:
        note = f'# {table["variants"][row.variant]}\n{note}'
    return CONFIG.format(
        title=f'{table["methods"][row.method]["name"]}, {table["data"][data]}',
        architecture=(
            ''
            if architecture in ('cifar', 'classifier')
            else f'{architecture} '
        ),
        teacher=teacher,
        student=student,
        note=note,
        pair=row.pair,
        recipe=row.recipe,
    )


def metafile_text(root: Path, method: str, stems: List[str]) -> str:
    """A folder's metafile: its collection as it is, its models by name."""
    path = root / 'configs' / method / 'metafile.yml'
    if not path.exists():
        raise ValueError(
            f'configs/{method}/metafile.yml is missing; correct {method!r} in '
            'tools/configs.yml, or write the block Collections of a new '
            'method, as in configs/nkd'
        )
    head = path.read_text(encoding='utf-8').partition('\nModels:\n')[0]
    head = head.rstrip('\n') + '\n'
    collection = yaml.safe_load(head)['Collections'][0]['Name']
    models = (MODEL.format(method, s, collection) for s in sorted(stems))
    return f'{head}\nModels:\n' + '\n'.join(models)


def expected_files(root: Path, table: dict) -> Dict[Path, str]:
    """Path and text of every file that this script writes."""
    configs = root / 'configs'
    files, stems = {}, {}
    for row in read_rows(table):
        path = configs / row.method / f'{row.stem}.py'
        files[path] = config_text(row, table)
        stems.setdefault(row.method, []).append(row.stem)
        architecture, teacher, student, data = split_pair(row.pair)
        if architecture == 'cifar' and data in GENERATED:
            path = configs / '_base_' / 'pairs' / f'{row.pair}.py'
            files[path] = PAIR.format(
                teacher=teacher, student=student, data=data
            )
    for name in table['by hand']:
        method, stem = Path(name).parent.name, Path(name).stem
        stems.setdefault(method, []).append(stem)
    # the students alone are written by hand, all but their metafile
    alone = [path.stem for path in configs.glob('baseline/*.py')]
    if alone:
        stems['baseline'] = alone
    for method, names in stems.items():
        path = configs / method / 'metafile.yml'
        files[path] = metafile_text(root, method, names)
    index = [*stems, 'demo'] if alone else stems
    files[root / 'model-index.yml'] = 'Import:\n' + ''.join(
        f'  - configs/{name}/metafile.yml\n' for name in sorted(index)
    )
    return files


def compare(root: Path, table: dict, files: Dict[Path, str]) -> List[str]:
    """What the tree lacks, has too much, or has differently."""
    problems = []
    for path, text in files.items():
        name = path.relative_to(root)
        if not path.exists():
            problems.append(f'{name} is missing')
        elif path.read_text(encoding='utf-8') != text:
            problems.append(f'{name} differs from tools/configs.yml')
    by_hand = {root / 'configs' / name for name in table['by hand']}
    for method in table['methods']:
        for path in sorted((root / 'configs' / method).glob('*.py')):
            if path not in files and path not in by_hand:
                name = path.relative_to(root)
                problems.append(
                    f'{name} is not in tools/configs.yml; add its line, or '
                    'delete it'
                )
    return sorted(problems + lacking(root, table, files))


def lacking(root: Path, table: dict, files: Dict[Path, str]) -> List[str]:
    """Pairs and recipes that the table names and that are missing."""
    problems = set()
    bases = root / 'configs' / '_base_'
    for row in read_rows(table):
        for path in (
            bases / 'recipes' / f'{row.recipe}.py',
            bases / 'pairs' / f'{row.pair}.py',
        ):
            if path not in files and not path.exists():
                name = path.relative_to(root)
                problems.add(f'{name} is missing; write or correct it')
    return sorted(problems)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--root', type=Path, default=ROOT)
    parser.add_argument(
        '--check', action='store_true', help='write nothing, name differences'
    )
    args = parser.parse_args()
    text = (args.root / 'tools' / 'configs.yml').read_text(encoding='utf-8')
    table = yaml.safe_load(text)
    try:
        files = expected_files(args.root, table)
    except ValueError as error:
        sys.exit(str(error))
    if not args.check:
        wrong = lacking(args.root, table, files)
        if wrong:
            sys.exit('\n'.join(wrong))
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding='utf-8')
    sys.exit('\n'.join(compare(args.root, table, files)) or 0)


if __name__ == '__main__':
    main()
