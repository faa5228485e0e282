import json

import pytest

from demo import jobs
from demo.jobs import ROOT, Job, _step_back, run

CONFIG = """
train_cfg = dict(type='IterBasedTrainLoop', max_iters=4)
model = dict(type='mmkd_logit.NoSuchModel')
"""


@pytest.fixture
def job(tmp_path):
    (tmp_path / 'config.py').write_text(CONFIG)
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data' / 'digits.json').write_text('{"seed": 0}')
    return Job(
        'student', tmp_path / 'config.py', tmp_path / 'run', tmp_path / 'data'
    )


def variant(job, **fields):
    """A job that differs in some arguments."""
    names = ('title', 'config', 'folder', 'data_root', 'options', 'teacher')
    return Job(**{**{name: getattr(job, name) for name in names}, **fields})


def test_command_is_what_a_user_would_type(job):
    pupil = variant(job, teacher=job, options={'randomness.seed': 3})
    script, *words = pupil.command()[1:]
    assert script == str(ROOT / 'tools' / 'train.py')
    assert (ROOT / 'tools' / 'train.py').is_file()
    assert words == [
        str(job.config),
        '--work-dir',
        str(job.folder),
        '--data-root',
        str(job.data_root),
        '--resume',
        '--teacher-ckpt',
        str(job.folder / 'iter_4.pth'),
        '--cfg-options',
        'randomness.seed=3',
    ]


def test_fingerprint_follows_settings_data_and_teacher(job):
    seen = {job.fingerprint, variant(job).fingerprint}
    assert len(seen) == 1
    seen.add(variant(job, options={'train_cfg.max_iters': 5}).fingerprint)
    seen.add(variant(job, teacher=job).fingerprint)
    (job.data_root / 'digits.json').write_text('{"seed": 1}')
    seen.add(job.fingerprint)
    assert len(seen) == 4


def test_a_failed_training_shows_its_own_words_and_is_not_done(job):
    with pytest.raises(SystemExit, match='(?s)data_root.*stopped with code 1'):
        run(job, 'accuracy')
    assert job.state['done'] is False
    assert job.state['fingerprint'] == job.fingerprint


def test_a_finished_training_is_not_started_again(job):
    job.folder.mkdir()
    job.checkpoint.touch()
    job.save_state(fingerprint=job.fingerprint, seconds=1.0, done=True)
    run(job, 'accuracy')
    assert not (job.folder / 'output.txt').exists()
    assert job.state['seconds'] == 1.0


def test_other_settings_start_anew_and_foreign_files_are_kept(
    job, monkeypatch
):
    monkeypatch.setattr(
        jobs, '_train', lambda job, *_: (job.folder / 'new').touch()
    )
    job.folder.mkdir()
    job.save_state(fingerprint='old', seconds=1.0, done=True)
    job.checkpoint.touch()
    run(job, 'accuracy')
    assert (job.folder / 'new').exists() and not job.checkpoint.exists()
    assert job.state['seconds'] == 0.0

    (job.folder / 'demo_state.json').unlink()
    with pytest.raises(SystemExit, match='did not make'):
        run(job, 'accuracy')
    assert (job.folder / 'new').exists()


def test_weights_without_a_validation_are_stepped_back_from(job):
    job.folder.mkdir()
    for name in ('iter_2.pth', 'iter_4.pth'):
        (job.folder / name).touch()
    latest = job.folder / 'last_checkpoint'
    latest.write_text(str(job.checkpoint))
    _step_back(job)
    assert latest.read_text() == str(job.folder / 'iter_2.pth')
    assert [path.name for path in job.folder.glob('*.pth')] == ['iter_2.pth']
    _step_back(job)  # an ordinary interruption: nothing to do
    assert latest.read_text() == str(job.folder / 'iter_2.pth')


def test_state_survives_as_plain_json(job):
    job.folder.mkdir()
    job.save_state(fingerprint='a', seconds=2.5, done=False)
    (path,) = job.folder.iterdir()
    assert json.loads(path.read_text()) == job.state
