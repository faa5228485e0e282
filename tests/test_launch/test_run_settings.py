"""A work dir holds one run."""

import json

import pytest
from mmengine.config import Config

from mmkd_logit.launch.config import default_work_dir
from mmkd_logit.launch.logs import read_log
from mmkd_logit.launch.run_settings import (
    _same_model,
    differences,
    refuse_joined_runs,
    run_settings,
)
from tests.test_launch.toy_job import (
    PLAIN,
    mmengine_as_it_was,  # noqa: F401
    train,
    write_config,
)
from tests.toys import distiller_config, teacher_file

DKD = dict(
    type='mmkd_logit.LogitDistiller',
    distill=dict(loss_kd=dict(loss=dict(type='mmkd_logit.DKDLoss'))),
)
TWO = dict(
    type='mmkd_logit.LogitDistiller',
    distill=dict(
        loss_kd=dict(loss=dict(type='KDLoss')),
        loss_b=dict(loss=dict(type='mmkd_logit.KDQFLLoss')),
        loss_c=dict(loss=dict(type='KDLoss')),
    ),
)


@pytest.mark.parametrize(
    'path, model, expected',
    [
        ('configs/sd_dkd/x.py', DKD, 'work_dirs/sd_dkd/x'),
        ('/home/me/configs/kd/coco/x.py', DKD, 'work_dirs/kd/coco/x'),
        ('mmkd_logit::dkd/x.py', DKD, 'work_dirs/dkd/x'),
        ('configs/x.py', DKD, 'work_dirs/dkd/x'),
        ('x.py', DKD, 'work_dirs/dkd/x'),
        ('/tmp/a/x.py', TWO, 'work_dirs/kd_kdqfl/x'),
        ('/tmp/a/x.py', dict(DKD, distill=None), 'work_dirs/distilled/x'),
        ('configs/_base_/pairs/x.py', PLAIN, 'work_dirs/x'),
        ('x.py', PLAIN, 'work_dirs/x'),
    ],
)
def test_the_default_work_dir_carries_the_method(path, model, expected):
    config = Config(dict(model=model))
    assert default_work_dir(path, config) == expected


def settings(**changes):
    config = dict(
        model=dict(type='mmdet.GFL', backbone=dict(depth=18), heads=[1, 2]),
        train_dataloader=dict(batch_size=2, num_workers=4),
        train_cfg=dict(by_epoch=True, max_epochs=12, val_interval=1),
        optim_wrapper=dict(optimizer=dict(lr=0.1)),
        custom_hooks=[dict(type='mmkd_logit.KDWarmupHook', end=5)],
        randomness=dict(seed=1),
        default_hooks=dict(logger=dict(interval=50)),
        load_from=None,
    )
    config.update(changes)
    return run_settings(config)


@pytest.mark.parametrize(
    'changes',
    [
        dict(train_dataloader=dict(batch_size=2, num_workers=0)),
        dict(train_cfg=dict(by_epoch=True, max_epochs=99, val_interval=3)),
        dict(default_hooks=dict(logger=dict(interval=1))),
        dict(load_from='epoch_1.pth', resume=True, work_dir='elsewhere'),
        dict(model=dict(type='GFL', backbone=dict(depth=18), heads=(1, 2))),
        dict(
            custom_hooks=[
                dict(type='KDWarmupHook', end=5),
                dict(type='mmkd_logit.KDGuardHook'),
            ]
        ),
    ],
)
def test_what_does_not_make_another_run(changes):
    assert differences(settings(), settings(**changes)) == []


@pytest.mark.parametrize(
    'changes, expected',
    [
        (
            dict(
                model=dict(type='ATSS', backbone=dict(depth=18), heads=[1, 2])
            ),
            'model.type was GFL, is ATSS',
        ),
        (
            dict(train_dataloader=dict(batch_size=4)),
            'train_dataloader.batch_size was 2, is 4',
        ),
        (
            dict(optim_wrapper=dict(optimizer=dict(lr=0.2))),
            'optim_wrapper.optimizer.lr was 0.1, is 0.2',
        ),
        (dict(randomness=dict(seed=2)), 'randomness.seed was 1, is 2'),
        (
            dict(custom_hooks=None),
            'custom_hooks.0.type was KDWarmupHook, is not set',
        ),
    ],
)
def test_what_makes_another_run(changes, expected):
    assert differences(settings(), settings(**changes))[0] == expected


def test_teachers_of_another_clone_are_the_same():
    one, other = (
        settings(
            model=dict(
                teacher=[f'/{where}/configs/a.py', f'/{where}/configs/b.py'],
                teacher_ckpt=[f'/{where}/a.pth', 'b.pth'],
            )
        )
        for where in ('here', 'there')
    )
    changed = differences(one, other)
    assert [text.split()[0] for text in changed] == ['model.teacher_ckpt.0']
    assert _same_model(changed)  # its weights may have moved
    swapped = settings(model=dict(teacher=['/x/configs/b.py']))
    assert not _same_model(differences(one, swapped))


@pytest.mark.usefixtures('mmengine_as_it_was')
def test_a_work_dir_never_mixes_two_runs(tmp_path, capsys):
    out = tmp_path / 'out'
    config = write_config(tmp_path)
    train(config, out)
    kept = (out / 'epoch_1.pth').read_bytes()
    model = distiller_config(teacher_file(tmp_path))
    model['distill']['loss_kd']['loss'].update(type='mmkd_logit.DKDLoss')
    other = write_config(tmp_path, model, name='other.py')
    message = 'another configuration: model.distill.loss_kd.loss.type was KDL'
    for words in ([], ['--resume']):
        with pytest.raises(ValueError, match=message):
            train(other, out, *words)
    assert (out / 'epoch_1.pth').read_bytes() == kept
    with pytest.raises(ValueError, match='randomness.seed was 3, is 4'):
        train(config, out, '--cfg-options', 'randomness.seed=4')
    train(config, out)  # the same run once more
    longer = ['train_cfg.max_epochs=2']
    train(config, out, '--resume', '--cfg-options', *longer)
    assert 'other settings' not in capsys.readouterr().out
    rate = 'optim_wrapper.optimizer.lr=0.01'
    train(config, out, '--resume', '--cfg-options', rate, *longer)
    said = capsys.readouterr().out
    assert (
        'goes on with other settings: optim_wrapper.optimizer.lr was' in said
    )


@pytest.mark.usefixtures('mmengine_as_it_was')
def test_a_run_without_a_log_is_known_by_its_dumped_config(tmp_path):
    out = tmp_path / 'out'
    train(write_config(tmp_path, PLAIN), out)
    for path in out.glob('*/vis_data/*'):
        path.unlink()
    other = write_config(tmp_path, dict(PLAIN, dropout=0.5), name='b.py')
    with pytest.raises(ValueError, match='model.dropout was not set, is 0.5'):
        train(other, out)


def write_start(folder, time, steps, **config):
    """The log of a start, whose loss is its time, and its dumped config."""
    path = folder / time / 'vis_data'
    path.mkdir(parents=True)
    rows = [dict(loss=float(time), iter=step, step=step) for step in steps]
    (path / 'scalars.json').write_text('\n'.join(map(json.dumps, rows)))
    (path / 'config.py').write_text(
        '\n'.join(f'{key} = {value!r}' for key, value in config.items())
    )


def losses(folder):
    return {step: row['loss'] for step, row in read_log(folder).items()}


def test_only_a_resumed_start_continues_a_log(tmp_path):
    model = dict(type='A')
    write_start(tmp_path, '1', [1, 2, 3], model=model)
    write_start(tmp_path, '2', [1, 2], model=model, resume=False)
    write_start(tmp_path, '3', [2, 3], model=model, resume=True)
    assert losses(tmp_path) == {1: 2, 2: 3, 3: 3}
    assert losses(tmp_path / '1') == {1: 1, 2: 1, 3: 1}
    refuse_joined_runs(str(tmp_path))


def test_logs_of_different_runs_are_not_joined(tmp_path):
    write_start(tmp_path, '1', [1, 2], model=dict(type='A'))
    write_start(tmp_path, '2', [3], model=dict(type='A'), seed=1, resume=True)
    refuse_joined_runs(str(tmp_path))
    write_start(tmp_path, '3', [1], model=dict(type='B'), resume=True)
    with pytest.raises(
        ValueError, match='different configurations: model.type was A, is B.*3'
    ):
        refuse_joined_runs(str(tmp_path))
    refuse_joined_runs(str(tmp_path / '3'))
