"""Pages of methods: what stands on them is what the code has."""

import inspect
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip('griffe')
pytest.importorskip('latex2mathml')

from mmkd_logit.launch import load_config
from mmkd_logit.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools'))
import docs_hooks  # noqa: E402
import docs_methods  # noqa: E402

PAGES = sorted(path.parent.name for path in ROOT.glob('configs/*/README.md'))


@pytest.fixture(scope='module')
def pages():
    return docs_hooks.methods()


@pytest.mark.parametrize('page', PAGES)
def test_the_block_of_a_page_builds_its_loss(page, pages, tmp_path):
    text = pages[f'methods/{page}.md']
    (block,) = re.findall(
        r'^```python\n# my_distillation\.py: (.*?)^```', text, re.M | re.S
    )
    (tmp_path / 'my_student.py').write_text(
        "model = dict(type='S', head=dict(loss=dict(loss_weight=1.0)))\n"
        'train_dataloader = dict(batch_size=1, num_workers=3)'
    )
    (tmp_path / 'run.py').write_text(f'# {block}')
    config = load_config(str(tmp_path / 'run.py'))
    assert config.model.student.type == 'S'
    assert config.train_dataloader.num_workers == 3
    for term in config.model.distill.values():
        if 'cost' in term.loss:  # a file of the user's
            term.loss.cost = [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
        loss = MODELS.build(term.loss)
        assert type(loss).__name__ in docs_methods.loss_types(page)
        if 'logits' in term:
            MODELS.build(term.logits)


def test_every_config_and_recipe_is_on_its_page(pages):
    for page in PAGES:
        text = pages[f'methods/{page}.md']
        for row in docs_methods.rows_of(page):
            assert f'](../configs/{row.method}/{row.stem}.py)' in text
            assert f'](../configs/_base_/recipes/{row.recipe}.py)' in text
        if docs_methods.rows_of(page):
            assert '**Paper**: [' in text


@pytest.mark.parametrize('page', PAGES)
def test_defaults_of_the_readme_are_those_of_the_class(page):
    text = (ROOT / f'configs/{page}/README.md').read_text()
    table = text.partition('| parameter | default |')[2].partition('\n\n')[0]
    rows = re.findall(r'^\| ((?:`\w+`(?:, )?)+) \| ([^|]+) \|', table, re.M)
    if not table:
        return
    kinds = docs_methods.loss_types(page)
    if page == 'kd':
        kinds = ['KDLoss']
    known = {}
    for kind in kinds:
        parameters = inspect.signature(MODELS.get(f'mmkd_logit.{kind}'))
        known.update(parameters.parameters)
    compared = 0
    for names, said in rows:
        names = re.findall(r'`(\w+)`', names)
        said = said.strip()
        values = [said] * len(names)
        if said.count(', ') == len(names) - 1:
            values = said.split(', ')
        for name, value in zip(names, values):
            default = known[name].default
            if default is None or ' ' in value:  # in words
                continue
            if default is inspect.Parameter.empty:
                assert value == 'required', name
            elif isinstance(default, float):
                assert default == float(value), name
            else:
                assert repr(default) == value, name
            compared += 1
    assert compared >= 1


def test_settings_of_the_matrix_and_of_the_docstring(pages):
    text = pages['methods/gdkd.md']
    assert re.search(r'\| GDKD \| no: GDKDLoss .* \| FCNMaskHead', text)
    assert re.search(r'\(categorical view\) \| .*; GFLHead; ', text)
    assert '| `k` | 5 | ' in text and 'Defaults to' not in text
    text = pages['methods/sd_kd.md']
    assert '| SD-KD | one softmax | ImageClassifier, ClsHead; ' in text
    for page in PAGES:
        assert docs_methods.arguments(page).count('## Settings of') == (
            len(docs_methods.loss_types(page))
            if page not in docs_methods.PARTS_OF
            else 0
        )


def test_links_lead_to_pages_or_become_text():
    path = ROOT / 'configs' / 'sdd' / 'README.md'
    text = docs_hooks.with_links(
        '[a](../kd) [b](../cls_results.md#x) [c](x.py) [d](../../tools) '
        '[e](https://x.y)',
        path,
    )
    assert text == (
        '[a](../methods/kd.md) [b](../results/cls_results.md#x) '
        '[c](../configs/sdd/x.py) d [e](https://x.y)'
    )


def test_settings_are_written_as_calls():
    changes = dict(
        model=dict(distill=dict(loss_kd=dict(loss=dict(type='a.B', c=1)))),
        custom_hooks=[dict(type='a.H', end=2)],
        x=dict(y=3),
    )
    assert list(docs_methods.settings_of(changes)) == [
        'loss_kd.loss: `B(c=1)`',
        'custom_hooks: `H(end=2)`',
        'x.y: `3`',
    ]
