"""Whole trainings and evaluations, from the command line on."""

import pytest
import torch

from tests.test_launch.toy_job import (
    PLAIN,
    Harm,
    call,
    mmengine_as_it_was,  # noqa: F401
    train,
    write_config,
)
from tests.toys import ToyModel, teacher_file

pytestmark = pytest.mark.usefixtures('mmengine_as_it_was')
TEST = """
test_dataloader = dict(
    dataset=dict(type='ToyDataset', length=8),
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'), batch_size=4, num_workers=0)
test_cfg = dict()
test_evaluator = dict(type='DumpResults', out_file_path='{out}')
"""


def harmful(folder, name='harm.pth'):
    """A whole checkpoint of a training that would make a folder."""
    path = folder / name
    torch.save(
        dict(
            state_dict=ToyModel().state_dict(),
            meta=dict(epoch=1, iter=2, harm=Harm(folder / 'made')),
            message_hub=dict(),
            optimizer=dict(),
        ),
        path,
    )
    return path


def test_a_distillation_trains_and_resumes(tmp_path):
    config = write_config(tmp_path)
    train(
        config, tmp_path / 'whole', '--cfg-options', 'train_cfg.max_epochs=2'
    )
    train(config, tmp_path / 'part')
    train(
        config,
        tmp_path / 'part',
        '--resume',
        '--cfg-options',
        'train_cfg.max_epochs=2',
    )
    files = [
        torch.load(tmp_path / name / 'epoch_2.pth', weights_only=False)
        for name in ('whole', 'part')
    ]
    assert [file['meta']['iter'] for file in files] == [4, 4]
    assert list(files[0]['state_dict']) == list(ToyModel().state_dict())


@pytest.mark.parametrize('how', ['load_from', 'resume', 'test', 'init_cfg'])
def test_no_checkpoint_of_the_student_can_run_code(tmp_path, how):
    path = harmful(tmp_path)
    more = TEST.format(out=tmp_path / 'results.pkl')
    model = dict(PLAIN)
    if how == 'init_cfg':
        model['init_cfg'] = dict(type='Pretrained', checkpoint=str(path))
    config = write_config(tmp_path, model, more=more)
    work_dir = ['--work-dir', tmp_path / 'out']
    words = {
        'load_from': ['--cfg-options', f'load_from={path}'],
        'resume': ['--resume', path],
        'test': [],
        'init_cfg': [],
    }[how]

    def run(*trust):
        if how == 'test':
            call('test', config, path, *work_dir, *trust)
        else:
            call('train', config, *work_dir, *trust, *words)

    with pytest.raises(ValueError, match='could run code.*pass --trust'):
        run()
    assert not (tmp_path / 'made').exists()
    if how == 'test':
        run('--trust')
        assert (tmp_path / 'made').exists()


@pytest.mark.parametrize(
    'state, message',
    [
        (dict(), 'holds no state_dict of tensors, but a dict of state_dict'),
        (dict(other=torch.ones(1)), 'missing: conv.weight.*unexpected: other'),
        (
            ToyModel(3).state_dict(),
            r'conv.weight \(3, 3, 1, 1\) instead of \(4, 3, 1, 1\)',
        ),
    ],
)
def test_weights_that_do_not_fit_are_not_scored(tmp_path, state, message):
    results = tmp_path / 'results.pkl'
    config = write_config(tmp_path, PLAIN, more=TEST.format(out=results))
    torch.save(dict(state_dict=state), tmp_path / 'file.pth')
    work_dir = ['--work-dir', tmp_path / 'out']
    with pytest.raises(ValueError, match=message):
        call('test', config, tmp_path / 'file.pth', *work_dir)
    assert not results.exists()
    call('test', config, teacher_file(tmp_path), *work_dir)
    assert results.exists()


def test_load_from_must_share_weights_with_a_plain_student(tmp_path):
    config = write_config(tmp_path, PLAIN)
    torch.save(dict(other=torch.ones(1)), tmp_path / 'file.pth')
    with pytest.raises(ValueError, match='load_from.*no weight in common'):
        call(
            'train',
            config,
            '--work-dir',
            tmp_path / 'out',
            '--cfg-options',
            f'load_from={tmp_path / "file.pth"}',
        )


def test_the_configuration_is_in_the_log_and_not_on_the_screen(
    tmp_path, capsys
):
    train(write_config(tmp_path, PLAIN), tmp_path / 'out')
    screen = ''.join(capsys.readouterr())
    log = next((tmp_path / 'out').glob('*/*.log')).read_text()
    assert 'Epoch(train)' in screen and 'optim_wrapper = ' not in screen
    assert 'Epoch(train)' in log and 'optim_wrapper = ' in log


@pytest.mark.parametrize(
    'number, message',
    [(float('nan'), 'NaN or infinite: conv'), (1, 'weight int64 instead')],
)
def test_load_from_needs_numbers(tmp_path, number, message):
    state = {
        key: torch.full_like(value, number, dtype=torch.tensor(number).dtype)
        for key, value in ToyModel().state_dict().items()
    }
    torch.save(dict(state_dict=state), tmp_path / 'start.pth')
    config = write_config(
        tmp_path, PLAIN, more=f'load_from = {str(tmp_path / "start.pth")!r}\n'
    )
    with pytest.raises(ValueError, match=f'start.pth.*{message}'):
        train(config, tmp_path / 'run')


def test_what_cannot_be_evaluated(tmp_path):
    config = write_config(tmp_path, PLAIN)
    torch.save(ToyModel().state_dict(), tmp_path / 'a.pth')
    words = ('--work-dir', tmp_path / 'run')
    with pytest.raises(ValueError, match='has no `test_dataloader`'):
        call('test', config, tmp_path / 'a.pth', *words)


@pytest.mark.parametrize('by_epoch', [True, False])
def test_data_that_give_no_batch_are_no_training(tmp_path, by_epoch):
    config = write_config(tmp_path)
    loop = dict(by_epoch=by_epoch)
    loop['max_epochs' if by_epoch else 'max_iters'] = 1
    more = f'train_cfg = dict(_delete_=True, **{loop!r})\n'
    (tmp_path / 'child.py').write_text(f'_base_ = {str(config)!r}\n{more}')
    with pytest.raises(ValueError, match='gives no batch: 8 samples are few'):
        train(
            tmp_path / 'child.py',
            tmp_path / 'run',
            '--cfg-options',
            'train_dataloader.batch_size=9',
            'train_dataloader.drop_last=True',
        )
    assert not list((tmp_path / 'run').glob('*.pth'))


@pytest.mark.parametrize(
    'flag, option, message',
    [
        ('--amp', 'optim_wrapper=None', '--amp: this config has no `optim_'),
        ('--auto-scale-lr', 'auto_scale_lr=None', 'auto_scale_lr.base_batch'),
    ],
)
def test_a_flag_for_a_part_that_is_none(tmp_path, flag, option, message):
    config = write_config(tmp_path)
    with pytest.raises(ValueError, match=message):
        train(config, tmp_path / 'run', flag, '--cfg-options', option)


def test_a_work_dir_that_cannot_be_made(tmp_path):
    config = write_config(tmp_path)
    with pytest.raises(OSError, match='work dir .* is not a folder; pass'):
        train(config, config / 'run')
