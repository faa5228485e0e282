"""The student's run alone is found by its settings."""

import json
import os
from pathlib import Path

import pytest
from mmengine.config import Config

from mmkd_logit.launch.alone import find_alone, show_evaluations

STUDENT = dict(type='ToyModel', num_classes=4)
DATA = dict(dataset=dict(type='ToyDataset', length=8), batch_size=4)


def write_run(folder, model, seed=0, length=8, when=1, evaluated=True):
    """A work dir as MMEngine leaves it."""
    start = folder / '20260101_000000' / 'vis_data'
    start.mkdir(parents=True)
    data = dict(DATA, dataset=dict(DATA['dataset'], length=length))
    (start / 'config.py').write_text(
        f'model = {model!r}\nval_dataloader = {data!r}\n'
        f'randomness = dict(seed={seed})\n'
    )
    rows = [dict(iter=1, epoch=1, step=1, loss=1.0)]
    if evaluated:
        rows.append({'step': 1, 'accuracy/top1': 50.0})
    log = start / 'scalars.json'
    log.write_text(''.join(json.dumps(row) + '\n' for row in rows))
    os.utime(log, (when, when))
    return str(folder)


def distilled(seed=0):
    return Config(
        dict(
            model=dict(
                type='mmkd_logit.LogitDistiller',
                student=dict(STUDENT),
                distill=dict(loss_kd=dict(loss=dict(type='KDLoss'))),
            ),
            val_dataloader=DATA,
            randomness=dict(seed=seed),
        )
    )


@pytest.mark.parametrize(
    'alone, ours',
    [
        ('work_dirs/x', 'work_dirs/y'),
        ('work_dirs/x', 'work_dirs/dkd/x'),
        ('work_dirs/baseline/x', 'work_dirs/dkd/x'),
        ('work_dirs/baseline/x', 'work_dirs/y'),
        ('work_dirs/dkd/x', 'work_dirs/dkd/y'),
    ],
)
def test_a_run_beside_or_above_is_found(tmp_path, alone, ours):
    folder = write_run(tmp_path / alone, STUDENT)
    assert find_alone(tmp_path / ours, distilled()) == folder


def test_the_same_seed_goes_before_the_newest(tmp_path):
    write_run(tmp_path / 'a', STUDENT, seed=0, when=3)
    same = write_run(tmp_path / 'b', STUDENT, seed=1, when=1)
    newest = write_run(tmp_path / 'c', STUDENT, seed=0, when=9)
    assert find_alone(tmp_path / 'ours', distilled(seed=1)) == same
    assert find_alone(tmp_path / 'ours', distilled(seed=7)) == newest


@pytest.mark.parametrize(
    'model, length',
    [
        (dict(STUDENT, num_classes=5), 8),
        (STUDENT, 9),
        (dict(type='LogitDistiller', student=STUDENT), 8),
    ],
)
def test_other_students_data_and_distillations_are_not(
    tmp_path, model, length
):
    write_run(tmp_path / 'x', model, length=length)
    assert find_alone(tmp_path / 'ours', distilled()) is None


def test_the_hook_is_added_to_distillations_once(tmp_path):
    config = distilled()
    show_evaluations(config)
    show_evaluations(config, write_run(tmp_path / 'x', STUDENT))
    assert config.custom_hooks == [
        dict(type='mmkd_logit.KDEvaluationHook', alone=str(tmp_path / 'x'))
    ]
    plain = Config(dict(model=STUDENT))
    show_evaluations(plain)
    assert 'custom_hooks' not in plain


def test_a_run_without_evaluations_is_refused(tmp_path):
    folder = write_run(tmp_path / 'x', STUDENT, evaluated=False)
    with pytest.raises(ValueError, match="x'.*has logged no evaluation"):
        show_evaluations(distilled(), folder)


def test_what_cannot_be_read_is_passed_over(tmp_path, monkeypatch):
    folder = write_run(tmp_path / 'x', STUDENT)
    broken = write_run(tmp_path / 'y', STUDENT, when=9)
    next(Path(broken).glob('*/*/config.py')).write_bytes(b'\xff\xfe')
    scandir = os.scandir

    def vanishing(path=None):
        if path is not None and os.fspath(path).endswith('z'):
            raise FileNotFoundError(path)
        return scandir(path)

    (tmp_path / 'z').mkdir()
    monkeypatch.setattr(os, 'scandir', vanishing)
    assert find_alone(tmp_path / 'ours', distilled()) == folder
