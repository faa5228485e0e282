"""A teacher that is the student's own average, on toys."""

import copy

import pytest
import torch
from mmengine.model import ExponentialMovingAverage

from mmkd_logit.distillers.self_teacher import (
    EMA,
    is_self_teacher,
    self_teacher_config,
)
from mmkd_logit.losses import kd_loss
from mmkd_logit.registry import MODELS
from tests.toys import distiller_config, seeded, teacher_file

SLOW = dict(EMA, momentum=0.25)


def batch(size=6):
    inputs = torch.randn(size, 3, 2, 2, generator=seeded(5))
    return inputs, torch.arange(size) % 4


def built(teacher='ema', ckpt=None, **student):
    config = distiller_config(ckpt, **student)
    config['teacher'] = teacher
    torch.manual_seed(0)
    model = MODELS.build(config)
    model.init_weights()
    return model.train()


def step(model, lr=0.5):
    losses = model(*batch(), mode='loss')
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    optimizer.zero_grad()
    sum(losses.values()).backward()
    optimizer.step()
    return losses


def test_average_by_hand():
    model = built(SLOW)
    (teacher,) = model.teachers
    teacher.begin()  # as the hook does before the first iteration
    expected = copy.deepcopy(model.student.state_dict())
    for _ in range(3):
        step(model)
        teacher.follow()
        for name, weight in model.student.state_dict().items():
            if weight.is_floating_point():  # running statistics too
                expected[name] = 0.75 * expected[name] + 0.25 * weight
    average = teacher.model.state_dict()
    for name in ('conv.weight', 'norm.weight', 'norm.running_mean'):
        torch.testing.assert_close(average[name], expected[name])
        assert not torch.equal(average[name], model.state_dict()[name])


def test_term_compares_with_the_average_before_this_iteration():
    model = built(SLOW).eval()
    inputs, labels = batch()
    step(model)
    model.teacher.follow()
    expected = kd_loss(
        model.student(inputs), model.teacher.model(inputs), 2.0
    ).mean()
    losses = step(model)
    assert losses['loss_kd'] > 0
    torch.testing.assert_close(losses['loss_kd'], expected)


def test_it_begins_with_the_weights_of_the_first_step(tmp_path):
    model = built().eval()
    with torch.no_grad():  # as `load_from` does, after the teacher was built
        model.student.conv.weight.fill_(0.5)
    assert model.loss(*batch())['loss_kd'] == 0
    assert model.teacher.model.conv.weight.eq(0.5).all()


def test_it_is_outside_of_everything_and_never_trained():
    model = built()
    step(model)
    ours = {id(p) for p in model.parameters()}
    assert not ours & {id(p) for p in model.teacher.model.parameters()}
    assert not any(p.requires_grad for p in model.teacher.model.parameters())
    assert not model.teacher.model.training
    assert list(model.state_dict()) == list(model.student.state_dict())
    assert ExponentialMovingAverage(model).module.teacher is model.teacher


@pytest.mark.parametrize('buffers', [True, False])
def test_it_moves_with_the_student(buffers):
    model = built(dict(SLOW, update_buffers=buffers))
    model.double()
    step_inputs = batch()[0].double()
    model.loss(step_inputs, batch()[1])
    model.teacher.follow()
    for name, tensor in model.teacher.model.state_dict().items():
        assert tensor.dtype in (torch.float64, torch.int64), name
    with torch.no_grad():
        model.student.norm.running_mean.add_(1)
    before = model.teacher.model.norm.running_mean.clone()
    model.teacher.follow()
    moved = (model.teacher.model.norm.running_mean - before).mean()
    assert moved.item() == pytest.approx(0.25 if buffers else 1.0)


def test_a_state_is_resumed_exactly():
    model, other = built(SLOW), built(SLOW)
    for _ in range(2):
        step(model)
        model.teacher.follow()
    other.load_state_dict(model.state_dict())
    other.teacher.load_state_dict(model.teacher.state_dict())
    for one in (model, other):
        step(one)
        one.teacher.follow()
    ours, theirs = (one.teacher.state_dict() for one in (model, other))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    wide = built(SLOW, num_classes=5)
    with pytest.raises(ValueError, match='average in the checkpoint.*another'):
        wide.teacher.load_state_dict(model.teacher.state_dict())


def test_an_average_that_nobody_updates_stops_the_run():
    model = built()
    with pytest.raises(RuntimeError, match='not updated.*KDSelfTeacherHook'):
        for _ in range(51):
            step(model, lr=0.01)


def test_average_and_trained_teacher_together(tmp_path):
    toy = dict(type='mmkd_logit.ToyModel')
    model = built([toy, 'ema'], [teacher_file(tmp_path), None])
    assert step(model)['loss_kd'] > 0
    report = '\n'.join(model.report())
    assert 'teacher 0: ToyModel' in report
    assert (
        'teacher 1: the average of this student, ExponentialMovingAverage('
        'momentum=0.001, update_buffers=True)'
    ) in report


def test_which_configs_are_averages():
    assert self_teacher_config('ema') == EMA
    assert is_self_teacher(dict(type='MomentumAnnealingEMA'))
    assert is_self_teacher(dict(type=ExponentialMovingAverage))
    for other in ('a.py', None, 3, dict(type='ToyModel'), dict(model={})):
        assert not is_self_teacher(other)
    assert not is_self_teacher(dict(type='mmkd_logit.NoSuchAverage'))


@pytest.mark.parametrize(
    'teacher, ckpt, error, message',
    [
        ('ema', 'a.pth', ValueError, 'begins with its weights.*teacher_ckpt'),
        (dict(EMA, momentum=2), None, ValueError, r'in \(0, 1\), got 2'),
        (dict(EMA, gama=1), None, TypeError, "unexpected keyword.*'gama'"),
    ],
)
def test_mistakes(teacher, ckpt, error, message):
    with pytest.raises(error, match=message):
        built(teacher, ckpt)
