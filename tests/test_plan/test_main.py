"""The command that looks at a pair before training."""

import sys
from pathlib import Path

import pytest

pytest.importorskip('mmdet')

from mmkd_logit.plan import __main__ as command


def lines(monkeypatch, *words):
    monkeypatch.setattr(sys, 'argv', ['plan', *map(str, words)])
    return list(command.plan(command.parse_args()))


def test_a_pair_of_the_demo(monkeypatch):
    said = '\n'.join(
        lines(
            monkeypatch,
            'configs/demo/faster_rcnn_student.py',
            'configs/demo/faster_rcnn_teacher.py',
            '--image-size=96',
            '--batch-size=2',
            '--rounds=1',
            '--device=cpu',
        )
    )
    assert 'student   FasterRCNN' in said and 'teacher   FasterRCNN' in said
    assert 'RoILogits -> DKDLoss' in said and 'softmax rows of 11' in said
    assert '2 random images of 96 x 96' in said
    assert 'student alone' in said and '(1 rounds on cpu;' in said
    # what random weights say about a loss weight is not shown
    assert '--probe 10' in said and 'proposed' not in said


def test_two_teachers(monkeypatch, tmp_path):
    teacher = 'configs/demo/faster_rcnn_teacher.py'
    path = tmp_path / 'two.py'
    path.write_text(
        f'_base_ = [{str(Path("configs/demo/faster_rcnn_dkd.py").resolve())!r}'
        f']\nmodel = dict(teacher=[{teacher!r}] * 2,\n'
        "             teacher_ckpt=['a.pth', 'b.pth'])\n"
    )
    words = ['--image-size=96', '--batch-size=2', '--rounds=1', '--device=cpu']
    said = '\n'.join(lines(monkeypatch, path, *words))
    assert 'teacher 0 FasterRCNN' in said and 'teacher 1 FasterRCNN' in said
    assert 'RoILogits -> DKDLoss' in said and 'teacher 0.' in said


def test_a_pair_that_does_not_fit_gets_a_sentence(monkeypatch):
    with pytest.raises(ValueError, match='teacher has 80 classes, student 10'):
        lines(
            monkeypatch,
            'configs/demo/faster_rcnn_student.py',
            'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py',
        )
    with pytest.raises(ValueError, match='trains a student alone; name'):
        lines(monkeypatch, 'configs/demo/faster_rcnn_student.py')
    with pytest.raises(ValueError, match='names its teacher itself'):
        lines(monkeypatch, 'configs/demo/faster_rcnn_dkd.py', 'x.py')


@pytest.mark.parametrize(
    'words, message',
    [
        (['--rounds=0'], '--rounds must be at least 1, got 0'),
        (['--image-size=-64'], '--image-size must be at least 1, got -64'),
        (['--batch-size=0'], '--batch-size must be at least 1, got 0'),
        (['--device=gpu'], '--device gpu cannot be used: Expected one of'),
    ],
)
def test_wrong_numbers_get_a_sentence(monkeypatch, words, message):
    with pytest.raises(ValueError, match=message):
        lines(monkeypatch, 'configs/demo/faster_rcnn_dkd.py', *words)


@pytest.mark.parametrize(
    'more, error, message',
    [
        ("model = dict(type='mmkd_logit.LogitDistiler')", ValueError, 'did y'),
        ('model = dict(foo=1)', TypeError, 'model has foo, which'),
        ('optim_wrapper = None', ValueError, 'has no `optim_wrapper`; name'),
        ('train_dataloader = None', ValueError, 'has no `train_dataloader`'),
    ],
)
def test_a_block_with_mistakes_gets_a_sentence(
    monkeypatch, tmp_path, more, error, message
):
    base = str(Path('configs/demo/faster_rcnn_dkd.py').resolve())
    (tmp_path / 'a.py').write_text(f'_base_ = [{base!r}]\n{more}\n')
    with pytest.raises(error, match=message):
        lines(monkeypatch, tmp_path / 'a.py', '--device=cpu')
