"""TensorBoard gets the scalars of the JSON log."""

import json

import pytest
from mmengine.runner import Runner
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)

from tests.test_hooks.test_kd_guard_hook import ToyTop1
from tests.toys import distiller_config, runner_config, teacher_file

_LOGGED = {
    'lr',
    'loss',
    'loss_cls',
    'loss_kd',
    'kd/tckd',
    'kd/nckd',
    'agreement/kd/top1',
    'agreement/kd/kl',
}


def test_the_event_file_holds_what_the_json_log_holds(tmp_path):
    config = runner_config(
        distiller_config(teacher_file(tmp_path)),
        tmp_path / 'run',
        val_dataloader=dict(
            dataset=dict(type='ToyDataset', length=8),
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=dict(type='default_collate'),
            batch_size=4,
            num_workers=0,
        ),
        val_evaluator=dict(type=ToyTop1.__name__),
        val_cfg=dict(),
        visualizer=dict(
            type='Visualizer',
            vis_backends=[
                dict(type='LocalVisBackend'),
                dict(type='TensorboardVisBackend'),
            ],
        ),
    )
    model = config['model']
    model['distill']['loss_kd']['loss']['type'] = 'mmkd_logit.DKDLoss'
    config['custom_hooks'] += [
        dict(type='mmkd_logit.KDAgreementHook', interval=4)
    ]
    Runner.from_cfg(config).train()

    (log,) = (tmp_path / 'run').glob('*/vis_data/scalars.json')
    logged = {}
    for line in log.read_text().splitlines():
        row = json.loads(line)
        step = row.pop('step')
        logged.update(((name, step), value) for name, value in row.items())

    events = EventAccumulator(str(log.parent))
    events.Reload()
    seen = {
        (name, event.step): event.value
        for name in events.Tags()['scalars']
        for event in events.Scalars(name)
    }
    assert seen == pytest.approx(logged, rel=1e-6)  # events are float32
    # 24 images in batches of 4, two epochs; evaluations count epochs
    assert _LOGGED <= {name for name, step in seen if step == 12}
    assert {step for name, step in seen if name == 'accuracy/top1'} == {1, 2}
