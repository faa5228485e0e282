"""Cells of a classifier's last map, and of its patch tokens."""

import pytest
import torch

pytest.importorskip('mmpretrain')

from mmkd_logit.heads import ClsLogits
from mmkd_logit.heads.sdd.cells import pool_cells
from mmkd_logit.losses import DKDLoss
from tests.toy_classifiers import (
    build,
    classifier_cfg,
    images,
    read,
    samples,
    vit_cfg,
)

SDD = (1, 2, 4)


def test_different_strides_and_widths_meet_in_cells():
    student = build(classifier_cfg(channels=5, stride=4))  # 4 x 4 map
    teacher = build(classifier_cfg(channels=9, stride=2), 1)  # 8 x 8 map
    x = images()
    pair, _ = read(
        ClsLogits(scales=SDD), student, teacher, x, samples([0, 1, 2])
    )
    assert pair.student_logits.shape == pair.teacher_logits.shape == (63, 4)
    # 4 divides both sides, so the global cell is the model's own logits
    torch.testing.assert_close(pair.student_logits[::21], student(x))
    torch.testing.assert_close(pair.teacher_logits[::21], teacher(x))
    assert pair.labels.tolist() == [0] * 21 + [1] * 21 + [2] * 21


def test_cells_pass_the_whole_head_one_by_one():
    student = build(classifier_cfg('stacked', stride=4)).eval()
    teacher = build(classifier_cfg('stacked', stride=4), 1)
    x = images()
    pair, _ = read(
        ClsLogits(scales=(1, 2)), student, teacher, x, samples([0, 1, 2])
    )
    cells = pool_cells(student.backbone(x)[-1], (1, 2))
    for cell in range(5):
        torch.testing.assert_close(
            pair.student_logits[cell::5], student.head((cells[..., cell],))
        )


def test_scale_one_is_the_models_own_logits():
    student, teacher = build(classifier_cfg()), build(classifier_cfg(), 1)
    pair, _ = read(
        ClsLogits(scales=(1,)), student, teacher, images(), samples([0, 1, 2])
    )
    assert pair.student_logits.shape == (3, 4) and pair.weight is None


def test_weights_of_the_two_kinds_of_cells():
    student = build(classifier_cfg(stride=2))
    teacher = build(classifier_cfg(stride=2), 3)

    def weights(**settings):
        pair, _ = read(
            ClsLogits(scales=(1, 2, 4), **settings),
            student,
            teacher,
            images(),
            samples([0, 1, 2]),
        )
        return pair.weight.view(3, 21)

    complementary = weights() == 2
    assert complementary.any() and not complementary.all()
    # Table 6 of the paper: either kind alone; the whole image stays
    alone = weights(consistent_weight=0.0)
    assert torch.equal(alone == 2, complementary)
    assert (alone[:, 0] == 1).all() and (alone[:, 1:] != 1).all()
    others = weights(complementary_weight=0.0)
    assert torch.equal(others == 0, complementary)
    with pytest.raises(ValueError, match='consistent_weight must be .* -1'):
        ClsLogits(scales=(1, 2), consistent_weight=-1)


@pytest.mark.parametrize('head', ['stacked', 'vig'])
def test_cells_use_no_random_numbers_and_move_no_statistics(head):
    def after(reader):
        student = build(classifier_cfg(head))
        teacher = build(classifier_cfg(head), 1)
        torch.manual_seed(3)
        _, losses = read(
            reader, student, teacher, images(), samples([0, 1, 2])
        )
        assert student.head.training
        return student.state_dict(), losses['loss'], torch.rand(1)

    plain, cells = after(ClsLogits()), after(ClsLogits(scales=SDD))
    assert all(torch.equal(plain[0][k], cells[0][k]) for k in plain[0])
    assert torch.equal(plain[1], cells[1]) and torch.equal(plain[2], cells[2])


def test_cells_under_autocast_meet_the_loss_in_float32():
    student, teacher = build(classifier_cfg()), build(classifier_cfg(), 1)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        pair, _ = read(
            ClsLogits(scales=SDD),
            student,
            teacher,
            images(),
            samples([0, 1, 2]),
        )
        loss = DKDLoss()(*pair)
    assert pair.student_logits.dtype == torch.bfloat16
    assert loss.dtype == torch.float32 and loss > 0
    loss.backward()
    assert student.backbone.conv.weight.grad.isfinite().all()


SWIN = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(
        type='SwinTransformer',
        arch=dict(embed_dims=8, depths=[1, 1], num_heads=[1, 2]),
        img_size=32,
        patch_size=4,
        window_size=2,
        out_indices=(1,),
        drop_path_rate=0.0,
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=4, in_channels=16),
)


@pytest.mark.parametrize(
    'config',
    [
        SWIN,
        vit_cfg(out_type='featmap', neck=dict(type='GlobalAveragePooling')),
        vit_cfg(out_type='avg_featmap'),
        vit_cfg(out_type='avg_featmap', type='BEiTViT', img_size=32),
    ],
    ids=['swin', 'vit featmap', 'vit avg_featmap', 'beit'],
)
def test_patch_tokens_are_cells(config):
    student, teacher = build(config).eval(), build(config, 1)
    x = images(side=32)
    reader, data = ClsLogits(scales=(1, 2, 4)), samples([0, 1, 2])
    pair, _ = read(reader, student, teacher, x, data)
    assert pair.student_logits.shape == (3 * 21, 4)
    # the mean of the whole 4 x 4 map is what the model itself reads
    for model, logits in zip(
        (student, teacher), (pair.student_logits, pair.teacher_logits)
    ):
        torch.testing.assert_close(
            logits[::21], model(x), rtol=1e-4, atol=1e-5
        )
    # one of the finest cells is one token
    backbone, head = student.backbone, student.head
    tokens = _patch_tokens(backbone, x)[:, 6]
    if getattr(backbone, 'out_type', '') == 'avg_featmap':
        tokens = backbone.ln2(tokens)
    torch.testing.assert_close(
        pair.student_logits[5 + 6 :: 21], head((tokens,))
    )
    DKDLoss()(*pair).backward()
    assert any(
        parameter.grad is not None and parameter.grad.abs().sum() > 0
        for parameter in backbone.patch_embed.parameters()
    )
    pair, _ = read(reader, student, student, x, data)
    assert DKDLoss()(*pair).item() == pytest.approx(0, abs=1e-6)


def _patch_tokens(backbone, x):
    """Tokens (B, 16, C) after the last norm, the class token left out."""
    if hasattr(backbone, 'stages'):
        return backbone(x)[-1].flatten(2).transpose(1, 2)
    seen = []
    # the last norm of ViT; of BEiT the last layer, whose norm is after it
    last = backbone.ln1 if backbone.final_norm else backbone.layers[-1]
    handle = last.register_forward_hook(lambda *args: seen.append(args[-1]))
    backbone(x)
    handle.remove()
    return seen[-1][:, backbone.num_extra_tokens :]


@pytest.mark.parametrize(
    'config, message',
    [
        (vit_cfg(), "out_type='cls_token' lets VisionT.*'avg_featmap', or ou"),
        (vit_cfg('DeiTClsHead'), 'a class and a distillation token; take Vis'),
        (vit_cfg(out_type='raw'), "out_type='raw' lets VisionTransformerCls"),
    ],
)
def test_networks_without_a_map_are_refused_before_training(config, message):
    model = build(config)
    with pytest.raises(ValueError, match=message):
        ClsLogits(scales=SDD).facts(model)
    assert ClsLogits().facts(model).num_classes == 4


def test_other_ways_to_average_tokens_are_refused():
    model = build(vit_cfg(out_type='avg_featmap'))
    model.backbone._format_output = lambda x: x.mean(1)
    with pytest.raises(ValueError, match='in a way that is not known; take o'):
        ClsLogits(scales=SDD).facts(model)


def test_a_backbone_that_gives_vectors_is_named():
    student, teacher = build(classifier_cfg()), build(classifier_cfg(), 1)
    student.backbone.forward = lambda x: (x[:, :1, :1, :5].flatten(1),)
    student.neck = None
    with pytest.raises(ValueError, match=r'ToyBackbone gives \(3, 5\)'):
        read(
            ClsLogits(scales=SDD),
            student,
            teacher,
            images(),
            samples([0, 1, 2]),
        )


@pytest.mark.parametrize(
    'side,scales,pool,fits',
    [
        (2, (1, 2, 4), 'nested', True),  # as MobileNetV2 on CIFAR-100
        (2, (1, 2, 4), 'direct', False),
        (1, (1, 2), 'nested', False),
        (4, (1, 2, 8), 'direct', False),
        (3, (1, 3), 'direct', True),
    ],
)
def test_scales_larger_than_the_map(side, scales, pool, fits):
    models = [build(classifier_cfg(stride=4), seed) for seed in (0, 1)]
    args = (*models, images(side=4 * side), samples([0, 1, 2]))
    reader = ClsLogits(scales=scales, pool=pool)
    if fits:
        read(reader, *args)
    else:
        message = f'has {side} x {side} positions, too few for'
        with pytest.raises(ValueError, match=message):
            read(reader, *args)
