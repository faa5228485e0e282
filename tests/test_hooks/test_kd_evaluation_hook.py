"""The line of an evaluation."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.evaluator import BaseMetric
from mmengine.registry import METRICS
from mmengine.runner import Runner

from mmkd_logit.hooks import KDEvaluationHook
from tests.test_hooks.test_kd_guard_hook import good_teacher, log
from tests.toys import distiller_config, runner_config

LOADER = dict(
    dataset=dict(type='ToyDataset', length=96),
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
    batch_size=8,
    num_workers=0,
)


@METRICS.register_module(force=True)
class ToyValues(BaseMetric):
    """Gives one value after the other, whatever is predicted."""

    default_prefix = 'accuracy'

    def __init__(self, values, **kwargs):
        super().__init__(**kwargs)
        self.values = list(values)

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        return dict(top1=self.values.pop(0))


def run(folder, model, evaluator, images=0, hook=None, **more):
    """Train; the lines of its evaluations."""
    for earlier in folder.glob('2*_??????'):  # named by its second
        earlier.rename(folder / '20000101_000000')
    guard = dict(type='mmkd_logit.KDGuardHook', check_images=images)
    hook = dict(type='mmkd_logit.KDEvaluationHook', **(hook or {}))
    hooks = [guard, hook] if 'distill' in model else [hook]
    config = runner_config(
        model,
        folder,
        val_dataloader=LOADER,
        val_evaluator=evaluator,
        val_cfg=dict(),
        custom_hooks=hooks,
    )
    config.update(more)
    Runner.from_cfg(config).train()
    newest = max(folder.glob('*/*.log'), key=lambda p: p.stat().st_mtime_ns)
    lines = newest.read_text().splitlines()
    return [line.split('INFO - ')[1] for line in lines if ' | best ' in line]


def values(*numbers):
    return dict(type='ToyValues', values=numbers)


def epochs(count):
    return dict(by_epoch=True, max_epochs=count)


def test_best_alone_and_teacher_over_a_resume(tmp_path):
    model = distiller_config(good_teacher(tmp_path, claim=95.0))
    alone = run(
        tmp_path / 'alone',
        model['student'],
        values(20.0, 30.0),
        train_cfg=epochs(2),
    )
    assert alone == [
        'epoch 1: accuracy/top1 20 | best 20 (epoch 1)',
        'epoch 2: accuracy/top1 30 | best 30 (epoch 2)',
    ]
    first = run(
        tmp_path / 'kd' / 'ours',
        model,
        values(41.25, 39.0),
        train_cfg=epochs(2),
    )
    folder = tmp_path / 'alone'
    teacher = "teacher 95 (its checkpoint's claim)"
    assert first == [
        f'epoch 1: accuracy/top1 41.25 | best 41.25 (epoch 1) | {teacher} | '
        f'alone 20 (last 30, {folder})',
        f'epoch 2: accuracy/top1 39 | best 41.25 (epoch 1) | {teacher} | '
        f'alone 30 (last, {folder})',
    ]
    resumed = run(
        tmp_path / 'kd' / 'ours',
        model,
        values(40.0),
        train_cfg=epochs(3),
        resume=True,
    )
    assert resumed == [
        f'epoch 3: accuracy/top1 40 | best 41.25 (epoch 1) | {teacher} | '
        f'alone 30 (last, {folder})'
    ]


def test_what_was_measured_of_a_teacher_outlives_a_resume(tmp_path):
    model = distiller_config(good_teacher(tmp_path))
    folder = tmp_path / 'run'
    (line,) = run(folder, model, dict(type='ToyTop1'), 32, train_cfg=epochs(1))
    said = log(folder).split('teacher on 32 validation images: accuracy/top1 ')
    value = said[1].split()[0]
    assert line.endswith(f' | teacher {value} (on 32 images)')
    (resumed,) = run(
        folder,
        model,
        dict(type='ToyTop1'),
        32,
        train_cfg=epochs(2),
        resume=True,
    )
    assert resumed.endswith(f' | teacher {value} (on 32 images)')


def test_a_loop_by_iterations_counts_iterations(tmp_path):
    model = distiller_config(good_teacher(tmp_path, claim=95.0))
    lines = run(
        tmp_path / 'run',
        model,
        dict(type='ToyTop1'),
        16,
        hook=dict(metric='accuracy/top1'),
        train_cfg=dict(by_epoch=False, max_iters=8, val_interval=4),
    )
    (scalars,) = (tmp_path / 'run').glob('*/vis_data/scalars.json')
    rows = map(json.loads, scalars.read_text().splitlines())
    first, last = [r['accuracy/top1'] for r in rows if 'accuracy/top1' in r]
    assert lines[0].startswith(
        f'iteration 4: accuracy/top1 {first:.4g} | best {first:.4g} '
        "(iteration 4) | teacher 95 (its checkpoint's claim; "
    )
    assert lines[0].endswith(' on 16 images)')
    assert lines[1].startswith(f'iteration 8: accuracy/top1 {last:.4g} | ')


@pytest.mark.parametrize(
    'metrics, name',
    [
        ({'accuracy/top5': 90.0, 'accuracy/top1': 70.0}, 'accuracy/top1'),
        ({'coco/segm_mAP': 0.3, 'coco/bbox_mAP': 0.4}, 'coco/bbox_mAP'),
        ({'aAcc': np.float32(90), 'mIoU': np.float32(60)}, 'mIoU'),
        ({'table': 'text', 'pascal_voc/mAP': 0.7}, 'pascal_voc/mAP'),
        ({}, None),
    ],
)
def test_the_main_metric_of_each_toolbox_is_shown(metrics, name):
    assert KDEvaluationHook()._name(metrics) == name


def test_a_metric_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"'mIoU' was not.*accuracy/top1"):
        KDEvaluationHook(metric='mIoU')._name({'accuracy/top1': 1.0})


def test_a_run_alone_without_an_evaluation_is_refused(tmp_path):
    hook = KDEvaluationHook(alone=str(tmp_path))
    runner = SimpleNamespace(_resume=False, model=None)
    with pytest.raises(ValueError, match='has no log of MMEngine'):
        hook.before_train(runner)
