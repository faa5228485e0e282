"""What a method's page has beside ``configs/<method>/README.md``.

All of it is read from where it stands already: a block to paste and the
published settings from ``configs/_base_/recipes``, the arguments from the
signature and the docstring of the loss, the heads from ``docs/matrix.md``, the
configs from ``tools/configs.yml`` and the first lines of their pairs.
"""

import inspect
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set

import griffe
import yaml
from make_configs import Row, read_rows
from mmengine.config import Config

from mmkd_logit.launch.recipes import Recipe, comment_of
from mmkd_logit.launch.start import distillation_text
from mmkd_logit.registry import MODELS

ROOT = Path(__file__).resolve().parents[1]
RECIPES = ROOT / 'configs' / '_base_' / 'recipes'
PAIRS = ROOT / 'configs' / '_base_' / 'pairs'
#: Pages of options that go with any loss, and the folders of their configs.
PARTS_OF = dict(sdd=('sd_kd', 'sd_dkd', 'sd_nkd'), lskd=('ls_kd', 'ls_dkd'))
#: Which recipe a page shows first: rows that most people have.
_FIRST = ('imagenet', 'cifar', 'seg', 'roi', 'dense')

#: What the cells of the matrix mean.
_VIEWS = {
    'yes': 'one softmax',
    'yes, B': 'independent classes, one by one (Bernoulli view)',
    'yes, C': 'independent classes and background as one softmax '
    '(categorical view)',
}


@lru_cache(maxsize=1)
def table() -> Dict[str, Any]:
    """``tools/configs.yml``."""
    text = (ROOT / 'tools' / 'configs.yml').read_text(encoding='utf-8')
    return yaml.safe_load(text)


def rows_of(page: str) -> List[Row]:
    """The configs of a page, those of its parts included."""
    folders = PARTS_OF.get(page, (page,))
    return [row for row in read_rows(table()) if row.method in folders]


def recipe_names(page: str) -> List[str]:
    """Recipes of a page's configs, in the order of the table."""
    return list(dict.fromkeys(row.recipe for row in rows_of(page)))


@lru_cache(maxsize=None)
def read_recipe(name: str) -> Recipe:
    path = RECIPES / f'{name}.py'
    changes = Config.fromfile(str(path)).recipe
    method = name.rpartition('_')[0] or name
    return Recipe(method, path, comment_of(path), changes)


def complete(page: str, text: str) -> str:
    """The page of a method: its README, and what is read from elsewhere."""
    head, heading, rest = text.partition('\n## ')
    before = [source(page), example(page), arguments(page), heads(page)]
    after = [published(page), configs(page)]
    parts = [head, *before, heading.lstrip('\n') + rest, *after]
    return '\n\n'.join(part.strip('\n') for part in parts if part) + '\n'


def source(page: str) -> str:
    """The paper and the authors' code, from the metafile."""
    folder = PARTS_OF.get(page, (page,))[0]
    path = ROOT / 'configs' / folder / 'metafile.yml'
    if not path.exists():
        return ''
    text = path.read_text(encoding='utf-8')
    entry = yaml.safe_load(text)['Collections'][0]
    line = f'**Paper**: [{entry["Paper"]["Title"]}]({entry["Paper"]["URL"]}).'
    if 'Code' in entry:
        url = entry['Code']['URL']
        name = url.partition('github.com/')[2]
        line += f" **Authors' code**: [{name}]({url})."
    precision = entry.get('Metadata', {}).get('Training Precision')
    if precision:
        line += f' **Their precision**: {precision}.'
    return line


def first_recipe(page: str) -> str:
    """Name of the recipe that a page shows; '' if it has none."""
    names = recipe_names(page)
    ranked = [
        name for word in _FIRST for name in names if f'_{word}' in f'{name}_'
    ]
    return (ranked + names + [''])[0]


def example(page: str) -> str:
    """A config to paste: what ``tools/train.py --teacher`` would write."""
    name = first_recipe(page)
    if not name:
        return ''
    block = distillation_text(
        read_recipe(name),
        'my_student.py',
        'my_teacher.py',
        'work_dirs/my_teacher/epoch_100.pth',
    )
    return (
        '## A config to paste\n\n`my_student.py` trains your student alone; '
        f'the settings are those of the recipe `{name}`.\n\n'
        f'```python\n# my_distillation.py: {block.lstrip("# ")}```\n\n'
        '```bash\npython tools/train.py my_distillation.py\n```'
    )


def loss_types(page: str) -> List[str]:
    """Registered names of the losses that a page's recipes build."""
    found: Set[str] = set()
    for name in recipe_names(page):
        terms = read_recipe(name).changes.model.get('distill', {}).values()
        found |= {term.loss.type.split('.')[1] for term in terms}
    return sorted(found)


def arguments(page: str) -> str:
    """Settings of the losses of a page."""
    parts = []
    for kind in loss_types(page) if page not in PARTS_OF else []:
        cls = MODELS.get(f'mmkd_logit.{kind}')
        parts.append(f'## Settings of `{kind}`\n\n{arguments_of(cls)}')
    if parts:
        parts.append(
            'Every loss also takes `loss_weight`, `reduction`, `standardize`, '
            '`use_sigmoid` and `topk_scale`; shapes, units and errors are in '
            'the [reference](../reference/losses.md).'
        )
    return '\n\n'.join(parts)


def arguments_of(cls: type) -> str:
    """Name, default and meaning of each setting of a loss."""
    meaning = argument_texts(cls.function or cls.sigmoid_function)
    lines = ['| setting | default | meaning |', '|---|---|---|']
    for name, parameter in cls.settings_signature.parameters.items():
        default = parameter.default
        shown = 'required' if default is parameter.empty else repr(default)
        text = re.sub(r'\s*Defaults to [^.]*(\.\d+)?\.', '', meaning[name])
        lines.append(f'| `{name}` | {shown} | {in_a_cell(text)} |')
    return '\n'.join(lines)


def argument_texts(function: Any) -> Dict[str, str]:
    """Descriptions of the section Args of a docstring."""
    docstring = griffe.Docstring(inspect.getdoc(function) or '', lineno=1)
    sections = docstring.parse(
        'google', warn_unknown_params=False, warn_missing_types=False
    )
    return {
        item.name: item.description
        for section in sections
        if section.kind is griffe.DocstringSectionKind.parameters
        for item in section.value
    }


def in_a_cell(text: str) -> str:
    """One line for a cell of a Markdown table; roles become code."""
    text = re.sub(r':\w+:`~?(?:\w+\.)*(\w+)`', r'`\1`', ' '.join(text.split()))
    return text.replace('``', '`').replace('|', '\\|')


def heads(page: str) -> str:
    """The columns of the matrix that belong to a method."""
    names = {table()['methods'].get(page, {}).get('name', '')}
    names |= {kind[: -len('Loss')] for kind in loss_types(page)}
    if page in ('cwd', *PARTS_OF) or not names - {''}:
        return ''
    columns = matrix_columns()
    if page.startswith(('sd_', 'ls_')):
        names = {table()['methods'][page]['name']}
    found = {name: columns[name] for name in sorted(names) if name in columns}
    if not found:
        return ''
    lines = ['| loss | its rows | heads |', '|---|---|---|']
    for name, column in found.items():
        said: Dict[str, List[str]] = {}
        for head, cell in column.items():
            said.setdefault(_VIEWS.get(cell, cell), []).append(head)
        for words, several in said.items():
            lines.append(
                f'| {name} | {in_a_cell(words)} | {"; ".join(several)} |'
            )
    return (
        '## Heads\n\nTried on a small model of each family, see the '
        '[matrix](../matrix.md) for all losses.\n\n' + '\n'.join(lines)
    )


@lru_cache(maxsize=1)
def matrix_columns() -> Dict[str, Dict[str, str]]:
    """``docs/matrix.md``: method -> head -> what the cell says."""
    page = (ROOT / 'docs' / 'matrix.md').read_text(encoding='utf-8')
    reasons = dict(re.findall(r'^(\d+)\. (.+)$', page, re.M))
    columns: Dict[str, Dict[str, str]] = {}
    titles: List[str] = []
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip('|').split('|')]
        if line.startswith('| head |'):
            titles = cells[1:]
        elif line.startswith('| ') and titles and '---' not in line:
            for title, cell in zip(titles, cells[1:]):
                number = re.fullmatch(r'no \((\d+)\)', cell)
                said = f'no: {reasons[number[1]]}' if number else cell
                columns.setdefault(title, {})[cells[0]] = said
    return columns


def published(page: str) -> str:
    """Every recipe of a page: its settings, and the source of its numbers."""
    if not rows_of(page):
        return ''
    lines = ['| recipe | settings | source |', '|---|---|---|']
    for name in recipe_names(page):
        recipe = read_recipe(name)
        said = '; '.join(settings_of(recipe.changes.to_dict()))
        lines.append(
            f'| [{name}](../configs/_base_/recipes/{name}.py) | {said} | '
            f'{in_a_cell(recipe.source)} |'
        )
    return (
        '## Published settings\n\nThe recipes of the configs below, and where '
        'their numbers are from. `tools/settings.py` prints all settings of '
        'one config.\n\n' + '\n'.join(lines)
    )


def settings_of(changes: Dict[str, Any], where: str = '') -> Iterator[str]:
    """Entries of nested dicts; what has a ``type`` is written as a call."""
    for key, value in changes.items():
        place = '' if key in ('model', 'distill') else f'{where}{key}'
        if isinstance(value, dict) and 'type' not in value:
            yield from settings_of(value, f'{place}.' if place else '')
        else:
            values = value if isinstance(value, list) else [value]
            yield f'{place}: `{", ".join(map(as_call, values))}`'


def as_call(value: Any) -> str:
    """``dict(type='a.B', c=1)`` as ``B(c=1)``."""
    if not isinstance(value, dict):
        return repr(value)
    words = [
        f'{key}={as_call(part)}'
        for key, part in value.items()
        if key != 'type'
    ]
    name = str(value.get('type', 'dict')).rpartition('.')[2]
    return f'{name}({", ".join(words)})'


def configs(page: str) -> str:
    """Every config of a page, with its pair and its recipe."""
    rows = rows_of(page)
    if not rows:
        return ''
    lines = [
        '| config | models | recipe | for this pair |',
        '|---|---|---|---|',
    ]
    for row in rows:
        state = 'published' if row.published else 'not published'
        lines.append(
            f'| [{row.stem}](../configs/{row.method}/{row.stem}.py) | '
            f'{in_a_cell(pair_text(row.pair))} | {row.recipe} | {state} |'
        )
    return (
        '## Configs\n\nThe last column says whether the authors give a '
        'setting for the pair, or the table of settings names the recipe as '
        'a guess.\n\n' + '\n'.join(lines)
    )


@lru_cache(maxsize=None)
def pair_text(pair: str) -> str:
    """What the first lines of a pair's file say."""
    return comment_of(PAIRS / f'{pair}.py')
