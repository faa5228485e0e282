"""Pages that explain how to extend the package; files that docs/ names."""

import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / 'docs'
PAGES = sorted(DOCS.rglob('*.md'))


def code(page, kind='python'):
    """The blocks of one kind in a page."""
    text = (DOCS / page).read_text(encoding='utf-8')
    return re.findall(rf'^```{kind}\n(.*?)^```', text, re.M | re.S)


def run(source, package):
    """Execute a module of the package as a page shows it."""
    levels = {'.': f'mmkd_logit.{package}.', '..': 'mmkd_logit.'}
    source = re.sub(
        r'^from (\.+)(\w)',
        lambda found: f'from {levels[found[1]]}{found[2]}',
        source,
        flags=re.M,
    )
    names = {'__name__': f'mmkd_logit.{package}.abc_of_the_docs'}
    exec(compile(source, 'docs', 'exec'), names)
    return names


@pytest.fixture
def registries():
    """Parts that a page registers are forgotten afterwards."""
    from mmkd_logit.registry import HOOKS, MODELS

    for registry in (HOOKS, MODELS):
        registry.import_from_location()
    kept = [(r, dict(r._module_dict)) for r in (HOOKS, MODELS)]
    yield
    for registry, parts in kept:
        registry._module_dict.clear()
        registry._module_dict.update(parts)


def test_the_loss_of_the_page(registries):
    source, test = code('adding_a_loss.md')
    names = run(source, 'losses')
    names['torch'] = torch
    exec(test, names)
    names['test_matches_the_hand_computed_value']()
    student = torch.randn(4, 3, requires_grad=True)
    names['ABCLoss'](scale=2.0)(student, torch.zeros(4, 3)).backward()
    assert student.grad.abs().sum() > 0
    with pytest.raises(ValueError, match='scale must be >= 0'):
        names['ABCLoss'](scale=-1.0)


def test_the_reader_of_the_page(registries):
    from contextlib import ExitStack

    from mmkd_logit.structures import TeacherPass

    (source,) = code('adding_a_head.md')
    ABCLogits = run(source, 'heads')['ABCLogits']

    class ABCHead(torch.nn.Linear):
        num_classes = 4

        def loss(self, feats, label):
            return self.loss_by_score(self(feats), label)

        def loss_by_score(self, cls_score, label):
            return torch.nn.functional.cross_entropy(cls_score, label)

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.head = ABCHead(3, 4)

        def extract_feat(self, inputs):
            return inputs

    ABCHead.__module__ = 'abc.heads'
    model, inputs = Model(), torch.randn(2, 3)
    assert ABCLogits.fits(model) and not ABCLogits.fits(torch.nn.Module())
    reader, notes = ABCLogits(), {}
    assert reader.facts(model).num_classes == 4
    with ExitStack() as stack:
        reader.watch(model, notes, stack)
        model.head.loss(inputs, torch.tensor([0, 3]))
    teacher = TeacherPass(model, lambda: inputs, None)
    pair = reader.pairs(notes, teacher)['']
    assert torch.equal(pair.student_logits, pair.teacher_logits)
    assert pair.labels.tolist() == [0, 3]


def test_the_pair_and_the_hook_of_the_page(registries, tmp_path):
    pair, recipe, hook = code('adding_a_pair.md')
    assert 'mmkd_logit.ABCLoss' in run(recipe, 'losses')['recipe'].__repr__()
    ABCHook = run(hook, 'hooks')['ABCHook']
    scales = []
    one = ABCHook()
    one.distiller = type(
        'D', (), dict(set_kd_scale=lambda self, f, name: scales.append(f))
    )()
    for iteration in range(3):
        runner = type('R', (), dict(iter=iteration))()
        one.before_train_iter(runner, iteration)
    assert scales == [1, 0, 1]
    pytest.importorskip('mmdet')
    from mmkd_logit.launch import load_config

    path = tmp_path / 'pair.py'
    path.write_text(pair)
    assert load_config(str(path)).model.teacher_ckpt == 'auto'


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_files_and_configs_that_a_page_names_exist(page):
    text = page.read_text(encoding='utf-8')
    for path in re.findall(r'\b(?:configs|tools|tests|docs)/[\w/.-]+\w', text):
        if (
            '<' not in path
            and 'abc' not in path
            and 'retinanet_r50_r18' not in path
        ):
            assert (ROOT / path).exists(), path
    named = re.findall(r'\b(mmdet|mmpretrain|mmseg)::([\w/.-]+\.py)', text)
    for toolbox, config in named:
        pytest.importorskip(toolbox)
        from mmengine.hub import get_config

        assert get_config(f'{toolbox}::{config}').model


@pytest.fixture
def hooks():
    pytest.importorskip('latex2mathml')
    pytest.importorskip('mkdocs')
    return runpy.run_path(str(ROOT / 'tools/docs_hooks.py'))


def test_every_page_is_in_the_navigation(hooks):
    text = (ROOT / 'mkdocs.yml').read_text(encoding='utf-8')
    for page in PAGES:
        assert f': {page.relative_to(DOCS).as_posix()}\n' in text, page
    nav = [{'Methods': []}, {'Results': []}, {'Start': 'index.md'}]
    config = hooks['on_config'](SimpleNamespace(nav=nav))
    assert {'SD-DKD': 'methods/sd_dkd.md'} in config.nav[0]['Methods']
    assert {'SDD': 'methods/sdd.md'} in config.nav[0]['Methods']
    assert {'Classification': 'results/cls_results.md'} in nav[1]['Results']


def test_formulas_become_mathml_and_roles_become_code(hooks):
    text = hooks['on_page_markdown']('`$x$` and $a_1$,\n$$b$$')
    assert text == '`$x$` and FORMULA0E,\nFORMULA1E'
    html = hooks['on_page_content'](f'{text} :func:<code>~a.b.c</code>::</p>')
    assert '<msub><mi>a</mi><mn>1</mn></msub>' in html
    assert 'display="block"' in html and '`$x$`' in html
    assert html.endswith('<code>c</code>:</p>')
