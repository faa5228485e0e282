"""Rows of decode heads: pixels and windows of what their loss received."""

import json
import logging

import numpy as np
import pytest
import torch
import torch.nn.functional as F

pytest.importorskip('mmseg')

from mmkd_logit.heads.pixel_rows import channel_rows
from mmkd_logit.heads.seg_logits import SegLogits
from mmkd_logit.heads.upstream.maps import kept_pixels, resize_labels
from mmkd_logit.losses import DKDLoss, GDKDLoss, KDLoss
from mmkd_logit.structures.head_facts import HeadFacts
from mmkd_logit.structures.views import categorical_pair
from tests.toy_segmentors import (
    BCE,
    CE,
    build,
    given_logits,
    head_cfg,
    label_samples,
    read,
    segmentor,
    segmentor_cfg,
)
from tests.toys import seeded

FILES = ('seg_kd', 'seg_dkd', 'seg_gdkd', 'hazard_seg')


def golden(shared, file):
    """Each segmentation case: its entry in the index and its arrays."""
    index = json.loads((shared / 'golden' / 'index.json').read_text())
    arrays = np.load(shared / 'golden' / f'{file}.npz')
    for case in index['cases']:
        if case['file'] == f'{file}.npz':
            yield (
                case,
                {
                    key[len(case['prefix']) :]: torch.from_numpy(arrays[key])
                    for key in arrays
                    if key.startswith(case['prefix'])
                },
            )


def golden_loss(case):
    settings = case['hyperparameters']
    tau = settings['T']
    if case['loss'] == 'seg_kd':
        return KDLoss(tau=tau)
    if case['loss'] == 'seg_dkd':
        return DKDLoss(tau=tau, alpha=settings['alpha'], beta=settings['beta'])
    return GDKDLoss(
        tau=tau, **{name: settings[name] for name in ('k', 'w0', 'w1', 'w2')}
    )


def through_reader(case, arrays, loss):
    """Loss and gradient of a case, as a training step computes them."""
    settings = case['hyperparameters']
    ignore_index = settings['ignore_index']
    if case['loss'] == 'seg_dkd' and ignore_index is None:
        ignore_index = -1  # hard-wired there
    reader = SegLogits(
        resolution='labels' if settings['resize_out'] else 'logits',
        teacher_errors='drop' if settings.get('ignore_incorrect') else 'keep',
    )
    student = arrays['logits_s'].clone().requires_grad_()
    model = given_logits(student.shape[1], ignore_index, align_corners=True)
    _, pairs = read(
        reader, model, model, student, arrays['target'], arrays['logits_t']
    )
    value, parts = loss.with_parts(*pairs[''])
    value.backward()
    return value, parts, student.grad


@pytest.mark.parametrize('file', FILES)
def test_golden_values(file, shared):
    close = dict(rtol=1e-9, atol=1e-12)
    seen = 0
    for case, arrays in golden(shared, file):
        loss = golden_loss(case)
        classes = arrays['logits_s'].shape[1]
        if case['loss'] == 'seg_dkd' and classes < 3:
            # NCKD of two classes is refused; what is left of DKD is TCKD
            loss.min_classes = 2
        if getattr(loss, 'k', 0) >= classes:
            loss.min_classes = classes
        names = (
            ('ref_loss_unclamped', 'ref_grad_s_unclamped'),
            ('ref_loss', 'ref_grad_s'),
            ('loss', 'grad_s'),
        )
        value, parts, grad = through_reader(case, arrays, loss)
        expected = next((pair for pair in names if pair[0] in arrays), None)
        assert value.isfinite() and grad.isfinite().all(), case['id']
        if expected is None:
            continue
        message = f'{case["id"]}: {{}}'.format
        torch.testing.assert_close(
            value, arrays[expected[0]], msg=message, **close
        )
        torch.testing.assert_close(
            grad, arrays[expected[1]], msg=message, **close
        )
        if expected[0] == 'loss':
            for name in set(parts) & set(arrays):
                torch.testing.assert_close(
                    parts[name], arrays[name], msg=message, **close
                )
        seen += 1
    assert seen >= 5


def batch(labels=None, size=(16, 24), count=2, classes=4, ignored=0.2):
    inputs = torch.randn(count, 3, *size, generator=seeded(1))
    if labels is None:
        labels = torch.randint(classes, (count, *size), generator=seeded(2))
        empty = torch.rand(count, *size, generator=seeded(3)) < ignored
        labels[empty] = 255
    return inputs, labels


@pytest.mark.parametrize('size', [(16, 24), (26, 62), (17, 33)])
def test_rows_are_the_logits_that_the_loss_saw(size):
    student, teacher = segmentor(0), segmentor(1)
    inputs, labels = batch(size=size)
    losses, pairs = read(SegLogits(), student.eval(), teacher, inputs, labels)
    pair = pairs['']
    assert set(losses) == {'decode.loss_ce', 'decode.acc_seg'}
    for model, rows in ((student, pair[0]), (teacher, pair[1])):
        torch.testing.assert_close(
            rows.detach(), model(inputs).detach().movedim(1, -1).flatten(0, -2)
        )
    maps = model(inputs)
    small = F.interpolate(labels[:, None].float(), maps.shape[2:]).long()
    kept = small.flatten() != 255
    assert torch.equal(pair.labels[kept], small.flatten()[kept])
    assert torch.equal(pair.weight > 0, kept)
    assert pair.avg_factor == kept.sum()
    assert pair.student_logits.requires_grad
    assert not pair.teacher_logits.requires_grad


def test_weight_zero_is_the_same_as_leaving_pixels_out():
    student, teacher = segmentor(0), segmentor(1)
    inputs, labels = batch()
    _, pairs = read(SegLogits(), student.eval(), teacher, inputs, labels)
    small = resize_labels(labels, (4, 6))
    ours, kept = kept_pixels(student(inputs), small)
    theirs, _ = kept_pixels(teacher(inputs), small)
    loss = DKDLoss(tau=2.0)
    torch.testing.assert_close(loss(*pairs['']), loss(ours, theirs, kept))


def test_at_the_resolution_of_the_labels_the_stock_loss_follows():
    student, teacher = segmentor(0), segmentor(1)
    inputs, labels = batch()
    losses, pairs = read(
        SegLogits(resolution='labels'), student, teacher, inputs, labels
    )
    logits, _, targets, weight, _ = pairs['']
    torch.testing.assert_close(
        F.cross_entropy(logits[weight > 0], targets[weight > 0]),
        losses['decode.loss_ce'],
    )


@pytest.mark.parametrize('align_corners', [False, True])
def test_teacher_with_another_grid_is_resized_and_the_log_says_so(
    align_corners,
):
    student = segmentor(0, stride=4)
    teacher = segmentor(1, stride=2, align_corners=align_corners)
    inputs, labels = batch(size=(18, 30))
    reader = SegLogits()
    from mmengine.logging import MMLogger

    logger = MMLogger.get_current_instance()
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger.addHandler(handler)
    try:
        for _ in range(2):
            _, pairs = read(reader, student, teacher, inputs, labels)
    finally:
        logger.removeHandler(handler)
    expected = F.interpolate(
        teacher(inputs), (5, 8), mode='bilinear', align_corners=align_corners
    )
    torch.testing.assert_close(
        pairs[''].teacher_logits, expected.movedim(1, -1).flatten(0, -2)
    )
    said = [line for line in lines if 'resized' in line]
    assert said == [
        "the teacher's logits, 9 x 15, are resized to the student's 5 x 8"
    ]


@pytest.mark.parametrize('loss', [KDLoss(), DKDLoss(), GDKDLoss(k=2)])
@pytest.mark.parametrize(
    'options', [{}, dict(windows=(1, 2)), dict(share=0.5)], ids=str
)
def test_all_pixels_ignored_is_zero_with_a_gradient(loss, options):
    student, teacher = segmentor(0), segmentor(1)
    inputs, labels = batch(torch.full((2, 16, 24), 255))
    reader = SegLogits(**options)
    losses, pairs = read(reader, student, teacher, inputs, labels)
    value = sum(loss(*pair) for pair in pairs.values())
    assert value.item() == 0
    (value + losses['decode.loss_ce']).backward()
    grad = student.decode_head.conv_seg.weight.grad
    assert grad is not None and not grad.any()


def test_one_ignored_image_leaves_the_others_as_they_are():
    student, teacher = segmentor(0), segmentor(1)
    inputs, labels = batch(ignored=0)
    labels[0] = 255
    _, pairs = read(SegLogits(), student.eval(), teacher, inputs, labels)
    _, alone = read(SegLogits(), student, teacher, inputs[1:], labels[1:])
    loss = DKDLoss()
    torch.testing.assert_close(loss(*pairs['']), loss(*alone['']))


@pytest.mark.parametrize('classes', [19, 150])
def test_class_counts(classes):
    student = segmentor(0, num_classes=classes)
    teacher = segmentor(1, num_classes=classes)
    inputs, labels = batch(classes=1)  # one class present
    _, pairs = read(SegLogits(), student, teacher, inputs, labels)
    value = DKDLoss()(*pairs[''])
    value.backward()
    assert value > 0 and pairs[''].student_logits.shape[1] == classes
    assert SegLogits().facts(student)[:3] == (classes, classes, False)


def binary(seed):
    return segmentor(
        seed, num_classes=2, out_channels=1, threshold=0.5, loss_decode=BCE
    )


def test_binary_head_is_one_sigmoid_class():
    student, teacher = binary(0), binary(1)
    facts = SegLogits().facts(student)
    assert facts[:3] == (2, 1, True)
    inputs, labels = batch(classes=2)
    _, pairs = read(SegLogits(), student.eval(), teacher, inputs, labels)
    pair = pairs['']
    small = resize_labels(labels, (4, 6)).flatten()
    # label 1 is class 0 of the row, label 0 is "no class", which is C = 1
    assert torch.equal(
        pair.labels[small == 1], small.new_zeros((small == 1).sum())
    )
    assert torch.equal(
        pair.labels[small == 0], small.new_ones((small == 0).sum())
    )
    kd, dkd = KDLoss(), DKDLoss(beta=1.0)
    kd.check(facts)
    dkd.check(facts)
    torch.testing.assert_close(kd(*pair), dkd(*pair))
    # one Bernoulli class and two categories are the same
    torch.testing.assert_close(kd(*pair), KDLoss()(*categorical_pair(pair)))


@pytest.mark.parametrize('classes', [1, 2])
def test_one_logit_is_two_classes(classes):
    model = segmentor(
        num_classes=classes, out_channels=1, threshold=0.5, loss_decode=BCE
    )
    assert SegLogits().facts(model) == HeadFacts(2, 1, True)


def test_sigmoid_is_known_from_the_losses_of_the_head():
    focal = dict(type='FocalLoss')
    dice = dict(type='DiceLoss', loss_name='loss_dice')
    for loss, expected in [
        (CE, False),
        (BCE, True),
        (focal, True),
        ([CE, dice], False),
        (dict(type='LovaszLoss', reduction='none'), False),
    ]:
        model = segmentor(0, loss_decode=loss)
        assert SegLogits().facts(model).use_sigmoid is expected, loss


@pytest.mark.parametrize('binary_head', [False, True])
def test_ignored_pixels_can_take_the_class_of_the_teacher(binary_head):
    if binary_head:
        student, teacher = binary(0), binary(1)
    else:
        student, teacher = segmentor(0), segmentor(1)
    inputs, labels = batch(classes=2)
    _, pairs = read(
        SegLogits(ignored='teacher'), student, teacher, inputs, labels
    )
    pair = pairs['']
    small = resize_labels(labels, (4, 6)).flatten()
    maps = teacher(inputs).detach()
    if binary_head:
        theirs, known = (maps[:, 0] <= 0).long().flatten(), 1 - small
    else:
        theirs, known = maps.argmax(1).flatten(), small
    assert (small == 255).any()
    expected = torch.where(small == 255, theirs, known)
    assert torch.equal(pair.labels, expected)
    assert pair.weight is None and pair.avg_factor is None


def test_pixels_can_be_left_out_by_what_the_teacher_says():
    student, teacher = segmentor(0), segmentor(1)
    inputs, labels = batch()
    reader = SegLogits(teacher_errors='drop', min_confidence=0.4)
    _, pairs = read(reader, student, teacher, inputs, labels)
    prob, theirs = teacher(inputs).softmax(1).max(1)
    small = resize_labels(labels, (4, 6))
    expected = (small == theirs) & (prob >= 0.4)
    assert 0 < expected.sum() < (small == theirs).sum()
    assert torch.equal(pairs[''].weight > 0, expected.flatten())
    assert pairs[''].avg_factor == expected.sum()


def test_a_share_of_the_pixels_uses_no_random_numbers_of_the_run():
    student, teacher = segmentor(0, dropout_ratio=0), segmentor(1)
    inputs, labels = batch()
    reader = SegLogits(share=0.25)
    state = torch.get_rng_state()
    _, first = read(reader, student, teacher, inputs, labels)
    _, second = read(reader, student, teacher, inputs, labels)
    assert torch.equal(state, torch.get_rng_state())
    pair = first['']
    assert len(pair.student_logits) == 2 * 6  # a quarter of 2 x 24
    assert not torch.equal(pair.teacher_logits, second[''].teacher_logits)
    everything = {
        tuple(row)
        for row in teacher(inputs).movedim(1, -1).flatten(0, -2).tolist()
    }
    assert {tuple(row) for row in pair.teacher_logits.tolist()} <= everything
    assert pair.weight.all()
    torch.testing.assert_close(pair.avg_factor, torch.tensor(12.0))
    GDKDLoss(k=2)(*pair).backward()
    assert student.backbone.conv.weight.grad.abs().sum() > 0


def test_terms_of_windows_add_up_to_the_mean_over_window_rows():
    from mmkd_logit.heads.sdd.windows import window_rows

    student, teacher = segmentor(0), segmentor(1)
    inputs, labels = batch(ignored=0.5)
    labels[:, :8, :8] = 255  # windows without a labelled pixel
    _, pairs = read(
        SegLogits(windows=(1, 2, 4)), student.eval(), teacher, inputs, labels
    )
    expected = window_rows(
        student(inputs),
        teacher(inputs),
        resize_labels(labels, (4, 6)),
        windows=(1, 2, 4),
    )
    loss = DKDLoss()
    assert list(pairs) == ['', 'window2.', 'window4.']
    assert [len(pair.labels) for pair in pairs.values()] == [48, 12, 4]
    assert 16 < len(expected.labels) < 64
    value = sum(loss(*pair) for pair in pairs.values())
    torch.testing.assert_close(value, loss(*expected))
    ours, theirs = (
        torch.autograd.grad(total, student.decode_head.conv_seg.weight)[0]
        for total in (value, loss(*expected))
    )
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize('count', [1, 2])
def test_auxiliary_heads_are_terms_of_their_own(count):
    student, teacher = (segmentor(s, auxiliary=count) for s in range(2))
    inputs, labels = batch()
    reader = SegLogits(auxiliary_weight=0.4)
    assert reader.prune(teacher) == ()
    losses, pairs = read(reader, student.eval(), teacher, inputs, labels)
    names = ['aux.'] if count == 1 else ['aux_0.', 'aux_1.']
    assert list(pairs) == ['', *names]
    assert {f'{name}loss_ce' for name in names} < set(losses)
    heads = student.auxiliary_head
    head = heads if count == 1 else heads[-1]
    pair, loss = pairs[names[-1]], KDLoss(tau=1.0)
    torch.testing.assert_close(
        pair.student_logits,
        head(student.extract_feat(inputs)).movedim(1, -1).flatten(0, -2),
    )
    torch.testing.assert_close(
        loss(*pair), 0.4 * loss(*pair._replace(weight=pair.weight / 0.4))
    )
    _, pairs = read(SegLogits(), student, teacher, inputs, labels)
    assert list(pairs) == ['']
    assert SegLogits().prune(teacher) == ('auxiliary_head',)


def test_auxiliary_heads_must_be_there_and_correspond():
    one, two, none = (segmentor(0, auxiliary=n) for n in (1, 2, 0))
    reader = SegLogits(auxiliary_weight=0.4)
    with pytest.raises(ValueError, match='has 1 aux.*teacher 2; .*weight=0'):
        reader.check(one, two)
    with pytest.raises(ValueError, match='no auxiliary head'):
        reader.facts(none)


@pytest.mark.parametrize('count', [1, 2])
def test_an_auxiliary_head_with_fewer_classes_is_noticed(count):
    student, teacher = (segmentor(s, auxiliary=count) for s in range(2))
    head = student.auxiliary_head
    head = head if count == 1 else head[-1]
    head.num_classes = 3
    with pytest.raises(ValueError, match='head has 3 classes, its decode'):
        SegLogits().check(student, teacher)
    # boundary heads may have what they like
    head.__class__ = type('STDCHead', (type(head),), {})
    SegLogits().check(student, teacher)


def mirror(inputs, samples):
    """A batch augmentation: images and labels from right to left."""
    for sample in samples:
        labels = sample.gt_sem_seg.data.flip(-1)
        del sample.gt_sem_seg.data
        sample.gt_sem_seg.data = labels
    return inputs.flip(-1), samples


def test_batch_augmentation_of_the_student_reaches_both():
    settings = dict(
        type='mmseg.SegDataPreProcessor',
        mean=[1.0, 2.0, 3.0],
        std=[2.0, 2.0, 2.0],
        size=(16, 24),
    )
    student = segmentor_cfg(dropout_ratio=0)
    student['data_preprocessor'] = dict(settings, batch_augments=mirror)
    distiller = build(
        dict(
            type='mmkd_logit.LogitDistiller',
            student=student,
            teacher=segmentor_cfg(),
            distill=dict(loss_kd=dict(loss=dict(type='mmkd_logit.DKDLoss'))),
        )
    )
    teacher = build({**segmentor_cfg(), 'data_preprocessor': settings}, 1)
    distiller.teacher.model = teacher.eval()
    seen = {}
    distiller.listener = seen.__setitem__
    inputs, labels = batch()
    data = dict(inputs=list(inputs), data_samples=label_samples(labels))
    data = distiller.data_preprocessor(data, True)
    losses = distiller(**data, mode='loss')
    mean = torch.tensor(settings['mean'])[:, None, None]
    mirrored = (inputs.flip(-1) - mean) / 2.0
    pair = seen['loss_kd']
    for model, rows in ((distiller.student, pair[0]), (teacher, pair[1])):
        torch.testing.assert_close(
            rows.detach(),
            model(mirrored).detach().movedim(1, -1).flatten(0, -2),
        )
    small = resize_labels(labels.flip(-1), (4, 6)).flatten()
    kept = small != 255
    assert torch.equal(pair.labels[kept], small[kept])
    stock = distiller.student(
        mirrored, label_samples(labels.flip(-1)), mode='loss'
    )
    torch.testing.assert_close(
        losses['decode.loss_ce'], stock['decode.loss_ce']
    )


def cascade(seed, inner=5):
    cfg = segmentor_cfg(kind='CascadeEncoderDecoder')
    cfg['num_stages'] = 2
    cfg['decode_head'] = [
        head_cfg(),
        head_cfg(
            type='OCRHead', channels=inner, ocr_channels=3, in_channels=6
        ),
    ]
    return build(cfg, seed)


def test_cascades_are_read_at_their_last_stage():
    student, teacher = cascade(0), cascade(1, 7)
    inputs, labels = batch()
    losses, pairs = read(SegLogits(), student.eval(), teacher, inputs, labels)
    assert {'decode_0.loss_ce', 'decode_1.loss_ce'} < set(losses)
    for model, rows in ((student, pairs[''][0]), (teacher, pairs[''][1])):
        torch.testing.assert_close(
            rows, model(inputs).movedim(1, -1).flatten(0, -2)
        )
    # a cascade may learn from a single head
    read(SegLogits(), student, segmentor(1), inputs, labels)


def test_heads_with_several_maps_are_read_at_the_one_they_predict_with():
    plain = segmentor(1)
    inputs, labels = batch()
    for head in (
        dict(type='DAHead', pam_channels=2),
        dict(
            type='EncHead',
            num_codes=3,
            in_channels=[6, 6],
            in_index=[0, 1],
            loss_se_decode=BCE,
        ),
    ):
        student = segmentor(0, **head).eval()
        _, pairs = read(SegLogits(), student, student, inputs, labels)
        expected = student(inputs)[0].movedim(1, -1).flatten(0, -2)
        torch.testing.assert_close(pairs[''].student_logits, expected)
        torch.testing.assert_close(pairs[''].teacher_logits, expected)
        read(SegLogits(), student, plain, inputs, labels)


def test_labels_outside_the_classes_stop_before_the_loss():
    student = segmentor(0)
    inputs, labels = batch()
    labels[0, 0, :3] = torch.tensor([7, 33, 4])
    with pytest.raises(ValueError, match='label maps hold 4, 7, 33, but the'):
        read(SegLogits(), student, segmentor(1), inputs, labels)


class VPDDepthHead(torch.nn.Module):
    """Stands in for the head of that name."""

    __module__ = 'mmseg.models.decode_heads.vpd_depth_head'


def test_heads_without_classes_are_refused():
    model = segmentor(0)
    model.decode_head = VPDDepthHead()
    assert SegLogits.fits(model)
    with pytest.raises(ValueError, match='VPDDepthHead gives depths, not cla'):
        SegLogits().facts(model)
    with pytest.raises(ValueError, match='Linear is no segmentor'):
        SegLogits().facts(torch.nn.Linear(2, 2))


def test_other_classes_are_refused_where_the_reader_needs_them():
    student, teacher = segmentor(0), segmentor(1, num_classes=5)
    SegLogits().check(student, teacher)  # class_map may pick columns
    for options in (
        dict(windows=(1, 2)),
        dict(ignored='teacher'),
        dict(teacher_errors='drop'),
    ):
        with pytest.raises(ValueError, match='4 classes, the teacher 5'):
            SegLogits(**options).check(student, teacher)


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(resolution='image'), "'logits' or 'labels', got 'image'"),
        (dict(ignored='keep'), "'drop' or 'teacher', got 'keep'"),
        (dict(teacher_errors='no'), "'keep' or 'drop', got 'no'"),
        (dict(share=0), r'share must be in \(0, 1\], got 0'),
        (dict(min_confidence=1.0), r'in \[0, 1\), got 1.0'),
        (dict(auxiliary_weight=-1), '>= 0, got -1'),
        (dict(windows=(2, 3)), 'dividing the largest'),
        (dict(windows=(1, 2), share=0.5), 'windows need whole maps'),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        SegLogits(**options)


def test_teacher_runs_once_for_two_terms():
    student, teacher = segmentor(0), segmentor(1)
    inputs, labels = batch()
    calls = []
    forward = teacher.decode_head.forward
    teacher.decode_head.forward = lambda x: calls.append(1) or forward(x)
    from contextlib import ExitStack

    from mmkd_logit.structures.teacher_pass import TeacherPass

    readers, notes = (SegLogits(), SegLogits(windows=(1, 2))), ({}, {})
    samples = label_samples(labels)
    with ExitStack() as stack:
        for reader, note in zip(readers, notes):
            reader.watch(student, note, stack)
        student(inputs, samples, mode='loss')
    seen = TeacherPass(teacher.eval(), lambda: inputs, samples)
    for reader, note in zip(readers, notes):
        reader.pairs(note, seen)
    assert calls == [1]
    assert 'loss_by_feat' not in vars(student.decode_head)


def test_two_branch_heads_are_read_at_the_branch_of_prediction():
    from mmseg.models.decode_heads import DDRHead, PIDHead

    from mmkd_logit.heads.upstream.decode_heads import main_map

    feats = torch.randn(3, 1, 8, 4, 4, generator=seeded(0))
    spatial, context = feats[:2]
    cases = [
        (DDRHead(8, 6, num_classes=4), (spatial[:, :4], context)),
        (PIDHead(8, 6, num_classes=4), (spatial[:, :4], context, context)),
    ]
    for head, inputs in cases:
        head.eval()
        if isinstance(head, PIDHead):
            inputs = (spatial[:, :4], context, spatial[:, :4])
        predicted = head(context)
        head.training = True  # its branches, with the norms of prediction
        maps = head(inputs)
        assert len(maps) == len(inputs)
        assert torch.equal(main_map(head, maps), predicted)


@pytest.mark.parametrize('windows', [(1,), (1, 2)])
def test_mixed_precision_is_close_to_float32(windows):
    student, teacher = segmentor(0, dropout_ratio=0), segmentor(1)
    inputs, labels = batch()
    loss, values = DKDLoss(tau=2.0), []
    for enabled in (False, True):
        with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
            _, pairs = read(
                SegLogits(windows=windows), student, teacher, inputs, labels
            )
            values.append(sum(loss(*pair) for pair in pairs.values()))
        first = pairs[''].student_logits
        assert first.dtype == (torch.bfloat16 if enabled else torch.float32)
    values[1].backward()
    assert student.backbone.conv.weight.grad.isfinite().all()
    assert values[1].dtype == torch.float32
    torch.testing.assert_close(*values, rtol=0.02, atol=0)


def test_rows_of_channels_are_cwd():
    student, teacher = segmentor(0), segmentor(1)
    inputs, labels = batch(ignored=0)
    reader = SegLogits(rows='channel')
    KDLoss().check(reader.facts(student))
    _, pairs = read(reader, student.eval(), teacher, inputs, labels)
    pair = pairs['']
    # the authors: KL of each image and class over pixels, their mean
    p, q = (
        (model(inputs) / 4).flatten(2).log_softmax(2)
        for model in (student, teacher)
    )
    expected = 16 * (q.exp() * (q - p)).sum(2).mean()
    torch.testing.assert_close(KDLoss(tau=4.0)(*pair), expected)
    assert pair.student_logits.shape == (2 * 4, 24) and pair.labels is None
    _, pairs = read(reader, student, student, inputs, labels)
    assert KDLoss()(*pairs['']).item() == pytest.approx(0, abs=1e-6)


def test_channels_leave_ignored_pixels_out():
    student, teacher = segmentor(0), segmentor(1)
    inputs, labels = batch(count=3)
    labels[2] = 255
    reader = SegLogits(rows='channel')
    _, pairs = read(reader, student.eval(), teacher, inputs, labels)
    pair = pairs['']
    kept = resize_labels(labels, (4, 6)) != 255
    rows = []
    for image in range(2):
        ours, theirs = (
            model(inputs)[image].flatten(1)[:, kept[image].flatten()]
            for model in (student, teacher)
        )
        rows.append(KDLoss(reduction='none')(ours, theirs))
    value = KDLoss()(*pair)
    torch.testing.assert_close(value, torch.cat(rows).mean())
    assert pair.avg_factor == 2 * 4
    assert pair.student_logits.isfinite().all()  # or the run would stop
    value.backward()
    assert student.backbone.conv.weight.grad.isfinite().all()
    _, pairs = read(
        SegLogits(rows='channel', ignored='teacher'),
        student,
        teacher,
        inputs,
        labels,
    )
    assert pairs[''].weight is None
    assert pairs[''].student_logits.isfinite().all()


def test_channels_have_no_labels():
    facts = SegLogits(rows='channel').facts(segmentor(0))
    with pytest.raises(ValueError, match='DKDLoss needs the target class of'):
        DKDLoss().check(facts)
    with pytest.raises(ValueError, match="keep them .ignored='teacher'"):
        KDLoss(standardize=True).check(facts)
    whole = SegLogits(rows='channel', ignored='teacher').facts(segmentor(0))
    KDLoss(standardize=True).check(whole)
    with pytest.raises(ValueError, match="rows must be 'pixel' or 'channel'"):
        SegLogits(rows='class')
    with pytest.raises(ValueError, match="remove `windows` or rows='channel'"):
        SegLogits(rows='channel', windows=(1, 2))


def test_official_values_of_cwd(shared):
    folder = shared / 'golden2'
    arrays = np.load(folder / 'cwd.npz')
    index = json.loads((folder / 'index.json').read_text())
    met = 0
    for case in index['cases']:
        if case['file'] != 'cwd.npz':
            continue
        numbers = case['hyperparameters']
        gold = {
            key: torch.from_numpy(np.asarray(arrays[case['prefix'] + key]))
            for key in case['keys']
        }
        student = gold['logits_s'].clone().requires_grad_()
        if student[0, 0].numel() == 1:  # one pixel is refused
            assert gold['loss'] == 0
            continue
        classes = student.shape[1]
        model = given_logits(classes)
        if classes > 1:
            labels = torch.zeros(student[:, 0].shape, dtype=torch.long)
            reader = SegLogits(rows='channel')
            _, pairs = read(
                reader, model, model, student, labels, gold['logits_t']
            )
            pair = pairs['']
        else:
            pair = channel_rows(student, gold['logits_t'])
        loss = KDLoss(
            tau=numbers.get('tau', numbers.get('temperature', 1.0)),
            loss_weight=numbers.get('loss_weight', 1.0),
        )
        value = loss(*pair)
        value.backward()
        close = dict(rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(value, gold['loss'], **close)
        torch.testing.assert_close(student.grad, gold['grad_s'], **close)
        met += 1
    assert met >= 5


def test_a_resumed_run_goes_on_with_its_choice_of_pixels():
    from mmengine.logging import MessageHub

    student, teacher = segmentor(), segmentor(1)
    inputs = torch.randn(2, 3, 32, 32)
    labels = torch.randint(4, (2, 32, 32))
    MessageHub.get_current_instance().update_info('iter', 0)
    reader, rows = SegLogits(share=0.25), []
    for _ in range(3):
        found = read(reader, student, teacher, inputs, labels)[1]
        rows.append(found[''].teacher_logits)
    MessageHub.get_current_instance().update_info('iter', 2)
    found = read(SegLogits(share=0.25), student, teacher, inputs, labels)[1]
    MessageHub.get_current_instance().update_info('iter', 0)
    resumed = found[''].teacher_logits
    assert torch.equal(resumed, rows[2])
    assert not torch.equal(resumed, rows[0])
