"""Every config of docs/teachers.md trains two steps at small size."""

import copy

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope

from mmkd_logit.distillers.self_teacher import EMA, SelfTeacher
from mmkd_logit.distillers.teacher_config import read_model_config
from mmkd_logit.launch import load_config
from mmkd_logit.plan.batches import give_random_weights, training_batch
from mmkd_logit.registry import MODELS
from tests.config_files import quick_bases  # noqa: F401
from tests.pages import ROOT, blocks

BLOCKS = [
    block.text
    for block in blocks()
    if (block.page, block.kind) == ('docs/teachers.md', 'python')
]
CONFIGS = [text for text in BLOCKS if '_base_' in text]


def shrink(model):
    """The same detector with few channels."""
    from tests.toy_detectors import tiny_resnet

    model.backbone = tiny_resnet(8)
    model.neck.update(in_channels=[8, 16, 32, 64], out_channels=32)
    model.bbox_head.update(in_channels=32, feat_channels=32, stacked_convs=1)
    return model


def made_small(config):
    if config.default_scope != 'mmdet':
        return 16
    shrink(config.model.student)
    config.model.teacher = [
        dict(shrink(read_model_config(name).model), _scope_='mmdet')
        for name in config.model.teacher
    ]
    return 64


@pytest.mark.parametrize('text', CONFIGS, ids=range(len(CONFIGS)))
def test_a_config_of_the_page(text, tmp_path, monkeypatch):
    pytest.importorskip('mmdet' if 'mmdet::' in text else 'mmpretrain')
    (tmp_path / 'configs').symlink_to(ROOT / 'configs')
    (tmp_path / 'config.py').write_text(text)
    monkeypatch.chdir(tmp_path)
    config = load_config(str(tmp_path / 'config.py'))
    config.train_dataloader.batch_size = 2
    size = made_small(config)
    give_random_weights(config.model, str(tmp_path))
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope(config.default_scope):
        model = MODELS.build(config.model).train()
        model.init_weights()
        batch, _ = training_batch(config, model.student, size)
        optimizer = build_optim_wrapper(model, config.optim_wrapper)
        for _ in range(2):
            logged = model.train_step(copy.deepcopy(batch), optimizer)
            for teacher in model.teachers:
                if isinstance(teacher, SelfTeacher):
                    teacher.follow()
    for name in config.model.distill:
        assert logged[name].isfinite() and logged[name] > 0, name
    several = isinstance(config.model.get('teacher'), list)
    assert len(model.teachers) == (2 if several else 1)
    if 'teacher_options' in text:
        assert model.teacher.options.dtype == 'bfloat16'


def test_what_ema_is_short_for():
    (text,) = [one for one in BLOCKS if one.startswith('teacher = dict')]
    names = {}
    exec(text, names)
    assert names['teacher'] == EMA


def test_examples_are_the_kinds_that_the_page_tells_of():
    two = load_config(str(ROOT / 'configs/demo/cifar_two_teachers.py')).model
    assert len(two.teacher) == len(two.teacher_ckpt) == 2
    assert two.student.head.loss.loss_weight == 0.1  # as KD's recipe
    ema = load_config(str(ROOT / 'configs/demo/gfl_ema.py'))
    assert ema.model.teacher == 'ema' and ema.custom_hooks[0].end == 100
