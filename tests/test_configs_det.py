"""Every detection config: it loads, and student and teacher fit together."""

import copy
from contextlib import contextmanager
from functools import lru_cache

import pytest
import torch

pytest.importorskip('mmdet')

from mmengine.registry import DefaultScope

from mmkd_logit.distillers.teacher_config import read_model_config
from mmkd_logit.launch import load_config
from mmkd_logit.registry import MODELS
from tests.config_files import CONFIGS, quick_bases  # noqa: F401

FASTER = [
    'faster_rcnn_r101_r18',
    'faster_rcnn_r101_r50',
    'faster_rcnn_r50_mv2',
]
ROI = [*FASTER, 'mask_rcnn_r101_r18', 'cascade_rcnn_r101_r50']
DENSE = ['retinanet_r101_r50', 'fcos_r101_r50', 'atss_r101_r50']
GFL = ['gfl_r101_r50', 'gfl_r101_r18']
RTMDET = ['rtmdet_l_tiny']
PAIRS = [*ROI, *DENSE, *GFL, *RTMDET]
EXPECTED = dict(
    kd=PAIRS, dkd=PAIRS, gdkd=[*ROI, *GFL], sd_dkd=[*ROI, *DENSE, *GFL]
)
ALL = [(method, pair) for method in EXPECTED for pair in EXPECTED[method]]


@lru_cache(maxsize=None)
def load(folder, name):
    return load_config(str(CONFIGS / folder / f'{name}_coco.py'))


def build(model):
    """Built without weights: only the heads' settings are compared."""
    with DefaultScope.overwrite_default_scope('mmdet'), no_init_weights():
        return MODELS.build(copy.deepcopy(model))


@contextmanager
def no_init_weights():
    """Leave out the random numbers of fresh layers, which cost seconds."""
    names = ('kaiming_uniform_', 'uniform_', 'normal_', 'kaiming_normal_')
    before = {name: getattr(torch.nn.init, name) for name in names}
    for name in names:
        setattr(torch.nn.init, name, lambda tensor, *_, **__: tensor)
    try:
        yield
    finally:
        for name, function in before.items():
            setattr(torch.nn.init, name, function)


@pytest.mark.parametrize('method, pair', ALL)
def test_config_adds_terms_to_its_baseline(method, pair):
    cfg = load(method, pair)
    architecture, _, student = pair.rsplit('_', 2)
    baseline = load('baseline', f'{architecture}_{student}')
    assert cfg.model.student == baseline.model
    for key in ('train_dataloader', 'train_cfg', 'optim_wrapper'):
        assert cfg[key] == baseline[key]
    assert cfg.model.teacher_ckpt == 'auto'
    terms = set(cfg.model.distill)
    assert 'loss_kd' in terms
    boxes = pair in GFL
    assert ('loss_kd_box' in terms) == boxes
    text = (CONFIGS / method / f'{pair}_coco.py').read_text()
    assert text.startswith('#') and len(text.splitlines()) <= 25


@pytest.mark.parametrize('pair', PAIRS)
def test_teacher_and_student_fit_in_every_method(pair):
    distillers = {
        method: build(load(method, pair).model)
        for method in EXPECTED
        if pair in EXPECTED[method]
    }
    first = next(iter(distillers.values()))
    stock = read_model_config(first.teacher.config)
    assert stock.weights.startswith('https')
    teacher = build(stock.model)
    for distiller in distillers.values():
        for term in distiller.terms.values():
            term.reader.check(distiller.student, teacher)
            ours = term.reader.facts(distiller.student)
            assert term.reader.facts(teacher) == ours


def test_every_detection_config_is_tested():
    kinds = {pair.rsplit('_', 2)[0] for pair in PAIRS}
    found = {
        (path.parent.name, path.stem[: -len('_coco')])
        for path in CONFIGS.glob('*/*_coco.py')
        if path.parent.name not in ('_base_', 'baseline', 'demo')
        and any(path.stem.startswith(kind) for kind in kinds)
    }
    assert found == set(ALL)
