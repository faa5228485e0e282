"""Names that are nearly right."""

import pytest

from mmkd_logit.messages import did_you_mean, near_path

KNOWN = ['DKDLoss', 'KDLoss']


@pytest.mark.parametrize(
    'name, scope, cutoff, hint',
    [
        ('DKDLos', '', 0.6, "did you mean 'DKDLoss'?"),
        (
            'far.away.from.here.DKLoss',
            'here',
            0.5,
            "did you mean 'here.DKDLoss'?",
        ),
        ('Adam', '', 0.6, ''),
        ('Los', '', 0.0, "did you mean 'KDLoss'?"),
    ],
)
def test_nearest_name(name, scope, cutoff, hint):
    assert did_you_mean(name, KNOWN, scope, cutoff) == hint


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('data/train2017/1.jpg', 'data/annotations/train.json'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('')
    return tmp_path


@pytest.mark.parametrize(
    'path, near',
    [
        ('data/annotations/tran.json', 'data/annotations/train.json'),
        ('data/anotations/train.json', 'data/annotations/train.json'),
        ('dta/anotation/trains.json', 'data/annotations/train.json'),
        ('data/train2107', 'data/train2017'),
        ('data/train2107/', 'data/train2017'),
        ('data/train2107/1.jpg', 'data/train2017/1.jpg'),
        ('data/train2017.jpg', ''),  # that is a folder
        ('data/train2017/1.jpg', ''),  # it is there
        ('other/train.json', ''),
        ('', ''),
    ],
)
def test_nearest_path(files, path, near):
    expected = f'; did you mean {near!r}?' if near else ''
    assert near_path(path) == expected
    whole = str(files / path)
    expected = f'; did you mean {str(files / near)!r}?' if near else ''
    assert near_path(whole) == expected
    expected = f'; did you mean {near!r}?' if near else ''
    assert near_path(path, str(files)) == expected
