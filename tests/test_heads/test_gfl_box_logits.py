"""Box distributions: what the student's distribution focal loss received."""

import os
from contextlib import ExitStack

import pytest
import torch
import torch.distributed as dist

pytest.importorskip('mmdet')

from mmkd_logit.heads.dense_cls_logits import DenseClsLogits
from mmkd_logit.heads.gfl_box_logits import GFLBoxLogits
from mmkd_logit.heads.upstream.dense_heads import largest_prob
from mmkd_logit.heads.upstream.observe import observe
from mmkd_logit.losses import DKDLoss, KDLoss
from tests.toy_detectors import (
    BATCHES,
    Pass,
    build_detector,
    detection_batch,
    detector,
    detector_cfg,
    read,
    total,
)


@pytest.mark.parametrize('batch', sorted(BATCHES))
def test_stock_distribution_loss_follows_from_the_rows(batch):
    student = detector('gfl')
    inputs, samples = detection_batch(student, **BATCHES[batch])
    targets = []
    with ExitStack() as stack:
        stack.enter_context(
            observe(
                student.bbox_head.loss_dfl,
                'forward',
                lambda args, _: targets.append(args['target']),
            )
        )
        losses, pair = read(GFLBoxLogits(), student, student, inputs, samples)
    target = torch.cat(targets) if targets else torch.zeros(0)
    again = student.bbox_head.loss_dfl(
        pair.student_logits, target, pair.weight, avg_factor=pair.avg_factor
    )
    torch.testing.assert_close(again, total(losses['loss_dfl']))
    assert torch.equal(pair.labels, target.floor().long())
    pair.student_logits.sum().backward()


@pytest.mark.parametrize('region', ['positive', 'all'])
def test_teacher_with_the_students_weights_agrees(region):
    student = detector('gfl')
    inputs, samples = detection_batch(
        student, [3, 2], sizes=[(128, 96), (64, 128)]
    )
    reader = GFLBoxLogits(region, weighting='teacher')
    _, pair = read(reader, student, student, inputs, samples)
    assert len(pair.student_logits) > 0 and pair.student_logits.shape[1] == 17
    torch.testing.assert_close(pair.student_logits, pair.teacher_logits)
    assert KDLoss(tau=4.0)(*pair).item() == pytest.approx(0, abs=1e-5)


def test_teacher_rows_are_those_of_the_same_sides():
    student, teacher = detector('gfl'), detector('gfl', seed=1)
    inputs, samples = detection_batch(student, [2, 1])
    _, everything = read(
        GFLBoxLogits('all', 'teacher'), student, teacher, inputs, samples
    )
    _, pair = read(GFLBoxLogits(), student, teacher, inputs, samples)
    # find the positive sides among all by the student's own logits
    found = torch.cdist(pair.student_logits, everything.student_logits)
    index = found.argmin(dim=1)
    torch.testing.assert_close(
        pair.teacher_logits, everything.teacher_logits[index]
    )
    assert everything.labels is None
    assert len(everything.student_logits) == 2 * 4 * (256 + 64 + 16 + 4 + 1)


def test_divisors_are_those_of_the_official_code():
    student, teacher = detector('gfl'), detector('gfl', seed=1)
    inputs, samples = detection_batch(student, [3, 2])

    def pair(**kwargs):
        reader = GFLBoxLogits(**kwargs)
        return read(reader, student, teacher, inputs, samples)[1]

    one = pair()
    places = one.weight.reshape(-1, 4)
    assert (places == places[:, :1]).all()
    # weighted_sum: divided by 4 and by the sum of the weights, at least 1
    expected = 4 * max(places[:, 0].sum().item(), 1)
    assert float(one.avg_factor) == pytest.approx(expected)
    # weighted_sum_nonorm: divided by 4
    assert pair(normalize=False).avg_factor == 4
    # mean: mean over the rows, divided by 4
    plain = pair(weighting='none')
    assert plain.weight is None
    assert plain.avg_factor == 4 * len(plain.student_logits)


def _divisors(rank, folder):
    """One of two processes: its weights and divisors, as a file."""
    store = dist.FileStore(os.path.join(folder, 'store'), 2)
    dist.init_process_group('gloo', store=store, rank=rank, world_size=2)
    student, rtmdet = detector('gfl'), detector('rtmdet')
    batch = detection_batch(student, [1 + 3 * rank], seed=rank)
    _, box = read(GFLBoxLogits(), student, student, *batch)
    _, classes = read(DenseClsLogits(), rtmdet, rtmdet, *batch)
    # RetinaNet's own divisor is that of one process
    retina = detector('retina')
    _, anchors = read(DenseClsLogits(), retina, retina, *batch)
    torch.save(
        (
            box.weight.sum() / 4,
            box.avg_factor,
            classes.avg_factor,
            anchors.avg_factor,
            largest_prob(anchors.teacher_logits, True, 3)
            .mul(anchors.weight)
            .sum(),
        ),
        os.path.join(folder, f'{rank}.pth'),
    )
    dist.destroy_process_group()
    os._exit(0)  # threads of gloo can outlive the interpreter and abort it


@pytest.mark.slow
def test_two_gpus_divide_by_their_mean(tmp_path):
    torch.multiprocessing.spawn(_divisors, (str(tmp_path),), nprocs=2)
    one, two = [torch.load(tmp_path / f'{rank}.pth') for rank in (0, 1)]
    mean = (one[0] + two[0]) / 2
    assert one[0] != two[0] and mean > 1
    torch.testing.assert_close(one[1], 4 * mean)
    torch.testing.assert_close(two[1], 4 * mean)
    assert one[2] == two[2]
    assert one[4] != two[4]
    torch.testing.assert_close(one[3], (one[4] + two[4]) / 2)
    assert one[3] == two[3]


def test_padded_places_have_no_weight_in_all():
    student = detector('gfl')
    inputs, samples = detection_batch(
        student, [1, 1], sizes=[(64, 128), (128, 128)]
    )
    _, pair = read(
        GFLBoxLogits('all', 'teacher'), student, student, inputs, samples
    )
    # level of stride 8: 16 x 16 places an image; rows 8 to 15 of the first
    # image are padding
    weight = pair.weight[: 2 * 4 * 256].reshape(2, 16, 16, 4)
    assert (weight[0, 8:] == 0).all()
    assert (weight[0, :8] > 0).all() and (weight[1] > 0).all()


def test_box_and_class_readers_together_run_the_head_once():
    student, teacher = detector('gfl'), detector('gfl', seed=1)
    inputs, samples = detection_batch(student, [2])
    counts = {}
    hooks = [
        module.register_forward_hook(
            lambda *_, path=path: counts.update(
                {path: counts.get(path, 0) + 1}
            )
        )
        for path, module in teacher.named_modules()
        if path.startswith('bbox_head.') and not list(module.children())
    ]
    notes = [{}, {}]
    readers = [DenseClsLogits(), GFLBoxLogits()]
    with ExitStack() as stack:
        for reader, note in zip(readers, notes):
            reader.watch(student, note, stack)
        student.train()(inputs, samples, mode='loss')
    view = Pass(teacher, inputs)
    for reader, note in zip(readers, notes):
        reader.pairs(note, view)
    for hook in hooks:
        hook.remove()
    layers = [path for path in counts if path.endswith(('conv', 'cls', 'reg'))]
    assert len(layers) == 4
    assert {counts[path] for path in layers} == {5}
    shared = set(readers[0].prune(teacher)) & set(readers[1].prune(teacher))
    assert not shared


def test_every_softmax_loss_takes_the_rows():
    student, teacher = detector('gfl'), detector('gfl', seed=1)
    inputs, samples = detection_batch(student, [2])
    reader = GFLBoxLogits()
    loss = DKDLoss(tau=4.0, alpha=1.0, beta=2.0, loss_weight=0.5)
    loss.check(reader.facts(student))
    value = loss(*read(reader, student, teacher, inputs, samples)[1])
    value.backward()
    assert value > 0 and student.bbox_head.gfl_reg.weight.grad.abs().sum() > 0


def test_other_heads_and_bins_are_refused():
    reader = GFLBoxLogits()
    with pytest.raises(ValueError, match='reg_max.* FCOS has FCOSHead'):
        reader.facts(detector('fcos'))
    teacher = build_detector(detector_cfg('gfl', reg_max=8))
    with pytest.raises(ValueError, match='reg_max=16, the teacher.s 8; both'):
        reader.check(detector('gfl'), teacher)


def test_wrong_options_are_refused():
    with pytest.raises(ValueError, match="'positive' or 'all', got 'main'"):
        GFLBoxLogits(region='main')
    with pytest.raises(ValueError, match="'teacher' or 'none', got None"):
        GFLBoxLogits(weighting=None)
