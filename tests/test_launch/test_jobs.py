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
