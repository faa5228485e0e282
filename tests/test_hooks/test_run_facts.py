"""Batch and epochs of a run."""

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmkd_logit.launch.batch import count_accumulation
from tests.toys import distiller_config, runner_config, teacher_file


def train(folder, **changes):
    """Loop by iterations over 24 images in batches of 4; all factors."""
    scales = []
    config = runner_config(
        distiller_config(teacher_file(folder)),
        folder / 'run',
        train_cfg=dict(by_epoch=False, max_iters=14),
        **changes,
    )
    config['train_dataloader']['sampler'] = dict(type='InfiniteSampler')
    config = Config(config)
    count_accumulation(config)
    runner = Runner.from_cfg(config)
    loss = type(runner.model).loss

    def noting(self, *args):
        scales.append(self.kd_scale)
        return loss(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(runner.model), 'loss', noting)
        runner.train()
    return runner, scales


def hook(name, **settings):
    return [dict(type=f'mmkd_logit.{name}', by_epoch=True, **settings)]


def test_an_epoch_of_a_loop_by_iterations_is_that_of_its_samples(tmp_path):
    _, scales = train(tmp_path, custom_hooks=hook('KDWarmupHook', end=3))
    # 24 images in batches of 4: 6 iterations an epoch
    assert scales == pytest.approx([1 / 3] * 6 + [2 / 3] * 6 + [1] * 2)


def test_a_stop_by_epoch_comes_in_a_loop_by_iterations(tmp_path):
    _, scales = train(tmp_path, custom_hooks=hook('KDStopHook', begin=2))
    assert scales == [1] * 12 + [0] * 2


def test_data_without_a_length_have_no_epochs(tmp_path, monkeypatch):
    from tests.toys import ToyDataset

    runner, _ = train(tmp_path, custom_hooks=[])
    from mmkd_logit.hooks.run_facts import current_epoch

    assert current_epoch(runner) == 2
    monkeypatch.delattr(ToyDataset, '__len__')
    with pytest.raises(ValueError, match='have no length.*by_epoch=False'):
        current_epoch(runner)


@pytest.mark.parametrize(
    'recipe, counts, enable, rate, line',
    [
        (16, 4, True, 0.1, '4 accumulated = 16, as the recipe; .* by 1$'),
        (64, 4, True, 0.025, 'recipe has 64; its .* multiplied by 0.25$'),
        (16, 4, False, 0.1, 'as the recipe$'),
        (8, 1, True, 0.05, '= 4, the recipe has 8; .* multiplied by 0.5$'),
        (8, 1, False, 0.1, 'consider --auto-scale-lr$'),
    ],
)
def test_report_and_learning_rate_agree(
    tmp_path, caplog, recipe, counts, enable, rate, line
):
    import re

    lines = []
    wrapper = dict(
        optimizer=dict(type='SGD', lr=0.1), accumulative_counts=counts
    )
    with pytest.MonkeyPatch.context() as patch:
        from mmkd_logit.hooks import kd_guard_hook

        original = kd_guard_hook.batch_line
        patch.setattr(
            kd_guard_hook,
            'batch_line',
            lambda runner: lines.append(original(runner)) or lines[-1],
        )
        runner, _ = train(
            tmp_path,
            optim_wrapper=wrapper,
            auto_scale_lr=dict(enable=enable, base_batch_size=recipe),
        )
    assert re.search(line, lines[0]), lines
    assert runner.optim_wrapper.get_lr()['lr'][0] == pytest.approx(rate)


def test_a_rate_that_leaves_accumulation_out_is_told(tmp_path):
    from mmkd_logit.hooks.run_facts import batch_line

    config = runner_config(
        distiller_config(teacher_file(tmp_path)),
        tmp_path / 'run',
        auto_scale_lr=dict(enable=True, base_batch_size=16),
        custom_hooks=[],
    )
    config['optim_wrapper'].update(accumulative_counts=4)
    runner = Runner.from_cfg(config)  # as a stock tool does it
    runner.train()
    assert (
        '= 16, as the recipe; MMEngine multiplied its learning rate by 0.25, '
        'which leaves accumulation out (1 with it)'
    ) in batch_line(runner)
