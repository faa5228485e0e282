"""What MkDocs adds to docs/: the pages of configs/, as they are there.

A page of a method stands in ``configs/<method>/README.md``, beside its
configs; results stand in ``configs/*_results.md``. Links between files of the
repository become plain text here, formulas MathML, which browsers show without
a script, and the roles of docstrings code.
"""

import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from latex2mathml.converter import convert
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs'
_READERS = """# Readers

Options of `logits=dict(type=...)`; the reader is found from the student's
head if `logits` is left out.
"""
_LOSSES = """# Losses

A class for config files, such as `DKDLoss`, takes the settings of its
function, `dkd_loss`, and what every loss has.
"""


def on_files(files: Any, config: Any) -> Any:
    """Add the pages of methods and of results."""
    pages = {
        f'methods/{path.parent.name}.md': path
        for path in sorted(CONFIGS.glob('*/README.md'))
    }
    pages.update(
        {
            f'results/{path.stem}.md': path
            for path in sorted(CONFIGS.glob('*_results.md'))
        }
    )
    for uri, path in pages.items():
        text = _without_links(path.read_text(encoding='utf-8'))
        files.append(File.generated(config, uri, content=text))
    for name, text in reference().items():
        uri = f'reference/{name}.md'
        files.append(File.generated(config, uri, content=text))
    return files


def reference() -> Dict[str, str]:
    """Pages that list every reader and every loss, from their docstrings."""
    members = '\n    options:\n      members: []\n'
    readers = [
        f'::: mmkd_logit.heads.{path.stem}.{name}{members}'
        for path, name in _defined('heads', r'^class (\w+Logits)\(')
    ]
    functions = [
        f'::: mmkd_logit.losses.{path.stem}.{name}\n'
        for path, name in _defined('losses', r'^def (\w+_loss|stand\w+)\(')
    ]
    base = f'::: mmkd_logit.losses.base.LogitLoss{members}'
    return dict(
        readers='\n'.join([_READERS, *readers]),
        losses='\n'.join([_LOSSES, base, *functions]),
    )


def _defined(room: str, pattern: str) -> Iterator[Tuple[Path, str]]:
    """Names that the files of a room define."""
    for path in sorted((ROOT / 'mmkd_logit' / room).glob('*.py')):
        for name in re.findall(pattern, path.read_text('utf-8'), re.M):
            yield path, name


def on_config(config: Any) -> Any:
    """List those pages in the navigation."""
    methods = [
        {path.parent.name: f'methods/{path.parent.name}.md'}
        for path in sorted(CONFIGS.glob('*/README.md'))
    ]
    results = [
        {path.stem.split('_')[0]: f'results/{path.stem}.md'}
        for path in sorted(CONFIGS.glob('*_results.md'))
    ]
    place = next(i for i, part in enumerate(config.nav) if 'Matrix' in part)
    config.nav[place:place] = [{'Methods': methods}, {'Results': results}]
    return config


def _without_links(text: str) -> str:
    """Links to files of the repository as their text."""
    return re.sub(r'\[([^\]]+)\]\((?!https?:)[^)]+\)', r'\1', text)


#: Formulas of the page that is being made; Markdown gets placeholders.
_FORMULAS: List[str] = []


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Take formulas out, outside code."""
    _FORMULAS.clear()
    parts = re.split(r'(^```.*?^```|`[^`\n]*`)', markdown, flags=re.M | re.S)
    for index in range(0, len(parts), 2):
        parts[index] = re.sub(
            r'\$\$(.+?)\$\$|\$([^$\n]+)\$', _keep, parts[index], flags=re.S
        )
    return ''.join(parts)


def _keep(found: re.Match) -> str:
    kind = 'block' if found[1] else 'inline'
    text = (found[1] or found[2]).strip()
    _FORMULAS.append(convert(text, display=kind))
    return f'FORMULA{len(_FORMULAS) - 1}E'


def on_page_content(html: str, **_: Any) -> str:
    """Put formulas back; show :func:`~a.b.c` of docstrings as ``c``."""
    html = re.sub(
        r'FORMULA(\d+)E', lambda found: _FORMULAS[int(found[1])], html
    )
    html = re.sub(
        r':(?:func|class|attr|meth|mod|obj):<code>~?(?:\w+\.)*([^<]+)</code>',
        r'<code>\1</code>',
        html,
    )
    return html.replace('::</p>', ':</p>')
