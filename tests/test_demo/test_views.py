"""The comparison of views: its methods load, and are what they are called."""

from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip('mmdet')
pytest.importorskip('sklearn')

from demo.views import DEFAULT, METHODS, _config
from mmkd_logit.distillers.build import build_named
from mmkd_logit.distillers.term import make_term
from mmkd_logit.launch import load_config
from mmkd_logit.structures.head_facts import HeadFacts

TEACHER = SimpleNamespace(checkpoint=Path('teacher.pth'))


@pytest.mark.parametrize('name', METHODS)
def test_a_methods_config_adds_one_term_to_the_student(name, tmp_path):
    path = tmp_path / f'{name}.py'
    path.write_text(_config(METHODS[name], TEACHER))
    cfg = load_config(str(path), {})
    alone = load_config('configs/demo/gfl_student.py', {})
    assert cfg.model.student == alone.model
    assert cfg.optim_wrapper == alone.optim_wrapper
    (term,) = cfg.model.distill.values()
    reader = build_named(term.logits, 'logit reader', 'logits')
    loss = build_named(term.loss, 'loss', 'loss')
    made = make_term(reader, loss, HeadFacts(10, 10, use_sigmoid=True))
    assert made.view == name.split('_')[1]
    assert loss.loss_weight == 1.0 and loss.tau == 1.0


def test_the_default_table_has_both_views():
    views = [name.split('_')[1] for name in DEFAULT]
    assert views.count('bernoulli') == 2 and views.count('categorical') == 3
