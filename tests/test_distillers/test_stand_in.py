"""Optimizers, pruning and summaries meet the student's own names."""

import copy

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS, DefaultScope
from torch import nn

from mmkd_logit.registry import MODELS
from tests.toys import ToyModel, distiller_config

MULTIPLIERS = dict(
    custom_keys={
        'backbone.layers.0': dict(lr_mult=0.1),
        'backbone': dict(lr_mult=0.5, decay_mult=0.9),
        '.cls_token': dict(decay_mult=0.0),
    },
    norm_decay_mult=0.0,
    bias_lr_mult=2.0,
    flat_decay_mult=0.3,
)
CONVNEXT = dict(
    type='mmpretrain.ConvNeXt',
    arch=dict(depths=[1, 1, 4, 1], channels=[4, 4, 4, 4]),
    out_indices=[0, 1, 2, 3],
    gap_before_final_norm=False,
)


def vit():
    from tests.toy_classifiers import vit_cfg

    return vit_cfg()


def detector():
    from tests.toy_detectors import detector_cfg

    cfg = detector_cfg('retina')
    cfg['backbone'] = CONVNEXT
    cfg['neck'].update(in_channels=[4] * 4)
    return cfg


def segmentor(backbone):
    from tests.toy_segmentors import segmentor_cfg

    cfg = segmentor_cfg(channels=4)
    cfg['backbone'] = backbone
    return cfg


def beit():
    return segmentor(
        dict(
            type='BEiT',
            img_size=16,
            patch_size=8,
            embed_dims=4,
            num_layers=3,
            num_heads=2,
            mlp_ratio=1,
            out_indices=(0, 2),
        )
    )


def convnext():
    return segmentor(CONVNEXT)


LAYERS = dict(num_layers=3, decay_rate=0.5, decay_type='layer_wise')
STAGES = dict(num_layers=4, decay_rate=0.5, decay_type='stage_wise')
OLD_LAYERS = dict(num_layers=3, layer_decay_rate=0.5)
_VIT_DECAY = dict(layer_decay_rate=0.5, norm_decay_mult=0.0)
#: (toolbox, its constructor, paramwise_cfg, student)
CASES = [
    ('mmpretrain', 'DefaultOptimWrapperConstructor', MULTIPLIERS, vit),
    (
        'mmpretrain',
        'LearningRateDecayOptimWrapperConstructor',
        _VIT_DECAY,
        vit,
    ),
    ('mmdet', 'DefaultOptimWrapperConstructor', MULTIPLIERS, detector),
    ('mmdet', 'LearningRateDecayOptimizerConstructor', LAYERS, detector),
    ('mmdet', 'LearningRateDecayOptimizerConstructor', STAGES, detector),
    ('mmseg', 'DefaultOptimWrapperConstructor', MULTIPLIERS, beit),
    ('mmseg', 'LearningRateDecayOptimizerConstructor', LAYERS, beit),
    ('mmseg', 'LearningRateDecayOptimizerConstructor', STAGES, convnext),
    ('mmseg', 'LayerDecayOptimizerConstructor', OLD_LAYERS, beit),
    ('mmseg', 'ForceDefaultOptimWrapperConstructor', MULTIPLIERS, beit),
]


def groups(model, scope, constructor, paramwise):
    """Settings of each group, its parameters by their names."""
    optim_wrapper = dict(
        optimizer=dict(type='AdamW', lr=0.01, weight_decay=0.05),
        constructor=f'{scope}.{constructor}'
        if scope in OPTIM_WRAPPER_CONSTRUCTORS.children
        and constructor
        in OPTIM_WRAPPER_CONSTRUCTORS.children[scope].module_dict
        else constructor,
        paramwise_cfg=copy.deepcopy(paramwise),
    )
    wrapper = build_optim_wrapper(model, optim_wrapper)
    names = {id(p): name for name, p in model.named_parameters()}
    return [
        {**group, 'params': [names[id(p)] for p in group['params']]}
        for group in wrapper.optimizer.param_groups
    ]


@pytest.mark.filterwarnings('ignore::UserWarning')
@pytest.mark.parametrize('case', CASES, ids=lambda case: '-'.join(case[:2]))
def test_groups_equal_those_of_the_student_alone(case):
    scope, constructor, paramwise, make = case
    pytest.importorskip(scope)
    if make in (detector, convnext):
        pytest.importorskip('mmpretrain')
    __import__(f'{scope}.engine')
    cfg = make()
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope(scope):
        plain = MODELS.build(copy.deepcopy(cfg))
        distilled = MODELS.build(
            dict(
                type='mmkd_logit.LogitDistiller',
                student=dict(cfg, _scope_=scope),
                distill=dict(
                    loss_kd=dict(
                        loss=dict(
                            type='mmkd_logit.KDLoss',
                            use_sigmoid=scope == 'mmdet',
                        )
                    )
                ),
            )
        )
        ours = groups(distilled, scope, constructor, paramwise)
        theirs = groups(plain, scope, constructor, paramwise)
    assert len({group['lr'] for group in theirs}) > 1  # names do matter
    assert ours == theirs


@pytest.mark.parametrize('scope', ['mmpretrain', 'mmdet', 'mmseg'])
def test_every_constructor_of_a_toolbox_has_a_case(scope):
    pytest.importorskip(scope)
    __import__(f'{scope}.engine')
    stock = OPTIM_WRAPPER_CONSTRUCTORS.children[scope].module_dict
    assert set(stock) <= {case[1] for case in CASES if case[0] == scope}


def pair():
    return MODELS.build(distiller_config('none.pth')), ToyModel()


@pytest.mark.parametrize(
    'names',
    [
        lambda m: [name for name, _ in m.named_parameters()],
        lambda m: [name for name, _ in m.named_buffers()],
        lambda m: [name for name, _ in m.named_modules()],
        lambda m: [name for name, _ in m.named_children()],
        lambda m: list(m.state_dict()),
        lambda m: list(m.state_dict()._metadata.items()),
        lambda m: list(dict(copy.deepcopy(m).named_parameters())),
    ],
)
def test_every_way_to_ask_for_names_gives_the_students(names):
    ours, theirs = pair()
    assert names(ours) == names(theirs)


def test_parts_are_found_and_exchanged_by_the_students_names():
    model, _ = pair()
    assert model.get_submodule('conv') is model.student.conv
    assert model.get_parameter('conv.weight') is model.student.conv.weight
    model.norm = nn.SyncBatchNorm(4)  # as conversions and pruning do it
    assert model.student.norm is model.norm
    model.norm_eval = True  # an attribute of the student
    assert model.student.norm_eval and 'norm_eval' not in vars(model)
    other = copy.deepcopy(model)
    assert other.student.conv is other.conv is not model.conv
    with pytest.raises(AttributeError, match='cannot be exchanged'):
        model.student = ToyModel()


def test_the_student_decides_what_train_means():
    model, _ = pair()
    model.student.norm_eval = True
    model.train()
    assert model.training and model.student.training
    assert not model.norm.training
    model.eval()
    assert not model.student.training


def test_students_own_hooks_of_state_dicts_run():
    model, student = pair()
    seen = []
    student = model.student
    student._register_state_dict_hook(lambda *args: seen.append('saved'))
    student._register_load_state_dict_pre_hook(
        lambda *args: seen.append('loaded')
    )
    model.load_state_dict(model.state_dict())
    assert seen == ['saved', 'loaded']
