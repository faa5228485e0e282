"""Settings, versions and warnings of runs that are compared."""

from mmkd_logit.report.runs import collect, group_runs
from mmkd_logit.report.trained import changes, shared_versions, warnings_of
from tests.test_report.fake_runs import STUDENT, TEACHER, distiller, write_run

WARNING = 'x - mmengine - WARNING - {}\n'


def groups(*folders):
    return group_runs([collect(folder) for folder in folders])


def test_a_distillation_is_compared_with_its_student_alone(tmp_path):
    found = changes(
        groups(
            write_run(tmp_path / 'teacher', TEACHER, [0.4]),
            write_run(tmp_path / 'kd', distiller(), [0.3]),
            write_run(tmp_path / 'alone', STUDENT, [0.2]),
        )
    )
    assert [(one['name'], one['other']) for one in found] == [
        ('kd', 'alone'),
        ('alone', 'teacher'),
    ]
    # nothing of the student, whose settings are the same
    assert found[0]['changed'] == [
        'model.teacher: not set → teacher.py',
        'model.distill.loss_kd.loss.type: not set → KDLoss',
        'model.distill.loss_kd.loss.tau: not set → 1.0',
    ]
    assert found[1]['changed'] == ['model.backbone.depth: 101 → 18']


def test_a_warning_of_all_runs_stands_once(tmp_path):
    both, one = WARNING.format('both'), WARNING.format('one')
    old = WARNING.format('X will be deprecated in future')
    found = warnings_of(
        groups(
            write_run(tmp_path / 'a', STUDENT, [0.1], log=old + both + both),
            write_run(tmp_path / 'b', TEACHER, [0.1], log=both + one),
        )
    )
    assert found == [
        dict(text='both', runs='all runs'),
        dict(text='one', runs='b'),
        dict(text='X will be deprecated in future', runs='a'),
    ]


def test_runs_of_one_name_are_told_apart(tmp_path):
    text = WARNING.format('strange')
    alone = write_run(tmp_path / 'x', STUDENT, [0.1])
    distilled = write_run(tmp_path / 'dkd/x', distiller(), [0.1], log=text)
    (warning,) = warnings_of(groups(alone, distilled))
    assert warning['runs'] == str(tmp_path / 'dkd/x')


def test_versions_are_shared_or_named_for_each_run(tmp_path):
    ours = write_run(tmp_path / 'a', STUDENT, [0.1])
    same = write_run(tmp_path / 'b', TEACHER, [0.1])
    assert shared_versions(groups(ours, same))['PyTorch'] == '2.14.0'
    other = write_run(tmp_path / 'c', TEACHER, [0.1])
    (path,) = (tmp_path / 'c').glob('*/*.log')
    path.write_text(path.read_text().replace('2.14.0', '2.1.2'))
    assert shared_versions(groups(ours, other)) == {}
