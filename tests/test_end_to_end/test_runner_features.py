"""EMA, accumulation, kill and resume, several processes, on toys."""

import signal
import subprocess
import sys

import pytest
import torch
from mmengine.runner import Runner, load_checkpoint

from mmkd_logit.registry import MODELS
from tests.test_end_to_end.commands import ENV, ROOT
from tests.toys import ToyModel, distiller_config, runner_config, teacher_file


def train(folder, **kwargs):
    ckpt = teacher_file(folder)
    runner = Runner.from_cfg(
        runner_config(distiller_config(ckpt), folder / 'run', **kwargs)
    )
    runner.train()
    return runner


def saved(folder, name):
    return torch.load(folder / 'run' / name, weights_only=False)


def test_ema_files_hold_plain_student_keys(tmp_path):
    config = [
        dict(type='mmkd_logit.KDGuardHook'),
        dict(type='EMAHook', momentum=0.3),
    ]
    runner = train(tmp_path, custom_hooks=config)
    file = saved(tmp_path, 'epoch_2.pth')
    # MMEngine saves the averaged weights as `state_dict`, the others beside
    assert list(file['state_dict']) == list(ToyModel().state_dict())
    ours = {
        k[len('module.') :]
        for k in file['ema_state_dict']
        if k.startswith('module.')
    }
    assert ours == set(ToyModel().state_dict())
    assert not torch.equal(
        file['state_dict']['conv.weight'], runner.model.student.conv.weight
    )
    model = ToyModel()
    load_checkpoint(model, str(tmp_path / 'run' / 'epoch_2.pth'), strict=True)
    assert torch.equal(model.conv.weight, file['state_dict']['conv.weight'])


def test_accumulated_steps_equal_one_step_of_the_whole_batch(tmp_path):
    def weights(folder, batch_size, counts):
        folder.mkdir()
        config = runner_config(
            distiller_config(teacher_file(folder), norm_eval=True),
            folder / 'run',
            train_cfg=dict(by_epoch=True, max_epochs=1),
        )
        config['train_dataloader'].update(batch_size=batch_size)
        config['train_dataloader']['sampler'].update(shuffle=False)
        config['optim_wrapper'].update(accumulative_counts=counts)
        runner = Runner.from_cfg(config)
        runner.train()
        return runner.model.student.conv.weight

    whole = weights(tmp_path / 'whole', 8, 1)
    parts = weights(tmp_path / 'parts', 4, 2)
    torch.testing.assert_close(parts, whole)


def test_autocast_keeps_the_term_in_float32(tmp_path):
    model = MODELS.build(distiller_config(teacher_file(tmp_path)))
    model.init_weights()
    inputs, labels = torch.randn(4, 3, 2, 2), torch.arange(4)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = model.loss(inputs, labels)['loss_kd']
    assert loss.dtype == torch.float32 and loss > 0
    loss.backward()
    assert model.student.conv.weight.grad.isfinite().all()


CONFIG = """
custom_imports = dict(imports=['tests.toys'])
default_scope = 'mmengine'
model = {model!r}
train_dataloader = dict(
    dataset=dict(type='ToyDataset', killed_at=0),
    sampler=dict(type='DefaultSampler', shuffle={shuffle}),
    collate_fn=dict(type='default_collate'),
    batch_size={batch_size}, num_workers=0)
train_cfg = dict(by_epoch=True, max_epochs={epochs})
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9))
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=1),
    checkpoint=dict(type='CheckpointHook', interval=1))
custom_hooks = [dict(type='mmkd_logit.SeedEachIterHook')]
find_unused_parameters = False
randomness = dict(seed=3)
"""


def write_config(folder, **kwargs):
    values = dict(
        model=distiller_config(teacher_file(folder), **kwargs.pop('student')),
        batch_size=4,
        epochs=1,
        shuffle=True,
    )
    path = folder / 'config.py'
    path.write_text(CONFIG.format(**{**values, **kwargs}))
    return path


def weights_of(path):
    return torch.load(path, weights_only=False)['state_dict']


def test_killed_and_resumed_run_ends_like_an_uninterrupted_one(tmp_path):
    # dropout draws random numbers in each iteration; 24 images, 6 steps
    config = write_config(tmp_path, student=dict(dropout=0.5), epochs=3)
    command = [sys.executable, str(ROOT / 'tools/train.py'), str(config)]
    subprocess.run(
        command + ['--work-dir', str(tmp_path / 'whole')],
        check=True,
        env=ENV,
        capture_output=True,
    )

    part = tmp_path / 'part'
    command += ['--work-dir', str(part)]
    # in the third step of the second epoch
    kill = ['--cfg-options', 'train_dataloader.dataset.killed_at=34']
    done = subprocess.run(command + kill, env=ENV, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert (part / 'epoch_1.pth').exists()
    assert not (part / 'epoch_2.pth').exists()
    subprocess.run(
        command + ['--resume'], check=True, env=ENV, capture_output=True
    )
    whole = weights_of(tmp_path / 'whole/epoch_3.pth')
    resumed = weights_of(part / 'epoch_3.pth')
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


@pytest.mark.skipif(
    not torch.distributed.is_available(),
    reason='torch was built without torch.distributed',
)
def test_two_processes_give_the_gradients_of_one(tmp_path):
    # one step on 24 images in one process, on 12 in each of two
    student = dict(norm_eval=True)
    config = write_config(
        tmp_path, student=student, batch_size=24, shuffle=False
    )
    subprocess.run(
        [
            sys.executable,
            str(ROOT / 'tools/train.py'),
            str(config),
            '--work-dir',
            str(tmp_path / 'one'),
        ],
        check=True,
        env=ENV,
        capture_output=True,
    )
    subprocess.run(
        [
            'bash',
            str(ROOT / 'tools/dist_train.sh'),
            str(config),
            '2',
            '--work-dir',
            str(tmp_path / 'two'),
            '--cfg-options',
            'train_dataloader.batch_size=12',
        ],
        check=True,
        env=ENV,
        capture_output=True,
    )
    one = weights_of(tmp_path / 'one/epoch_1.pth')
    two = weights_of(tmp_path / 'two/epoch_1.pth')
    for key in one:
        torch.testing.assert_close(two[key], one[key])


@pytest.mark.slow
@pytest.mark.skipif(
    not torch.distributed.is_available() or torch.__version__ < '2.4',
    reason='older torch shards weights on GPUs only',
)
def test_sharded_weights_end_like_those_of_one_process(tmp_path):
    config = write_config(
        tmp_path, student=dict(norm_eval=True), batch_size=24, shuffle=False
    )
    train = [sys.executable, str(ROOT / 'tools/train.py'), str(config)]
    subprocess.run(
        [*train, '--work-dir', str(tmp_path / 'one')],
        check=True,
        env=ENV,
        capture_output=True,
    )
    done = subprocess.run(
        [
            sys.executable,
            *('-m', 'torch.distributed.run', '--standalone'),
            *('--nproc_per_node', '2', '-m'),
            'tests.test_end_to_end.fsdp_run',
            str(config),
            str(tmp_path / 'two'),
        ],
        cwd=ROOT,
        env=ENV,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    one = weights_of(tmp_path / 'one/epoch_1.pth')
    two = weights_of(tmp_path / 'two/epoch_1.pth')
    assert list(two) == list(one)  # plain names, whole tensors
    for key in one:
        torch.testing.assert_close(two[key], one[key])
