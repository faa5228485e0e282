"""What is read from a work dir, and which runs belong together."""

import pytest

from mmkd_logit.report import collect, group_runs
from tests.test_report.fake_runs import STUDENT, TEACHER, distiller, write_run

WARNING = '2026/01/01 00:00:01 - mmengine - WARNING - a class is missing\n'


def test_numbers_of_a_run(tmp_path):
    folder = write_run(
        tmp_path / 'dkd',
        distiller(),
        [0.1, 0.3],
        seed=4,
        classes=dict(cat=0.5, dog=0.25),
        log=2 * WARNING,
    )
    run = collect(folder)
    assert run.name == 'dkd' and run.is_distilled and run.seed == '4'
    assert run.last('coco/bbox_mAP') == 0.3 and run.best('loss') == 2.0
    # epochs have three iterations
    assert run.curve('coco/bbox_mAP') == [(3, 0.1), (6, 0.3)]
    assert 'loss_kd' in run.losses and 'coco/bbox_mAP' in run.metrics
    assert run.classes == dict(cat=0.5, dog=0.25)
    assert run.warnings == ['a class is missing']
    assert run.versions['PyTorch'] == '2.14.0'
    assert run.versions['Python'] == '3.11.7'
    assert run.last('never logged') is None
    assert run.scope == 'mmdet' and run.checkpoint is None


def test_table_of_the_segmentation_log(tmp_path):
    table = (
        '2026 - mmengine - INFO - per class results:\n'
        '2026 - mmengine - INFO - \n'
        '+------+-------+-------+\n|  Class  |  IoU  |  Acc  |\n'
        '|   road   | 97.1 | 98.0 |\n|   sky    | 50.5 | 60.0 |\n'
        '+------+-------+-------+\n2026 - mmengine - INFO - Iter(val)\n'
    )
    folder = write_run(tmp_path / 'a', STUDENT, [0.1], log=table)
    assert collect(folder).classes == dict(road=97.1, sky=50.5)


def test_seeds_are_one_group_and_the_student_alone_its_baseline(tmp_path):
    folders = [write_run(tmp_path / 'teacher', TEACHER, [0.5])]
    for seed in (0, 1):
        folders += [
            write_run(tmp_path / f'alone_seed{seed}', STUDENT, [0.2], seed),
            write_run(tmp_path / f'kd_seed{seed}', distiller(), [0.3], seed),
        ]
    folders.append(write_run(tmp_path / 'kd4', distiller(4.0), [0.4]))
    groups = {g.name: g for g in group_runs([collect(f) for f in folders])}
    assert list(groups) == ['teacher', 'alone', 'kd', 'kd4']
    assert [run.seed for run in groups['kd'].runs] == ['0', '1']
    assert groups['kd'].baseline == groups['kd4'].baseline == 'alone'
    assert groups['teacher'].baseline == groups['alone'].baseline == ''


def test_sizes_without_objects_are_no_metric(tmp_path):
    run = collect(write_run(tmp_path / 'a', STUDENT, [-1, -1]))
    assert run.metrics == []


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match='has no log of MMEngine'):
        collect(str(tmp_path))
