"""Checks around a run."""

import copy

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.registry import METRICS
from mmengine.runner import Runner

from mmkd_logit.hooks import KDGuardHook
from mmkd_logit.registry import MODELS
from tests.toys import ToyDataset, ToyModel, distiller_config, runner_config


@METRICS.register_module(force=True)
class ToyTop1(BaseMetric):
    """Accuracy in percent, named as MMPretrain's."""

    default_prefix = 'accuracy'

    def process(self, data_batch, data_samples):
        labels = data_batch['data_samples']
        self.results += [a == b for a, b in zip(data_samples, labels)]

    def compute_metrics(self, results):
        return dict(top1=100 * float(sum(results)) / len(results))


def good_teacher(folder, swap=False, claim=None):
    """A teacher that tells the toy classes by their colours."""
    data = ToyDataset(96)
    images = data.images.flip(1) if swap else data.images
    means = images.mean((2, 3))
    centres = torch.stack([means[data.labels == k].mean(0) for k in range(4)])
    model = ToyModel()
    with torch.no_grad():
        model.conv.weight.copy_(2 * centres[..., None, None])
        model.conv.bias.copy_(-centres.square().sum(1))
    state = dict(state_dict=model.state_dict(), meta={})
    if claim is not None:
        from mmengine.logging import MessageHub

        hub = MessageHub.get_instance(f'claim_{claim}')
        hub.update_scalar('val/accuracy/top1', claim)
        state['message_hub'] = hub.state_dict()
    torch.save(state, folder / 'teacher.pth')
    return str(folder / 'teacher.pth')


def run(folder, ckpt, guard=None, loss_weight=1.0, **more):
    loader = dict(
        batch_size=8,
        num_workers=0,
        dataset=dict(type='ToyDataset', length=96),
        collate_fn=dict(type='default_collate'),
        sampler=dict(type='DefaultSampler', shuffle=False),
    )
    folder.mkdir(exist_ok=True)
    config = runner_config(
        distiller_config(ckpt, loss_weight=loss_weight, dropout=0.3),
        folder,
        val_dataloader=loader,
        val_evaluator=dict(type='ToyTop1'),
        val_cfg=dict(),
        train_cfg=dict(by_epoch=True, max_epochs=1),
        custom_hooks=[dict(type='mmkd_logit.KDGuardHook', **(guard or {}))],
    )
    config.update(more)
    runner = Runner.from_cfg(config)
    runner.train()
    return runner


def log(folder):
    return next(folder.glob('*/*.log')).read_text()


def test_the_report_has_the_teachers_own_metric(tmp_path):
    ckpt = good_teacher(tmp_path, claim=95.0)
    run(tmp_path / 'run', ckpt)
    text = log(tmp_path / 'run')
    assert 'teacher on 64 validation images: accuracy/top1 100' in text
    assert '(it claims accuracy/top1 95)' in text
    assert 'WARNING - the teacher reaches' not in text
    assert 'student on the same images' not in text


def test_a_student_that_starts_from_a_checkpoint_stands_beside_it(tmp_path):
    ckpt = good_teacher(tmp_path)
    run(tmp_path / 'run', ckpt, load_from=ckpt)
    text = log(tmp_path / 'run')
    number = text.split('validation images: ')[1].split('\n')[0]
    assert f'student on the same images: {number}' in text


@pytest.mark.parametrize(
    'make, message',
    [
        (dict(swap=True), 'with red and blue exchanged: its images'),
        (dict(seed=7), 'far below the 99 that it claims'),
    ],
)
def test_a_poor_teacher_is_warned_of_or_stops_the_run(tmp_path, make, message):
    ckpt = good_teacher(tmp_path, claim=99.0, **{'swap': 'swap' in make})
    if 'seed' in make:
        file = torch.load(ckpt, weights_only=False)
        weight = file['state_dict']['conv.weight']
        weight.copy_(weight[[1, 0, 2, 3]])  # two classes are mixed up
        torch.save(file, ckpt)
    run(tmp_path / 'run', ckpt)
    text = log(tmp_path / 'run')
    assert 'WARNING - the teacher reaches' in text and message in text
    with pytest.raises(RuntimeError, match=message):
        run(tmp_path / 'stop', ckpt, dict(stop_at_poor_teacher=True))


def test_each_of_two_teachers_has_its_own_metric(tmp_path):
    (tmp_path / 'good').mkdir()
    paths = [
        good_teacher(tmp_path / 'good'),
        good_teacher(tmp_path, swap=True),
    ]
    model = distiller_config(paths)
    model['teacher'] = [model['teacher']] * 2
    run(tmp_path / 'run', '', model=model)
    text = log(tmp_path / 'run')
    assert 'teacher 0 on 64 validation images: accuracy/top1 100' in text
    assert 'teacher 1 on 64 validation images: accuracy/top1' in text
    assert 'WARNING - teacher 1 reaches' in text
    assert 'teacher 0 reaches' not in text


def test_the_check_changes_nothing(tmp_path):
    ckpt = good_teacher(tmp_path)
    states = [
        run(
            tmp_path / name, ckpt, dict(check_images=count), **more
        ).model.state_dict()
        for name, count, more in (('on', 64, {}), ('off', 0, {}))
    ]
    assert 'validation images' not in log(tmp_path / 'off')
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])


def test_weight_0_equals_the_student_alone_with_the_check(tmp_path):
    ckpt = good_teacher(tmp_path)
    distilled = run(tmp_path / 'zero', ckpt, loss_weight=0.0)
    plain = run(
        tmp_path / 'plain',
        ckpt,
        model=dict(type='mmkd_logit.ToyModel', dropout=0.3),
        custom_hooks=[],
    )
    ours, theirs = (r.model.state_dict() for r in (distilled, plain))
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_a_run_without_validation_says_so(tmp_path):
    more = dict(val_dataloader=None, val_evaluator=None, val_cfg=None)
    run(tmp_path / 'run', good_teacher(tmp_path), **more)
    assert 'not evaluated: the run has no validation set' in log(
        tmp_path / 'run'
    )


def test_a_teacher_that_cannot_predict_does_not_end_the_run(
    tmp_path, monkeypatch
):
    forward = ToyModel.forward

    def broken(self, inputs, data_samples=None, mode='tensor'):
        if mode == 'predict' and not self.conv.weight.requires_grad:
            raise KeyError('test_cfg')
        return forward(self, inputs, data_samples, mode)

    monkeypatch.setattr(ToyModel, 'forward', broken)
    run(tmp_path / 'run', good_teacher(tmp_path))
    assert "not evaluated: KeyError: 'test_cfg'" in log(tmp_path / 'run')


def test_a_changed_teacher_is_told_on_resuming(tmp_path):
    first = good_teacher(tmp_path)
    run(tmp_path / 'run', first)
    (tmp_path / 'other').mkdir()
    second = good_teacher(tmp_path / 'other', swap=True)
    longer = dict(train_cfg=dict(by_epoch=True, max_epochs=2), resume=True)
    with pytest.MonkeyPatch.context() as patch:
        told = []
        from mmengine.logging import MMLogger

        patch.setattr(
            MMLogger, 'warning', lambda self, text, *a, **k: told.append(text)
        )
        run(tmp_path / 'run', second, **longer)
    assert any('the teacher has changed since' in text for text in told)


def test_unrelated_weights_are_refused(tmp_path):
    state = {f'other.{k}': v for k, v in ToyModel().state_dict().items()}
    torch.save(dict(state_dict=state, meta={}), tmp_path / 'other.pth')
    with pytest.raises(ValueError, match='no weight in common'):
        run(
            tmp_path / 'run',
            good_teacher(tmp_path),
            load_from=str(tmp_path / 'other.pth'),
        )


def test_a_model_without_teacher_is_refused(tmp_path):
    with pytest.raises(TypeError, match='KDGuardHook needs a LogitDistiller'):
        run(
            tmp_path / 'run',
            'none.pth',
            model=copy.deepcopy(dict(type='mmkd_logit.ToyModel')),
        )


def test_mistakes():
    with pytest.raises(ValueError, match='check_images must be >= 0, got -1'):
        KDGuardHook(check_images=-1)
    assert MODELS.get('ToyModel') is ToyModel


def test_concatenated_data_with_a_list_of_metainfo_train(
    tmp_path, monkeypatch
):
    metainfo = [ToyDataset.metainfo, dict(ToyDataset.metainfo, palette=[])]
    monkeypatch.setattr(ToyDataset, 'metainfo', metainfo)
    run(tmp_path / 'run', good_teacher(tmp_path), dict(check_images=0))
    assert 'could not be compared, as the teacher' in log(tmp_path / 'run')
