"""What MkDocs adds to docs/: the pages of configs/, as they are there.

A page of a method stands in ``configs/<method>/README.md``, beside its
configs; ``tools/docs_methods.py`` adds what can be read from elsewhere.
Results stand in ``configs/*_results.md``. Links between files of the
repository lead to the pages made of them, formulas become MathML, which
browsers show without a script, and the roles of docstrings code.
"""

import os.path
import re
import sys
from pathlib import Path
from typing import Any, Dict, List

from latex2mathml.converter import convert
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / 'tools'))
import docs_methods  # noqa: E402  (neighbours; MkDocs has another path)
import docs_reference  # noqa: E402

CONFIGS = ROOT / 'configs'


def on_files(files: Any, config: Any) -> Any:
    """Add the pages of methods, of results and of the reference."""
    texts = {
        **methods(),
        **{f'reference/{n}.md': t for n, t in docs_reference.pages().items()},
    }
    for path in sorted(CONFIGS.glob('*_results.md')):
        text = path.read_text(encoding='utf-8')
        texts[f'results/{path.stem}.md'] = with_links(text, path)
    for path in sorted(CONFIGS.rglob('*.py')):
        name = path.relative_to(ROOT).as_posix()
        texts[name] = path.read_text(encoding='utf-8')
    for uri, text in texts.items():
        files.append(File.generated(config, uri, content=text))
    return files


def methods() -> Dict[str, str]:
    """Address and text of each method's page."""
    pages = {}
    for path in sorted(CONFIGS.glob('*/README.md')):
        text = with_links(path.read_text(encoding='utf-8'), path)
        name = path.parent.name
        pages[f'methods/{name}.md'] = docs_methods.complete(name, text)
    return pages


def on_config(config: Any) -> Any:
    """List those pages in the navigation, by the headings of the pages."""
    groups = {
        'Methods': ('methods', sorted(CONFIGS.glob('*/README.md'))),
        'Results': ('results', sorted(CONFIGS.glob('*_results.md'))),
    }
    for part in config.nav:
        for name, (folder, paths) in groups.items():
            for path in paths if name in part else []:
                stem = path.stem if folder == 'results' else path.parent.name
                part[name].append({heading(path): f'{folder}/{stem}.md'})
    return config


def heading(path: Path) -> str:
    """The first line of a page, as far as the first colon."""
    line = path.read_text(encoding='utf-8').partition('\n')[0]
    return line.lstrip('# ').partition(':')[0]


def with_links(text: str, path: Path) -> str:
    """Links of a page in ``configs/`` as its page in ``docs/`` needs them.

    What has no page there, such as a folder of code, becomes plain text.
    """

    def lead(found: re.Match) -> str:
        label, link, anchor = found.groups()
        target = Path(os.path.normpath(path.parent / link))
        if target == path.parent.parent and not anchor:
            return label
        if (target / 'README.md').is_file() and target.parent == CONFIGS:
            place = f'../methods/{target.name}.md'
        elif target.parent == CONFIGS and target.suffix == '.md':
            place = f'../results/{target.name}'
        elif target.suffix == '.py' and CONFIGS in target.parents:
            place = f'../{target.relative_to(ROOT).as_posix()}'
        else:
            return label
        return f'[{label}]({place}{anchor or ""})'

    return re.sub(r'\[([^\]]+)\]\((?!https?:)([^)#]+)(#[^)]+)?\)', lead, text)


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
