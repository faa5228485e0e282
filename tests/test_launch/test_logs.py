import pytest
from mmengine.evaluator import BaseMetric
from mmengine.registry import METRICS
from mmengine.runner import Runner
from PIL import Image

from mmkd_logit.launch.logs import OWN_LOSS, draw_curves, last_values, read_log

from .. import toys  # noqa: F401  registers the toys


@METRICS.register_module(force=True)
class ToyAccuracy(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results += [
            float(a == b)
            for a, b in zip(data_samples, data_batch['data_samples'])
        ]

    def compute_metrics(self, results):
        return dict(accuracy=sum(results) / len(results))


def train(folder, max_iters, resume=False):
    loader = dict(
        batch_size=4,
        num_workers=0,
        dataset=dict(type='ToyDataset'),
        collate_fn=dict(type='default_collate'),
        sampler=dict(type='DefaultSampler', shuffle=False),
    )
    Runner(
        model=dict(type='mmkd_logit.ToyModel'),
        work_dir=str(folder),
        experiment_name=f'{folder.name}_{max_iters}',
        train_dataloader=dict(
            loader, sampler=dict(type='InfiniteSampler', shuffle=True)
        ),
        val_dataloader=loader,
        val_evaluator=dict(type='ToyAccuracy'),
        val_cfg=dict(),
        train_cfg=dict(by_epoch=False, max_iters=max_iters, val_interval=2),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(
            logger=dict(
                type='LoggerHook', interval=1, log_metric_by_epoch=False
            ),
            checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2),
        ),
        log_processor=dict(by_epoch=False),
        randomness=dict(seed=0),
        resume=resume,
    ).train()


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Two iterations, and two more after a resume."""
    folder = tmp_path_factory.mktemp('run')
    train(folder, 2)
    first = next(folder.glob('*/vis_data'))
    first.parent.rename(folder / '20000101_000000')  # not the same second
    train(folder, 4, resume=True)
    return folder


def test_log_joins_training_validation_and_the_resumed_part(folder):
    log = read_log(folder)
    assert list(log) == [1, 2, 3, 4]
    assert all('loss_cls' in values for values in log.values())
    assert [step for step, values in log.items() if 'accuracy' in values] == [
        2,
        4,
    ]


def test_last_values_are_the_latest_of_each_name(folder):
    log = read_log(folder)
    values = last_values(log)
    assert values['step'] == 4
    assert values['accuracy'] == log[4]['accuracy']
    assert last_values({1: dict(a=1, b=1), 2: dict(a=2)}) == dict(a=2, b=1)


def test_a_half_written_line_is_left_for_later(folder, tmp_path):
    lines = next(folder.glob('2000*/vis_data/scalars.json')).read_text()
    path = tmp_path / 'now' / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text(lines + '{"loss_cls": 0.')
    assert list(read_log(tmp_path)) == [1, 2]
    assert read_log(tmp_path / 'nothing') == {}


def test_a_later_start_overrides_what_an_earlier_one_logged(tmp_path):
    for time, lines in (
        ('20250101_000000', '{"a": 1, "step": 1}\n{"a": 2, "step": 2}\n'),
        ('20250101_000100', '{"a": 3, "step": 2}\n'),
    ):
        path = tmp_path / time / 'vis_data' / 'scalars.json'
        path.parent.mkdir(parents=True)
        path.write_text(lines)
    assert [values['a'] for values in read_log(tmp_path).values()] == [1, 3]


LINES = (
    '{"loss": 3, "epoch": 1, "iter": 20, "step": 20}\n'
    '{"mAP": 0.1, "step": 1}\n'
    '{"loss": 2, "epoch": 2, "iter": 45, "step": 45}\n'
    '{"mAP": 0.2, "step": 2}\n'
)


def write_lines(folder, lines):
    path = folder / 'now' / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(lines)
    return path


@pytest.mark.parametrize('lines, steps', [(LINES, [25, 50]), (LINES[:72], [])])
def test_validation_by_epoch_is_put_at_its_last_iteration(
    tmp_path, lines, steps
):
    # 25 iterations an epoch, logged every 10
    write_lines(tmp_path, lines)
    log = read_log(tmp_path)
    assert [k for k, v in log.items() if 'mAP' in v] == (steps or [20])


def test_the_log_file_tells_the_length_of_a_single_epoch(tmp_path):
    write_lines(tmp_path, LINES[:72])
    (tmp_path / 'now' / 'now.log').write_text(
        '2025/01/01 00:00:00 - mmengine - INFO - Epoch(train)  [1][20/157]  '
        'lr: 0.1\n'
    )
    assert list(read_log(tmp_path)) == [20, 157]


def test_the_students_own_loss_leaves_distillation_out(tmp_path):
    path = write_lines(
        tmp_path,
        '{"loss": 7, "loss_cls": 1, "s0.loss_kd": 2, "loss_kd": 4, '
        '"iter": 1, "step": 1}\n',
    )
    assert read_log(tmp_path)[1][OWN_LOSS] == 7
    path.with_name('config.py').write_text(
        "model = dict(type='mmkd_logit.LogitDistiller', "
        "distill=dict(loss_kd=dict(loss=dict(type='KDLoss'))))\n"
    )
    assert read_log(tmp_path)[1][OWN_LOSS] == 1


def test_curves_have_a_line_per_seed_and_one_for_the_mean(
    folder, tmp_path, monkeypatch
):
    from matplotlib.axes import Axes

    drawn = []
    plot = Axes.plot
    monkeypatch.setattr(
        Axes,
        'plot',
        lambda *args, **kwargs: (
            drawn.append((list(args[1]), list(args[2])))
            or plot(*args, **kwargs)
        ),
    )
    log = read_log(folder)
    other = {2: dict(accuracy=0.5), 4: dict(accuracy=1.0)}
    draw_curves(
        {'two seeds': [log, other], 'none': [{}]},
        {'accuracy': 'accuracy'},
        tmp_path / 'curves.png',
    )
    own = [log[2]['accuracy'], log[4]['accuracy']]
    assert drawn == [
        ([2, 4], own),
        ([2, 4], [0.5, 1.0]),
        ([2, 4], [(own[0] + 0.5) / 2, (own[1] + 1.0) / 2]),
    ]
    with Image.open(tmp_path / 'curves.png') as picture:
        assert picture.width < picture.height * 2  # for a phone
