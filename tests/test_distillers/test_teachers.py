"""Several teachers of one student, on toys."""

import pytest
import torch
from mmengine.runner import Runner

from mmkd_logit.distillers.teacher_mean import mean_of_probabilities
from mmkd_logit.distillers.teachers import make_teachers
from mmkd_logit.losses import kd_loss
from mmkd_logit.registry import MODELS
from tests.toys import distiller_config, runner_config, seeded, teacher_file


def batch(size=6):
    inputs = torch.randn(size, 3, 2, 2, generator=seeded(5))
    return inputs, torch.arange(size) % 4


def two_teachers(folder, seeds=(7, 8), **changes):
    config = distiller_config('')
    config['teacher'] = [config['teacher']] * len(seeds)
    config['teacher_ckpt'] = [teacher_file(folder, seed=s) for s in seeds]
    config.update(changes)
    return config


def term(**more):
    loss = dict(type='mmkd_logit.KDLoss', tau=2.0)
    return dict(logits=dict(type='mmkd_logit.ToyLogits'), loss=loss, **more)


def built(config):
    torch.manual_seed(0)
    model = MODELS.build(config)
    model.init_weights()
    return model.train()


def step(model):
    losses = model(*batch(), mode='loss')
    sum(losses.values()).backward()
    return losses, model.student.conv.weight.grad


@pytest.mark.parametrize('mean', ['probabilities', 'logits'])
def test_two_equal_teachers_are_one(tmp_path, mean):
    one = step(built(distiller_config(teacher_file(tmp_path))))
    two = step(built(two_teachers(tmp_path, (7, 7), teacher_mean=mean)))
    torch.testing.assert_close(two, one)


def test_a_list_of_one_is_the_same_bit_for_bit(tmp_path):
    losses, gradient = step(built(distiller_config(teacher_file(tmp_path))))
    listed, same = step(built(two_teachers(tmp_path, (7,))))
    assert all(torch.equal(losses[name], listed[name]) for name in losses)
    assert torch.equal(gradient, same)


def test_term_compares_with_the_mean(tmp_path):
    for mean in ('probabilities', 'logits'):
        model = built(two_teachers(tmp_path, teacher_mean=mean)).eval()
        inputs, labels = batch()
        one, two = (teacher.model(inputs) for teacher in model.teachers)
        assert not torch.allclose(one, two)
        expected = (one + two) / 2
        if mean == 'probabilities':
            expected = mean_of_probabilities([one, two])
        torch.testing.assert_close(
            model.loss(inputs, labels)['loss_kd'],
            kd_loss(model.student(inputs), expected, 2.0).mean(),
        )


def test_one_term_for_each_teacher(tmp_path):
    terms = dict(loss_a=term(teacher=0), loss_b=term(teacher=1))
    model = built(two_teachers(tmp_path, distill=terms)).eval()
    inputs, labels = batch()
    losses = model.loss(inputs, labels)
    for name, teacher in zip(terms, model.teachers):
        expected = kd_loss(model.student(inputs), teacher.model(inputs), 2.0)
        torch.testing.assert_close(losses[name], expected.mean())
    report = '\n'.join(model.report())
    assert 'teacher 1: ToyModel' in report
    assert 'loss_b: ToyLogits -> KDLoss' in report
    assert report.endswith(', with teacher 1')
    assert model.teacher is model.teachers[0]


def test_each_teacher_has_a_class_map_of_its_own(tmp_path):
    config = two_teachers(tmp_path, class_map=[None, [5, 0, 2, 1]])
    config['teacher'][1] = dict(type='mmkd_logit.ToyModel', num_classes=6)
    config['teacher_ckpt'][1] = teacher_file(tmp_path, num_classes=6, seed=8)
    config['teacher_mean'] = 'logits'
    model = built(config).eval()
    inputs, labels = batch()
    one, two = (teacher.model(inputs) for teacher in model.teachers)
    expected = (one + two[:, [5, 0, 2, 1]]) / 2
    torch.testing.assert_close(
        model.loss(inputs, labels)['loss_kd'],
        kd_loss(model.student(inputs), expected, 2.0).mean(),
    )


def test_a_teacher_that_no_step_asks_computes_nothing(tmp_path):
    terms = dict(loss_a=term(teacher=0), loss_b=term(teacher=1))
    model = built(two_teachers(tmp_path, distill=terms))
    calls = []
    for index, teacher in enumerate(model.teachers):
        teacher.model.register_forward_pre_hook(
            lambda *_: calls.append('whole')
        )
        teacher.model.conv.register_forward_pre_hook(
            lambda *_, index=index: calls.append(index)
        )
    model.loss(*batch())
    assert calls == [0, 1]


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(teacher=[]), 'teacher is an empty list'),
        (dict(teacher_ckpt='a.pth'), "2 entries, teacher_ckpt is 'a.pth'"),
        (dict(teacher_ckpt=['a.pth']), 'one checkpoint for each'),
        (dict(class_map=[0, 1]), r'class_map is \[0, 1\]; with 2 teachers'),
        (dict(class_map={0: 1}), r'is a list of 2, the map of each'),
        (dict(teacher_mean='median'), "got 'median'"),
        (
            dict(distill=dict(loss_a=term(teacher=0))),
            'compares with teacher 1',
        ),
        (dict(distill=dict(loss_a=term(teacher=2))), 'expected 0 to 1'),
        (dict(distill=dict(loss_a=term(teacher='b'))), "teacher is 'b'"),
    ],
)
def test_mistakes_are_named_at_build_time(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(two_teachers(tmp_path, **change))


def test_mistakes_name_the_teacher(tmp_path):
    config = two_teachers(tmp_path)
    config['teacher_ckpt'][1] = '/nowhere/t.pth'
    with pytest.raises(FileNotFoundError, match="teacher 1: .*'/nowhere/t"):
        built(config)
    with pytest.raises(ValueError, match='list of 2 and teacher is not'):
        make_teachers('a.py', ['a.pth', 'b.pth'])


def test_run_records_all_teachers_and_resumes(tmp_path):
    def run(folder, **kwargs):
        config = runner_config(two_teachers(tmp_path), folder, **kwargs)
        runner = Runner.from_cfg(config)
        runner.train()
        return runner.model.state_dict()

    whole = run(tmp_path / 'whole')
    run(tmp_path / 'part', train_cfg=dict(by_epoch=True, max_epochs=1))
    resumed = run(tmp_path / 'part', resume=True)
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)
    saved = torch.load(tmp_path / 'part' / 'epoch_2.pth', weights_only=False)
    record = saved['meta']['mmkd_logit']
    assert len(record['teacher_sha256']) == len(record['teacher']) == 2
    assert record['teacher_sha256'][0] != record['teacher_sha256'][1]
