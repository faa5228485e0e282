"""Costs of steps: what is repeated is what the teacher was asked."""

import torch
from mmengine.optim import build_optim_wrapper

from mmkd_logit.plan import measure_steps
from mmkd_logit.plan.steps import TeacherCalls
from mmkd_logit.registry import MODELS
from mmkd_logit.structures import TeacherPass
from tests.toys import distiller_config, teacher_file


def test_the_outermost_calls_of_a_step_are_repeated():
    asked = []

    def answer(name):
        asked.append(name)
        return name

    def step():
        look = TeacherPass(None, lambda: answer('inputs'), None)
        look.once('logits', lambda: answer(look.inputs and 'logits'))
        look.once('logits', lambda: answer('again'))

    original = TeacherPass.once
    with TeacherCalls() as teacher_calls:
        step()
        calls = teacher_calls.take()
        assert asked == ['inputs', 'logits']
        teacher_calls.repeat(calls)
        assert asked == ['inputs', 'logits'] * 2
        assert teacher_calls.take() == []
    assert TeacherPass.once is original


def test_every_kind_of_step_is_timed(tmp_path):
    config = distiller_config(teacher_file(tmp_path))
    distiller, student = MODELS.build(config), MODELS.build(config['student'])
    distiller.prepare()
    optimizer = dict(optimizer=dict(type='SGD', lr=0.1))
    optimizers = dict(
        plain=build_optim_wrapper(student.train(), optimizer),
        distilled=build_optim_wrapper(distiller.train(), optimizer),
    )
    batch = dict(
        inputs=torch.rand(4, 3, 2, 2),
        data_samples=list(torch.tensor([0, 1, 2, 3])),
    )
    weight = distiller.student.conv.weight.detach().clone()
    cost = measure_steps(distiller, student, optimizers, batch, rounds=2)
    assert min(cost) > 0 and cost.rounds == 2
    cost = measure_steps(distiller, student, optimizers, batch, seconds=0)
    assert cost.rounds == 1
    assert not torch.equal(weight, distiller.student.conv.weight)
