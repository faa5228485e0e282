"""Numbers and the picture of agreement."""

import json
import math

import pytest
import torch
from matplotlib.axes import Axes
from mmengine.runner import Runner

from mmkd_logit.hooks import KDAgreementHook, kd_agreement_hook
from mmkd_logit.hooks.kd_agreement_hook import agreement, draw
from mmkd_logit.structures.logit_pair import LogitPair
from tests.toys import distiller_config, runner_config, teacher_file


def test_numbers_by_hand():
    # teacher q = (4, 3, 1)/8, student p = (1, 1, 1)/3, target class 0
    # KL = 1/2 ln 3/2 + 3/8 ln 9/8 + 1/8 ln 3/8
    # TCKD 0.058892, NCKD 0.130812 (see test_dkd)
    teacher = torch.tensor([[4.0, 3.0, 1.0]]).log()
    pair = LogitPair(torch.zeros(1, 3), teacher, torch.tensor([0]))
    numbers = {k: v.item() for k, v in agreement(pair, False).items()}
    kl = 0.5 * math.log(1.5) + 3 / 8 * math.log(9 / 8) + math.log(3 / 8) / 8
    assert numbers['kl'] == pytest.approx(kl, abs=1e-6)
    assert numbers['tckd'] == pytest.approx(0.058892, abs=1e-6)
    assert numbers['nckd_share'] == pytest.approx(
        0.130812 / (0.058892 + 0.130812), abs=1e-5
    )


def test_rows_without_weight_do_not_count():
    student = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    teacher = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    pair = LogitPair(student, teacher, weight=torch.tensor([1.0, 0.0]))
    assert agreement(pair, False)['top1'] == 1
    assert agreement(pair._replace(weight=torch.zeros(2)), False) == {}


def test_sigmoid_rows_have_a_divergence_of_0_at_equality():
    logits = torch.tensor([[2.0, -1.0]])
    numbers = agreement(LogitPair(logits, logits), True)
    assert numbers['kl'].abs() < 1e-6 and numbers['top1'] == 1


def test_numbers_are_those_of_their_step_and_not_shown_again(
    tmp_path, monkeypatch
):
    config = runner_config(
        distiller_config(teacher_file(tmp_path)), tmp_path / 'run'
    )
    config['custom_hooks'] += [
        dict(type='mmkd_logit.KDAgreementHook', interval=2)
    ]
    config['custom_hooks'] += [dict(type='mmkd_logit.KDStopHook', begin=7)]
    drawn = {}
    monkeypatch.setattr(
        kd_agreement_hook, 'draw', lambda curves, path: drawn.update(curves)
    )
    Runner.from_cfg(config).train()
    path = next((tmp_path / 'run').glob('*/vis_data/scalars.json'))
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    shown = {
        row['step']: row['agreement/kd/top1']
        for row in rows
        if 'agreement/kd/top1' in row
    }
    # measured at 2, 4 and 6; from 8 on there is nothing to measure
    assert list(shown) == [2, 3, 4, 5, 6, 7]
    assert drawn['kd/top1'] == [(step, shown[step]) for step in (2, 4, 6)]


def test_the_axis_of_the_picture_is_iterations(tmp_path, monkeypatch):
    lines, plot = [], Axes.plot
    monkeypatch.setattr(
        Axes,
        'plot',
        lambda self, x, y, **kwargs: (
            lines.append((x, y)) or plot(self, x, y, **kwargs)
        ),
    )
    draw({'kd/top1': [(50, 0.5), (100, 0.75)]}, tmp_path / 'a.png')
    assert lines == [((50, 100), (0.5, 0.75))]


def test_a_resumed_run_goes_on_with_its_curves(tmp_path):
    config = runner_config(
        distiller_config(teacher_file(tmp_path)), tmp_path / 'run'
    )
    config['custom_hooks'] = [
        dict(type='mmkd_logit.KDAgreementHook', interval=4)
    ]
    Runner.from_cfg(
        {**config, 'train_cfg': dict(by_epoch=True, max_epochs=1)}
    ).train()
    runner = Runner.from_cfg(dict(config, resume=True))
    runner.train()
    curves = runner.message_hub.get_info('train/agreement/')
    assert [step for step, _ in curves['kd/top1']] == [4, 8, 12]
    assert list((tmp_path / 'run').glob('*/kd_agreement.png'))


def test_mistakes():
    with pytest.raises(ValueError, match='interval must be >= 1'):
        KDAgreementHook(interval=0)
