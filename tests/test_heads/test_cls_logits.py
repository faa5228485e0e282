"""Rows of classifiers are the logits that the stock loss received."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

pytest.importorskip('mmpretrain')

from mmkd_logit.heads.__init__ import ClsLogits  # noqa: E402
from mmkd_logit.heads.find import find_reader  # noqa: E402
from mmkd_logit.heads.sdd.cells import pool_cells  # noqa: E402
from mmkd_logit.losses import DKDLoss, KDLoss  # noqa: E402
from mmkd_logit.registry import MODELS  # noqa: E402
from mmkd_logit.structures.teacher_pass import TeacherPass
from tests.toy_classifiers import (  # noqa: E402
    build,
    classifier_cfg,
    images,
    read,
    samples,
    vit_cfg,
)

SDD = (1, 2, 4)


@pytest.mark.parametrize('head', ['linear', 'stacked', 'vig'])
def test_rows_give_the_stock_loss_and_the_teachers_logits(head):
    student = build(classifier_cfg(head))
    teacher = build(classifier_cfg('linear', channels=8, stride=4), 1)
    x = images()
    pair, losses = read(
        find_reader(student), student, teacher, x, samples([2, 0, 3])
    )
    torch.testing.assert_close(
        F.cross_entropy(pair.student_logits, pair.labels), losses['loss']
    )
    assert torch.equal(pair.teacher_logits, teacher(x))
    assert pair.labels.tolist() == [2, 0, 3]
    assert pair.weight is None and pair.avg_factor is None
    assert pair.student_logits.requires_grad
    assert not pair.teacher_logits.requires_grad


def test_mixed_labels_count_as_their_largest_part():
    student, teacher = build(classifier_cfg()), build(classifier_cfg(), 1)
    scores = [[0.1, 0.6, 0.3, 0.0], [0.0, 0.0, 0.2, 0.8], [0.7, 0.3, 0.0, 0.0]]
    pair, losses = read(
        ClsLogits(), student, teacher, images(), samples([0, 0, 0], scores)
    )
    assert pair.labels.tolist() == [1, 3, 0]
    # the student's own loss keeps the soft label
    log_prob = pair.student_logits.log_softmax(1)
    torch.testing.assert_close(
        losses['loss'], -(torch.tensor(scores) * log_prob).sum(1).mean()
    )


@pytest.mark.parametrize('mix', ['Mixup', 'CutMix'])
def test_the_teacher_sees_the_mixed_image(mix):
    seen = []
    config = classifier_cfg(
        train_cfg=dict(augments=dict(type=mix, alpha=1.0)),
        data_preprocessor=dict(num_classes=4),
    )
    distiller = MODELS.build(
        dict(
            type='mmkd_logit.LogitDistiller',
            student=build(config),
            distill=dict(loss_kd=dict(loss=dict(type='mmkd_logit.DKDLoss'))),
        )
    )
    teacher = build(classifier_cfg(), 1).eval()
    teacher.backbone.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    distiller.teacher.model = teacher
    raw = images()
    batch = dict(inputs=list(raw), data_samples=samples([0, 1, 2]))
    batch = distiller.data_preprocessor(batch, True)
    distiller(**batch, mode='loss')['loss_kd'].backward()
    assert torch.equal(seen[0], batch['inputs'])
    assert not torch.allclose(seen[0], raw)


@pytest.mark.parametrize('head', ['VisionTransformerClsHead', 'DeiTClsHead'])
@pytest.mark.filterwarnings('ignore:MMPretrain cannot train')
def test_transformers_are_read_through_their_head(head):
    student, teacher = build(vit_cfg(head)), build(vit_cfg(head), 1)
    x = images()
    pair, losses = read(ClsLogits(), student, teacher, x, samples([1, 2, 3]))
    torch.testing.assert_close(
        F.cross_entropy(pair.student_logits, pair.labels), losses['loss']
    )
    torch.testing.assert_close(pair.teacher_logits, teacher(x))


def test_a_distilled_deit_learns_in_both_of_its_heads():
    # MMPretrain gives the mean of both heads and warns that it has no
    # teacher for the second one; here the term's gradient reaches both alike
    student, teacher = build(vit_cfg('DeiTClsHead')), build(vit_cfg(), 1)
    with pytest.warns(UserWarning, match='MMPretrain cannot train'):
        pair, _ = read(
            ClsLogits(), student, teacher, images(), samples([0, 1, 2])
        )
    KDLoss(tau=2.0)(*pair).backward()
    layers = student.head.layers
    assert layers.head.bias.grad.abs().sum() > 0
    torch.testing.assert_close(
        layers.head_dist.bias.grad, layers.head.bias.grad
    )


def test_two_outputs_count_with_their_sum_as_in_prediction():
    from mmpretrain.models.heads import ConformerHead

    class Tokens(torch.nn.Module):
        def forward(self, x):
            return ([x.mean((2, 3)), x.amax((2, 3))],)

    models = []
    for seed in (0, 1):
        model = build(classifier_cfg(), seed)
        model.backbone, model.neck = Tokens(), None
        torch.manual_seed(seed)
        model.head = ConformerHead(4, [3, 3], init_cfg=None)
        models.append(model)
    x = images()
    pair, _ = read(ClsLogits(), *models, x, samples([0, 1, 2]))
    for model, logits in zip(
        models, (pair.student_logits, pair.teacher_logits)
    ):
        predicted = model.predict(x)
        torch.testing.assert_close(
            logits.softmax(1), torch.stack([p.pred_score for p in predicted])
        )


# ------------------------------------------------------- several labels


def test_several_labels_make_rows_that_weigh_one_image_together():
    student = build(classifier_cfg('multi_label'))
    teacher = build(classifier_cfg('multi_label'), 1)
    x, data = images(), samples([[0, 3], [], [1]])
    reader = find_reader(student)
    assert reader.facts(student).use_sigmoid
    pair, _ = read(reader, student, teacher, x, data)
    # image 0 twice, image 1 with "no class" = 4, image 2
    assert pair.labels.tolist() == [0, 3, 4, 1]
    assert pair.weight.tolist() == [0.5, 0.5, 1.0, 1.0]
    plain = KDLoss(tau=2.0, use_sigmoid=True)
    torch.testing.assert_close(plain(*pair), plain(student(x), teacher(x)))
    same = DKDLoss(tau=2.0, alpha=1.0, beta=1.0, use_sigmoid=True)
    torch.testing.assert_close(same(*pair), plain(*pair))
    pair, _ = read(
        ClsLogits(scales=(1, 2), pool='direct'), student, teacher, x, data
    )
    assert pair.labels.tolist() == [0] * 5 + [3] * 5 + [4] * 5 + [1] * 5
    assert pair.avg_factor == 3 * 5
    torch.testing.assert_close(
        pair.student_logits[10], student(x)[1], rtol=1e-5, atol=1e-6
    )


def test_several_labels_as_scores_are_the_same_rows():
    student = build(classifier_cfg('multi_label'))
    teacher = build(classifier_cfg('multi_label'), 1)
    scores = [[1, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]]
    pair, _ = read(
        ClsLogits(), student, teacher, images(), samples([[0]] * 3, scores)
    )
    assert pair.labels.tolist() == [0, 3, 4, 1]


# ------------------------------------------------------- scale decoupling


def official_cases(shared):
    index = json.loads((shared / 'golden' / 'index.json').read_text())
    for case in index['cases']:
        keys = case['keys']
        if case['file'] in ('sdd_kd.npz', 'sdd_dkd.npz') and (
            'grad_feat_s' in keys and 'patch_logits_s' in keys
        ):
            yield case


def sdd_loss(case):
    numbers = case['hyperparameters']
    if case['loss'] == 'sdd_kd':
        return KDLoss(tau=numbers['temperature'])
    return DKDLoss(
        tau=numbers['temperature'],
        alpha=numbers['alpha'],
        beta=numbers['beta'],
    )


def identity_classifier(weight, bias):
    classes, channels = weight.shape
    model = build(
        classifier_cfg(channels=channels, stride=0, num_classes=classes)
    ).double()
    model.head.fc.weight.data = torch.from_numpy(weight)
    model.head.fc.bias.data = torch.from_numpy(bias)
    return model


def test_official_values_and_gradients_through_real_classifiers(shared):
    met = 0
    for case in official_cases(shared):
        file = np.load(shared / 'golden' / case['file'])
        gold = {key: file[case['prefix'] + key] for key in case['keys']}
        scales = tuple(json.loads(case['hyperparameters']['M']))
        if case['loss'] == 'sdd_dkd' and len(gold['bias_s']) < 3:
            continue  # refused: DKD says nothing about two classes
        student = identity_classifier(gold['weight_s'], gold['bias_s'])
        teacher = identity_classifier(gold['weight_t'], gold['bias_t'])
        maps = torch.from_numpy(gold['feat_s']).requires_grad_()
        reader, notes = ClsLogits(scales=scales), {}
        reader.facts(student)
        notes.update(
            student=student,
            maps=(maps,),
            logits=student.head.fc(maps.mean((2, 3))),
        )
        look = _Look(teacher, torch.from_numpy(gold['feat_t']))
        look.data_samples = samples(gold['target'].tolist())
        pair = reader.pairs(notes, look)['']
        loss = sdd_loss(case)(*pair)
        np.testing.assert_allclose(
            loss.item(), gold['loss'], rtol=1e-9, err_msg=case['id']
        )
        loss.backward()
        for ours, key in (
            (maps, 'grad_feat_s'),
            (student.head.fc.weight, 'grad_weight_s'),
            (student.head.fc.bias, 'grad_bias_s'),
        ):
            np.testing.assert_allclose(
                ours.grad, gold[key], rtol=1e-8, atol=1e-12
            )
        met += 1
    assert met == 15


class _Look(TeacherPass):
    """A teacher's pass whose backbone map is given."""

    def __init__(self, model, maps):
        super().__init__(model.eval(), lambda: maps, None)


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


# ------------------------------------------------------- DeiT


@pytest.mark.parametrize('token, layer', [('cls', 0), ('dist', 1)])
@pytest.mark.filterwarnings('ignore:MMPretrain cannot train')
def test_each_head_of_a_deit_has_a_teacher(token, layer):
    student = build(vit_cfg('DeiTClsHead'))
    x, data = images(), samples([0, 1, 2])
    reader = ClsLogits(token=token)

    def own(model):
        names = ('head', 'head_dist')
        state = model.extract_feat(x)[-1][layer]
        return getattr(model.head.layers, names[layer])(state)

    for teacher in (
        build(vit_cfg('DeiTClsHead'), 1),
        build(vit_cfg(), 1),
        build(classifier_cfg(), 1),
    ):
        reader.check(student, teacher)
        pair, _ = read(reader, student, teacher, x, data)
        torch.testing.assert_close(pair.student_logits, own(student))
        deit = type(teacher.head).__name__ == 'DeiTClsHead'
        expected = own(teacher) if deit else teacher(x)
        torch.testing.assert_close(pair.teacher_logits, expected)
    KDLoss()(*pair).backward()
    layers = student.head.layers
    reached = [
        part.weight.grad is not None
        for part in (layers.head, layers.head_dist)
    ]
    assert reached == [layer == 0, layer == 1]
    pair, _ = read(reader, student, student, x, data)
    assert KDLoss()(*pair).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.filterwarnings('ignore:MMPretrain cannot train')
def test_hard_distillation_is_the_cross_entropy_with_the_teachers_class():
    student = build(vit_cfg('DeiTClsHead'))
    teacher = build(classifier_cfg(), 1)
    x = images()
    reader = ClsLogits(token='dist', hard=True)
    reader.check(student, teacher)
    pair, _ = read(reader, student, teacher, x, samples([0, 1, 2]))
    logits = pair.student_logits
    expected = F.cross_entropy(logits, teacher(x).argmax(1))
    value = KDLoss(tau=1.0)(*pair)
    torch.testing.assert_close(value, expected)
    grads = [
        torch.autograd.grad(one, logits, retain_graph=True)[0]
        for one in (value, expected)
    ]
    torch.testing.assert_close(*grads)
    assert pair.labels.tolist() == [0, 1, 2]


def test_hard_cells_keep_the_class_of_each_cell():
    student, teacher = build(classifier_cfg()), build(classifier_cfg(), 1)
    args = (student, teacher, images(), samples([0, 1, 2]))
    soft, _ = read(ClsLogits(scales=(1, 2)), *args)
    hard, _ = read(ClsLogits(scales=(1, 2), hard=True), *args)
    assert torch.equal(
        hard.teacher_logits.softmax(1),
        F.one_hot(soft.teacher_logits.argmax(1), 4).float(),
    )
    assert torch.equal(hard.weight, soft.weight)


def test_options_of_deit_are_checked():
    plain = build(classifier_cfg())
    with pytest.raises(ValueError, match="'cls' or 'dist'.*got 'patch'"):
        ClsLogits(token='patch')
    with pytest.raises(ValueError, match="student's head is LinearClsHead"):
        ClsLogits(token='dist').check(plain, plain)
    with pytest.raises(ValueError, match='LinearClsHead has several'):
        ClsLogits(hard=True).facts(build(classifier_cfg('multi_label')))
    other = build(classifier_cfg(num_classes=5))
    with pytest.raises(ValueError, match="student's 4 classes.*has 5"):
        ClsLogits(hard=True).check(plain, other)


# ------------------------------------------------------- mistakes


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


def test_unknown_settings_are_refused():
    with pytest.raises(ValueError, match='1, the global cell'):
        ClsLogits(scales=(2, 4))
    with pytest.raises(ValueError, match="'label'.*or 'teacher'"):
        ClsLogits(reference='global')


def test_heads_that_cannot_be_compared_say_why():
    model = build(classifier_cfg())
    with_margin = MODELS.build(
        dict(type='mmpretrain.ArcFaceClsHead', num_classes=4, in_channels=5)
    )
    model.head = with_margin
    with pytest.raises(ValueError, match='ArcFaceClsHead adds a margin'):
        ClsLogits().facts(model)
    model.head = MODELS.build(dict(type='mmpretrain.ClsHead'))
    with pytest.raises(ValueError, match='no classification layer'):
        ClsLogits().facts(model)
    with pytest.raises(ValueError, match='Linear has no .head.; class'):
        ClsLogits().facts(torch.nn.Linear(2, 2))


def test_classes_are_counted_where_the_head_does_not_say():
    assert ClsLogits().facts(build(classifier_cfg('vig'))).num_classes == 4
    model = build(classifier_cfg())
    model.neck = None
    model.head = MODELS.build(
        dict(
            type='mmpretrain.CSRAClsHead',
            num_classes=6,
            in_channels=5,
            num_heads=1,
            lam=0.1,
        )
    )
    facts = ClsLogits().facts(model)
    assert facts.num_classes == 6 and facts.use_sigmoid
