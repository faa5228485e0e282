"""One weight of a loss falls along a cosine."""

import json
import math
import statistics
from types import SimpleNamespace

import pytest
from mmengine.logging import MessageHub
from mmengine.runner import Runner

from mmkd_logit.hooks import KDDecayHook
from mmkd_logit.registry import MODELS
from tests.toys import distiller_config, runner_config, teacher_file

DKD = dict(type='mmkd_logit.DKDLoss', alpha=3.0, beta=8.0)


def config_of(ckpt='teacher.pth', loss=DKD):
    config = distiller_config(ckpt)
    config['distill']['loss_kd']['loss'] = dict(loss)
    return config


def value(hook, iteration=0, epoch=0, name='beta'):
    """The setting of the loss in one iteration of a run of 240 epochs."""
    runner = SimpleNamespace(
        model=MODELS.build(config_of()),
        iter=iteration,
        epoch=epoch,
        max_epochs=240,
        max_iters=1000,
        message_hub=MessageHub.get_instance('decay'),
    )
    hook.before_train(runner)
    hook.before_train_iter(runner, 0)
    loss = runner.model.terms['loss_kd'].loss
    assert loss.alpha == 3.0
    return getattr(loss, name)


# gamma / 2 * (1 + cos(pi * (e - 150) / 90)), e counted from 1
@pytest.mark.parametrize(
    'epoch, factor',
    [
        (1, 1.0),
        (150, 1.0),
        (151, (1 + math.cos(math.pi / 90)) / 2),
        (180, 0.75),  # cos(pi / 3) = 1/2
        (195, 0.5),
        (210, 0.25),
        (240, 0.0),
    ],
)
def test_epochs_as_in_the_authors_code(epoch, factor):
    hook = KDDecayHook('beta', begin=150)
    found = value(hook, epoch=epoch - 1)
    assert found == pytest.approx(8.0 * factor, abs=1e-12)


@pytest.mark.parametrize('iteration, factor', [(0, 1), (200, 0.5), (900, 0)])
def test_iterations(iteration, factor):
    hook = KDDecayHook('beta', end=400, by_epoch=False)
    assert value(hook, iteration) == pytest.approx(8.0 * factor, abs=1e-12)
    hook = KDDecayHook('beta', by_epoch=False)  # ends with the training
    assert value(hook, 500) == pytest.approx(4.0)


def test_a_run_logs_it_and_a_resumed_one_goes_on(tmp_path):
    def run(folder, epochs, **kwargs):
        config = runner_config(
            config_of(teacher_file(tmp_path)),
            tmp_path / folder,
            train_cfg=dict(by_epoch=True, max_epochs=epochs),
            custom_hooks=[
                dict(type='mmkd_logit.KDDecayHook', setting='beta', end=4)
            ],
            default_hooks=dict(
                checkpoint=dict(type='CheckpointHook', interval=1),
                logger=dict(type='LoggerHook', interval=1),
            ),
            **kwargs,
        )
        runner = Runner.from_cfg(config)
        runner.train()
        log = runner._log_dir + f'/vis_data/{runner.timestamp}.json'
        with open(log) as lines:
            return [json.loads(line)['kd/beta'] for line in lines]

    whole = run('whole', 4)
    per_epoch = len(whole) // 4
    values = [
        8.0 * (1 + math.cos(math.pi * epoch / 4)) / 2
        for epoch in range(1, 5)
        for _ in range(per_epoch)
    ]
    ends = range(1, len(values) + 1)  # the log has the mean of ten steps
    means = [statistics.mean(values[max(e - 10, 0) : e]) for e in ends]
    assert whole == pytest.approx(means, abs=1e-9)
    run('part', 2)
    last = str(tmp_path / 'part' / 'epoch_2.pth')
    # in a folder of its own: log files are named by the second
    again = run('again', 4, resume=True, load_from=last)
    assert again == pytest.approx(whole[2 * per_epoch :], abs=1e-9)


@pytest.mark.parametrize(
    'kwargs, message',
    [
        (dict(setting='bta'), "no loss .* 'bta'; did you mean 'beta'"),
        (dict(setting='zzz'), "the setting 'zzz'; known: .*beta"),
        (
            dict(setting='beta', begin=240),
            'begin=240 lies behind .* of 240 ep',
        ),
        (dict(setting='beta', begin=5, end=5), 'begin < end, got begin=5'),
        (dict(setting='beta', begin=-1), '0 <= begin'),
    ],
)
def test_mistakes(kwargs, message):
    with pytest.raises(ValueError, match=message):
        value(KDDecayHook(**kwargs))


def test_what_cannot_fall():
    hook, loss = KDDecayHook('tau'), dict(type='mmkd_logit.KDLoss', tau=[1, 2])
    runner = SimpleNamespace(
        model=MODELS.build(config_of(loss=loss)), max_epochs=4
    )
    with pytest.raises(ValueError, match=r'tau of KDLoss is \[1, 2\], which'):
        hook.before_train(runner)
    runner.model = MODELS.build(config_of())
    runner.max_epochs = None
    with pytest.raises(ValueError, match='does not know how many epochs'):
        KDDecayHook('beta').before_train(runner)
