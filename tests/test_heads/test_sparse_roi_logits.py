"""Rows of Sparse R-CNN and QueryInst: the proposals of one object."""

from contextlib import ExitStack

import pytest
import torch

pytest.importorskip('mmdet')

from mmkd_logit.distillers.match_classes import match_classes
from mmkd_logit.heads import (
    MaskLogits,
    RoILogits,
    SparseRoILogits,
    find_reader,
)
from mmkd_logit.heads.upstream.observe import observe
from mmkd_logit.losses import KDLoss
from mmkd_logit.structures.class_columns import ClassColumns
from tests.toy_detectors import (
    BATCHES,
    build_detector,
    detection_batch,
    detector,
    read_all,
)
from tests.toy_rcnn import rcnn_cfg
from tests.toy_sparse import STAGE_WEIGHTS, build_sparse, sparse, sparse_cfg

#: name -> the toy and its settings
KINDS = dict(
    sparse=('sparse', {}),
    softmax=('sparse', dict(softmax=True)),
    queryinst=('queryinst', {}),
)
BOXES = ['boxes', 'four_sizes', 'no_boxes']
STAGES = ['s0.', 's1.']


def toy(kind, seed=0):
    name, settings = KINDS[kind]
    return sparse(name, seed, **settings)


def batch_of(model, batch):
    return detection_batch(
        model, **BATCHES[batch], with_mask=model.with_mask, seed=0
    )


def class_loss_calls(model, inputs, samples):
    """Logits and labels of each stage's own class loss, in training."""
    calls = []
    with ExitStack() as stack:
        for head in model.roi_head.bbox_head:
            stack.enter_context(
                observe(
                    head.loss_cls,
                    'forward',
                    lambda args, _: calls.append(list(args.values())[:2]),
                )
            )
        model.train()
        model(inputs, samples, mode='loss')
    return calls


def in_order(logits, labels):
    """Rows with their label, in an order of their own."""
    rows = torch.cat([logits.detach(), labels[:, None].float()], 1)
    return rows[rows[:, 0].argsort()]


def objects(logits, labels):
    return in_order(logits[labels < 3], labels[labels < 3])


@pytest.mark.parametrize('kind', KINDS)
def test_default_reader_is_found_and_a_users_subclass_counts(kind):
    student = build_sparse(sparse_cfg(KINDS[kind][0], **KINDS[kind][1]))
    assert type(find_reader(student)) is SparseRoILogits
    parent = type(student.roi_head)
    student.roi_head.__class__ = type('MyHead', (parent,), {})
    assert type(find_reader(student)) is SparseRoILogits
    facts = SparseRoILogits().facts(student)
    assert facts.use_sigmoid == (kind != 'softmax')
    assert facts.channels == (4 if kind == 'softmax' else 3)


@pytest.mark.parametrize('batch', BOXES)
@pytest.mark.parametrize('kind', KINDS)
def test_rows_are_the_objects_of_both_stock_losses(kind, batch):
    student, teacher = toy(kind), toy(kind, seed=1)
    inputs, samples = batch_of(student, batch)
    ours = class_loss_calls(student, inputs, samples)
    theirs = class_loss_calls(teacher, inputs, samples)
    _, pairs = read_all(SparseRoILogits(), student, teacher, inputs, samples)
    assert list(pairs) == STAGES
    number = sum(BATCHES[batch]['boxes_per_image'])
    for stage, pair in enumerate(pairs.values()):
        assert len(pair.labels) == number
        for calls, logits in (
            (ours, pair.student_logits),
            (theirs, pair.teacher_logits),
        ):
            torch.testing.assert_close(
                in_order(logits, pair.labels), objects(*calls[stage])
            )
        assert pair.student_logits.requires_grad
        assert not pair.teacher_logits.requires_grad
        assert float(pair.avg_factor) == max(number, 1)
        assert pair.weight.tolist() == [STAGE_WEIGHTS[stage]] * number


@pytest.mark.parametrize('kind', KINDS)
def test_rows_pair_the_proposals_of_one_object(kind):
    # with the labels 0, 1, 2 the object of a row is known
    student, teacher = toy(kind), toy(kind, seed=1)
    inputs, samples = batch_of(student, 'boxes')
    samples[0].gt_instances.labels = torch.arange(3)
    seen = []
    with ExitStack() as stack:
        for assigner in teacher.roi_head.bbox_assigner:
            stack.enter_context(
                observe(
                    assigner,
                    'assign',
                    lambda args, result: seen.append(
                        (args['pred_instances'].scores, result.gt_inds)
                    ),
                )
            )
        _, pairs = read_all(
            SparseRoILogits(), student, teacher, inputs, samples
        )
    assert len(seen) == 2
    for (scores, owners), pair in zip(seen, pairs.values()):
        assert pair.labels.tolist() == [0, 1, 2]
        for label, row in enumerate(pair.teacher_logits):
            torch.testing.assert_close(row, scores[owners == label + 1][0])


@pytest.mark.parametrize('batch', BOXES)
@pytest.mark.parametrize('kind', KINDS)
def test_teacher_with_the_students_weights_gives_no_loss(kind, batch):
    student = toy(kind)
    inputs, samples = batch_of(student, batch)
    loss = KDLoss(use_sigmoid=kind != 'softmax')

    def values(teacher):
        _, pairs = read_all(
            SparseRoILogits(), student, teacher, inputs, samples
        )
        return [loss(*pair) for pair in pairs.values()]

    for value in values(toy(kind)):
        assert abs(value.item()) < 1e-5
    sum(values(toy(kind, seed=1))).backward()
    for value in values(toy(kind, seed=1)):
        assert (value.item() > 1e-3) == (batch != 'no_boxes')


def test_stages_and_numbers_of_proposals_may_differ():
    student = sparse(stages=3)
    teacher = build_sparse(sparse_cfg(proposals=20), seed=3)
    reader = SparseRoILogits()
    with pytest.raises(ValueError, match="3 stages, the teacher's 2.*last"):
        reader.check(student, teacher)
    reader = SparseRoILogits(stages='last')
    reader.check(student, teacher)
    inputs, samples = batch_of(student, 'four_sizes')
    (call,) = class_loss_calls(teacher, inputs, samples)[1:]
    _, pairs = read_all(reader, student, teacher, inputs, samples)
    assert list(pairs) == ['s2.']
    pair = pairs['s2.']
    torch.testing.assert_close(
        in_order(pair.teacher_logits, pair.labels), objects(*call)
    )
    assert pair.weight.tolist() == [STAGE_WEIGHTS[2]] * 6


@pytest.mark.parametrize('few', ['student', 'teacher'])
def test_objects_without_a_proposal_are_left_out(few):
    cfgs = [sparse_cfg(proposals=2), sparse_cfg()]
    student, teacher = [
        build_sparse(cfg) for cfg in (cfgs if few == 'student' else cfgs[::-1])
    ]
    inputs, samples = detection_batch(student, [5, 1])
    _, pairs = read_all(SparseRoILogits(), student, teacher, inputs, samples)
    for pair in pairs.values():
        assert len(pair.labels) == 3
        assert len(pair.teacher_logits) == len(pair.student_logits) == 3
        assert float(pair.avg_factor) == 3


def test_pos_weight_of_the_student_weighs_its_rows():
    cfg = sparse_cfg()
    cfg.train_cfg.rcnn[1].pos_weight = 3
    student = build_sparse(cfg)
    inputs, samples = batch_of(student, 'boxes')
    _, pairs = read_all(SparseRoILogits(), student, sparse(), inputs, samples)
    weights = [pair.weight.tolist() for pair in pairs.values()]
    assert weights == [[1.0] * 3, [1.5] * 3]


@pytest.mark.parametrize('kind', KINDS)
def test_teachers_classes_are_mapped_before_they_are_matched(kind):
    student = toy(kind)
    name, settings = KINDS[kind]
    inputs, samples = batch_of(student, 'four_sizes')
    of_student = [2, 4, 1]
    # a teacher that knows more classes and has them in another order
    teacher = build_sparse(sparse_cfg(name, num_classes=5, **settings))
    state, ours = teacher.state_dict(), student.state_dict()
    columns = of_student + [5] * (kind == 'softmax')
    for key, value in ours.items():
        if state[key].shape == value.shape:
            state[key].copy_(value)
        elif 'fc_cls' in key:
            state[key].fill_(-20.0 if value.dim() == 1 else 0.0)
            state[key][columns] = value
    teacher.load_state_dict(state)
    _, pairs = read_all(
        SparseRoILogits(),
        student,
        teacher,
        inputs,
        samples,
        class_map=ClassColumns(of_student, 5),
    )
    for pair in pairs.values():
        assert len(pair.labels) == 6
        torch.testing.assert_close(
            pair.student_logits, pair.teacher_logits, atol=1e-5, rtol=1e-5
        )


def test_teacher_runs_no_mask_branch_and_no_loss():
    student, teacher = toy('queryinst'), build_sparse(sparse_cfg('queryinst'))
    for path in SparseRoILogits().prune(teacher):
        owner, _, child = path.rpartition('.')
        del teacher.get_submodule(owner)._modules[child]
    ran = set()
    for path, module in teacher.named_modules():
        module.register_forward_hook(lambda *_, path=path: ran.add(path))
    inputs, samples = batch_of(student, 'boxes')
    read_all(SparseRoILogits(), student, teacher, inputs, samples)
    assert 'roi_head.bbox_head.1.fc_reg' in ran
    assert not teacher.training
    assert not [path for path in ran if 'mask' in path or 'loss' in path]


def test_only_stages_that_are_read_are_matched():
    student, teacher = toy('sparse'), build_sparse(sparse_cfg(), seed=1)
    teacher.roi_head.bbox_assigner[0] = None
    inputs, samples = batch_of(student, 'boxes')
    reader = SparseRoILogits(stages='last')
    _, pairs = read_all(reader, student, teacher, inputs, samples)
    assert list(pairs) == ['s1.']


def test_models_that_do_not_fit_are_refused():
    reader, student = SparseRoILogits(), toy('sparse')
    with pytest.raises(ValueError, match='FCOS has no `roi_head`; learned'):
        reader.facts(detector('fcos'))
    other = build_detector(rcnn_cfg('faster'))
    with pytest.raises(ValueError, match='FasterRCNN has StandardRoIHead; l'):
        reader.check(student, other)
    cfg = sparse_cfg()
    cfg.train_cfg = None
    with pytest.raises(ValueError, match='no train_cfg with an assigner'):
        reader.check(student, build_sparse(cfg))
    with pytest.raises(ValueError, match='a sigmoid one.* a softmax one'):
        match_classes(
            reader.facts(student),
            reader.facts(toy('softmax')),
            None,
            None,
            None,
        )
    other = build_sparse(sparse_cfg())
    other.roi_head.bbox_head[1] = torch.nn.Linear(1, 1)
    with pytest.raises(ValueError, match='SparseRoIHead with Linear; lear'):
        reader.facts(other)
    with pytest.raises(ValueError, match='SparseRoIHead pools.*SparseRoILog'):
        RoILogits().facts(student)
    with pytest.raises(ValueError, match='QueryInst has SparseRoIHead and'):
        MaskLogits().facts(toy('queryinst'))
    with pytest.raises(ValueError, match="'all' or 'last', got 'first'"):
        SparseRoILogits(stages='first')


def test_head_that_never_computes_its_loss_is_reported():
    from types import SimpleNamespace

    notes = dict(stages=2)
    look = SimpleNamespace(model=toy('sparse'))
    with pytest.raises(RuntimeError, match='without calling bbox_head.loss_'):
        SparseRoILogits().pairs(notes, look)
