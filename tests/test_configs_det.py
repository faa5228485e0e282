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
RTMDET = ['rtmdet_l_tiny', 'rtmdet-ins_l_tiny']
OTHER_PAIRS = ['yolox_l_tiny', 'dino_r50_r18', 'sparse_rcnn_r101_r50']
PAIRS = [*ROI, *DENSE, *GFL, *RTMDET, *OTHER_PAIRS]
#: Pairs that every method has; queries have no windows.
MAIN = ['faster_rcnn_r101_r18', 'retinanet_r101_r50', 'gfl_r101_r18']
OTHERS = 'nkd topkd ldrld ls_kd ls_dkd'.split()
EXPECTED = dict(
    kd=PAIRS,
    dkd=PAIRS,
    gdkd=[*ROI, *GFL, 'retinanet_r101_r50', 'dino_r50_r18'],
    gdkd3=[*ROI, *MAIN[1:], 'dino_r50_r18'],
    sd_dkd=[*ROI, *DENSE, *GFL],
    sd_kd=MAIN,
    sd_nkd=MAIN,
    dist=MAIN[:2],
    **{method: [*MAIN, 'dino_r50_r18'] for method in OTHERS},
)
ALL = [(method, pair) for method in EXPECTED for pair in EXPECTED[method]]
CROSSED = ['retinanet_r101_r50', 'fcos_r101_r50', 'atss_r101_r50', *GFL]
ALL += [('kd', f'{pair}_coco_crosskd') for pair in CROSSED]


@lru_cache(maxsize=None)
def load(folder, name):
    name = name if '_coco' in name else f'{name}_coco'
    return load_config(str(CONFIGS / folder / f'{name}.py'))


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
    crossed = pair.endswith('_crosskd')
    pair = pair.partition('_coco')[0]
    architecture, _, student = pair.rsplit('_', 2)
    baseline = load('baseline', f'{architecture}_{student}')
    assert cfg.model.student == baseline.model
    keys = {'train_dataloader', 'train_cfg', 'optim_wrapper'}
    if crossed and pair == 'retinanet_r101_r50':  # trained twice as long
        keys.remove('train_cfg')
        assert cfg.train_cfg.max_epochs == 24
    for key in keys:
        assert cfg[key] == baseline[key]
    assert cfg.model.teacher_ckpt == 'auto'
    terms = set(cfg.model.distill)
    assert 'loss_kd' in terms
    boxes = pair in GFL
    assert ('loss_kd_box' in terms) == boxes


@pytest.mark.parametrize('pair', PAIRS)
def test_teacher_and_student_fit_in_every_method(pair):
    configs = {
        (method, name): load(method, name).model
        for method, name in ALL
        if name.partition('_coco')[0] == pair
    }
    first = next(iter(configs.values()))
    student = build(first.student)
    stock = read_model_config(first.teacher)
    assert stock.weights.startswith('https')
    teacher = build(stock.model)
    for config in configs.values():
        distiller = build({**config, 'student': student})
        for term in distiller.terms.values():
            term.reader.check(distiller.student, teacher)
            assert term.reader.facts(teacher) == term.reader.facts(student)


def test_settings_of_the_methods():
    def loss(method, pair, term='loss_kd'):
        return load(method, pair).model.distill[term].loss

    settings = loss('gdkd3', 'faster_rcnn_r101_r18')  # as its authors run it
    assert (settings.k, settings.w0, settings.w2) == (2, 1.0, 0.25)
    assert loss('dkd', 'yolox_l_tiny').beta == 0.25
    assert loss('topkd', 'retinanet_r101_r50').contrastive_weight == 0
    assert loss('kd', 'gfl_r101_r18_coco_crosskd', 'loss_kd_box').tau == 1.0
    assert loss('kd', 'fcos_r101_r50_coco_crosskd').loss_weight == 0.4
    assert 'use_sigmoid' not in loss('dkd', 'retinanet_r101_r50')


def test_every_detection_config_is_tested():
    found = {
        (path.parent.name, path.stem.removesuffix('_coco'))
        for path in CONFIGS.glob('*/*_coco*.py')
        if path.parent.name not in ('_base_', 'baseline', 'demo')
    }
    assert found == set(ALL)
