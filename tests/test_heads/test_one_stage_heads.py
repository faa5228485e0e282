"""Rows of the one-stage heads beside the most common ones."""

import pytest
import torch

pytest.importorskip('mmdet')

from mmkd_logit.heads import DenseClsLogits, find_reader
from mmkd_logit.heads.upstream.dense_heads import (
    DENSE_HEADS,
    REFUSED,
    dense_head,
)
from mmkd_logit.heads.upstream.dense_maps import class_maps
from mmkd_logit.losses import KDLoss
from tests.toy_detectors import build_detector, detection_batch, read
from tests.toy_stock import STOCK, WITH_MASKS, stock_cfg, stock_detector

HEADS = sorted(STOCK)


def batch(model, name, boxes=(3, 2), sizes=None):
    """Two images; BoxInst also needs which pixels look alike."""
    inputs, samples = detection_batch(
        model, list(boxes), sizes=sizes, with_mask=name in WITH_MASKS
    )
    for sample in samples if name == 'boxinst' else ():
        count = len(sample.gt_instances)
        height, width = (side // 4 for side in inputs.shape[2:])
        sample.gt_instances.pairwise_masks = torch.ones(
            count, 8, height, width
        )
    return inputs, samples


def frozen(model):
    """The same model with batch norms that do not depend on the batch."""
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.train = lambda mode=True, module=module: module
            module.training = False
    return model


@pytest.mark.parametrize('name', HEADS)
def test_student_rows_are_the_maps_and_an_equal_teacher_gives_nothing(name):
    student = frozen(stock_detector(name))
    inputs, samples = batch(student, name)
    assert isinstance(find_reader(student), DenseClsLogits)
    losses, pair = read(DenseClsLogits(), student, student, inputs, samples)
    head = dense_head(student)
    # by hand: level after level, image after image, location, anchor
    maps = class_maps(head, student.extract_feat(inputs))
    channels = pair.student_logits.shape[1]
    by_hand = torch.cat(
        [
            image.permute(1, 2, 0).reshape(-1, channels)
            for level in maps
            for image in level
        ]
    )
    close = dict(atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(pair.student_logits, by_hand, **close)
    torch.testing.assert_close(pair.teacher_logits, by_hand.detach(), **close)
    use_sigmoid = DenseClsLogits().facts(student).use_sigmoid
    assert channels == 3 + (not use_sigmoid)
    loss = KDLoss(use_sigmoid=use_sigmoid)(*pair)
    assert loss.item() < 1e-5
    assert not pair.teacher_logits.requires_grad


@pytest.mark.parametrize('name', HEADS)
def test_labels_are_those_of_the_objects_and_the_loss_reaches_the_head(name):
    student, teacher = stock_detector(name), stock_detector(name, seed=1)
    inputs, samples = batch(student, name, boxes=(2, 1))
    _, pair = read(DenseClsLogits(), student, teacher, inputs, samples)
    kept = pair.labels < 3
    if pair.weight is not None:
        kept &= pair.weight > 0
    wanted = {
        label
        for sample in samples
        for label in sample.gt_instances.labels.tolist()
    }
    assert set(pair.labels[kept].tolist()) <= wanted and kept.any()
    assert len(pair.labels) == len(pair.student_logits)
    use_sigmoid = DenseClsLogits().facts(student).use_sigmoid
    loss = KDLoss(use_sigmoid=use_sigmoid)(*pair)
    student.zero_grad()
    loss.backward()
    assert loss > 0
    assert any(
        weight.grad is not None and weight.grad.abs().sum() > 0
        for weight in dense_head(student).parameters()
    )


@pytest.mark.parametrize('name', HEADS)
def test_images_of_several_sizes_and_without_objects(name):
    if name in ('pisa_ssd', 'yolact'):
        pytest.skip('the head itself fails on images of several sizes')
    student = frozen(stock_detector(name))
    inputs, samples = batch(
        student, name, boxes=(2, 0), sizes=[(96, 128), (128, 64)]
    )
    _, pair = read(DenseClsLogits(), student, student, inputs, samples)
    assert len(pair.labels) == len(pair.student_logits)
    assert KDLoss(use_sigmoid=DenseClsLogits().facts(student).use_sigmoid)(
        *pair
    ).isfinite()


@pytest.mark.parametrize('name', HEADS)
def test_teacher_runs_no_box_layer_and_can_lose_them(name):
    student = frozen(stock_detector(name))
    teacher = frozen(build_detector(stock_cfg(name), seed=1))
    inputs, samples = batch(student, name)
    reader = DenseClsLogits()
    ran, hooks = set(), []
    for path, module in teacher.named_modules():
        hooks.append(
            module.register_forward_hook(lambda *_, path=path: ran.add(path))
        )
    _, before = read(reader, student, teacher, inputs, samples)
    for hook in hooks:
        hook.remove()
    unused = reader.prune(teacher)
    assert not [
        path for path in ran for layer in unused if path.startswith(layer)
    ]
    assert all(teacher.get_submodule(path) is not None for path in unused)
    for path in unused:
        owner, _, child = path.rpartition('.')
        delattr(teacher.get_submodule(owner), child)
    inputs, samples = batch(student, name)  # some losses change their masks
    _, after = read(reader, student, teacher, inputs, samples)
    assert torch.equal(before.teacher_logits, after.teacher_logits)


def test_positives_that_fsaf_gives_up_weigh_nothing():
    student = stock_detector('fsaf')
    inputs, samples = batch(student, 'fsaf')
    _, pair = read(DenseClsLogits(), student, student, inputs, samples)
    found = pair.labels < 3
    # each object keeps the positives of one level only
    assert 0 < (found & (pair.weight > 0)).sum() < found.sum()


@pytest.mark.parametrize('name', sorted(REFUSED))
def test_heads_without_rows_say_why(name):
    from mmdet.registry import MODELS

    head = MODELS.get(name)
    assert head is not None and name not in DENSE_HEADS
    model = torch.nn.Module()
    model.bbox_head = head.__new__(head)
    torch.nn.Module.__init__(model.bbox_head)
    with pytest.raises(ValueError, match=f'a {name}, which .*RetinaHead'):
        dense_head(model)
