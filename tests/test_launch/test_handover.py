"""What a run leaves for the stock toolbox."""

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.device import get_device

from mmkd_logit.checkpoints.config_text import parse_config
from mmkd_logit.launch.handover import closing_lines, write_student_config
from tests.test_launch.toy_job import (
    mmengine_as_it_was,  # noqa: F401
    train,
    write_config,
)


def config(folder, **changes):
    return Config(
        dict(
            model=dict(
                type='mmkd_logit.LogitDistiller',
                student=dict(type='GFL', backbone=dict(type='ResNet')),
                teacher='teacher.py',
                distill=dict(loss_kd=dict(loss=dict(type='KDLoss'))),
            ),
            work_dir=str(folder),
            load_from='a.pth',
            resume=True,
            custom_hooks=[
                dict(type='mmkd_logit.KDGuardHook'),
                dict(type='EMAHook'),
            ],
            optim_wrapper=dict(type='mmkd_logit.CPUAmpOptimWrapper', a=1),
            default_scope='mmdet',
            **changes,
        )
    )


def test_the_student_alone_has_nothing_of_the_run(tmp_path):
    path = write_student_config(config(tmp_path))
    assert parse_config(Path(path).read_text()) == dict(
        model=dict(type='GFL', backbone=dict(type='ResNet')),
        custom_hooks=[dict(type='EMAHook')],
        optim_wrapper=dict(a=1),
        default_scope='mmdet',
    )


def test_parts_of_our_scope_are_named_for_the_toolbox(tmp_path):
    pipeline = (
        dict(type='PackInputs', _scope_='mmkd_logit'),
        dict(type='CifarThinResNet', _scope_='mmkd_logit'),
        dict(type='Resize', _scope_='mmdet'),
    )
    path = write_student_config(config(tmp_path, pipeline=pipeline))
    assert parse_config(Path(path).read_text())['pipeline'] == (
        dict(type='PackInputs'),
        dict(type='mmkd_logit.CifarThinResNet'),
        dict(type='Resize', _scope_='mmdet'),
    )


def test_closing_lines_name_files_and_stock_code(tmp_path):
    own = config(tmp_path)
    assert closing_lines(own, None) == []  # nothing was saved
    last = tmp_path / 'epoch_1.pth'
    (tmp_path / 'last_checkpoint').write_text(str(last))
    path = write_student_config(own)
    assert closing_lines(own, path) == [
        f'checkpoint: {last}',
        f'config to use with it: {path} (the student alone)',
        'with the toolbox alone: from mmdet.apis import init_detector; '
        f'model = init_detector({path!r}, {str(last)!r}, '
        f'device={get_device()!r})',
    ]
    best = tmp_path / 'best_coco_bbox_mAP_epoch_1.pth'
    best.touch()
    lines = closing_lines(own, path)
    assert lines[1] == f'best checkpoint: {best}'
    assert f'{str(best)!r}, device=' in lines[3]


@pytest.mark.usefixtures('mmengine_as_it_was')
def test_a_run_ends_with_them(tmp_path, capsys):
    out = tmp_path / 'out'
    train(write_config(tmp_path), out)
    screen = capsys.readouterr()
    lines = (screen.out + screen.err).strip().splitlines()[-2:]
    assert lines[0].endswith(f'checkpoint: {out}/epoch_1.pth')
    assert f'config to use with it: {out}/student.py' in lines[1]
