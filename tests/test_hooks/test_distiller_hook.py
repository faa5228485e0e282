"""The log as a user reads it: its numbers add up."""

import json
from types import SimpleNamespace

import pytest
from mmengine.runner import Runner

from mmkd_logit.hooks.distiller_hook import find_distiller
from mmkd_logit.registry import MODELS
from tests.toys import ToyModel, distiller_config, runner_config, teacher_file


@MODELS.register_module(force=True)
class ToyClassifier(ToyModel):
    """Names its loss as the classifiers of MMPretrain do."""

    def forward(self, inputs, data_samples=None, mode='tensor'):
        result = super().forward(inputs, data_samples, mode)
        return dict(loss=result['loss_cls']) if mode == 'loss' else result


def logged(folder, hooks, student='ToyModel', window_size=4):
    """Rows of a run of 12 steps, logged every 3, as means of 4."""
    model = distiller_config(teacher_file(folder))
    model['student']['type'] = f'mmkd_logit.{student}'
    model['distill']['loss_kd']['loss'] = dict(
        type='mmkd_logit.DKDLoss', tau=2.0, beta=3.0, loss_weight=0.5
    )
    config = runner_config(
        model,
        folder / 'run',
        log_processor=dict(window_size=window_size),
        custom_hooks=[dict(h, type=f'mmkd_logit.{h["type"]}') for h in hooks],
    )
    config['default_hooks']['logger'].update(interval=3)
    runner = Runner.from_cfg(config)
    runner.train()
    path = next((folder / 'run').glob('*/vis_data/scalars.json'))
    return [json.loads(line) for line in path.read_text().splitlines()]


GUARD = dict(type='KDGuardHook')
#: iteration 0 has the factor 0, and from 8 on there is none
SCHEDULE = [dict(type='KDWarmupHook', end=5), dict(type='KDStopHook', begin=8)]


@pytest.mark.parametrize(
    'hooks', [[GUARD], SCHEDULE, [dict(type='KDAgreementHook', interval=4)]]
)
@pytest.mark.parametrize('student', ['ToyModel', 'ToyClassifier'])
def test_the_numbers_of_a_line_add_up(tmp_path, hooks, student):
    rows = logged(tmp_path, hooks, student)
    assert [row['step'] for row in rows] == [3, 6, 9, 12]
    for row in rows:
        parts = 0.5 * (row['kd/tckd'] + 3 * row['kd/nckd'])
        assert row['loss_kd'] == pytest.approx(parts, rel=1e-6)
        own = 'loss_student' if student == 'ToyClassifier' else 'loss_cls'
        losses = {key for key in row if 'loss' in key} - {'loss'}
        assert losses == {own, 'loss_kd'}
        assert row['loss'] == pytest.approx(row[own] + row['loss_kd'])
    assert 'loss_kd' in rows[0] and rows[0]['loss_kd'] > 0


def test_parts_are_means_and_the_factor_is_the_last_one(tmp_path):
    rows = logged(tmp_path, SCHEDULE, window_size=3)
    # the factors are 0, 1/5, 2/5 in the first line, 3/5, 4/5, 1 in the next
    factors = [row['kd/scale'] for row in rows]
    assert factors == pytest.approx([0.4, 1.0, 0.0, 0.0])
    assert rows[2]['loss_kd'] > 0  # iterations 7 and 8 before the stop at 8
    assert rows[3]['loss_kd'] == rows[3]['kd/tckd'] == 0


def test_another_model_is_refused():
    with pytest.raises(TypeError, match='KDStopHook needs a LogitDistiller'):
        find_distiller(SimpleNamespace(model=ToyModel()), 'KDStopHook')
