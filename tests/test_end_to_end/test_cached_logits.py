"""The commands of docs/cached_logits.md, on a few images."""

import sys

import numpy as np
import pytest
import torch

pytest.importorskip('mmpretrain')

from mmengine.registry import DefaultScope  # noqa: E402

from tests.pages import commands  # noqa: E402
from tests.test_end_to_end.commands import ROOT, call, random_teacher  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path):
    """A data set like the subset of CIFAR-10, and a teacher's weights."""
    import cv2

    rng = np.random.default_rng(0)
    for split, count in (('train', 3), ('test', 1)):
        for name in range(10):
            place = tmp_path / 'data' / split / f'class{name}'
            place.mkdir(parents=True)
            for index in range(count):
                image = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
                cv2.imwrite(str(place / f'{index}.png'), image)
    teacher = ROOT / 'configs/baseline/cifar_resnet20_cifar10-subset.py'
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        random_teacher(teacher, tmp_path / 'teacher.pth')
        random_teacher(teacher, tmp_path / 'other.pth', seed=2)
    return tmp_path


def test_the_commands_of_the_page(folder):
    shown = [
        list(command.words)
        for command in commands()
        if command.page == 'docs/cached_logits.md'
        and 'benchmark_cache' not in command.words[1]
    ]
    assert [words[1] for words in shown] == [
        'tools/cache_teacher.py',
        'tools/train.py',
    ]
    small = ['train_cfg.max_epochs=2', 'train_dataloader.batch_size=8']
    own = ['--data-root', folder / 'data']
    own += ['--teacher-ckpt', folder / 'teacher.pth']
    cache = str(folder / 'cache')
    write, train = (
        [cache if word.startswith('work_dirs/') else word for word in words]
        for words in shown
    )
    status, text = call(sys.executable, *write[1:], *small, *own)
    assert status == 0, text
    assert '60 rows (2 epochs) of (10,), all logits in float32: 49 byt' in text
    live = ['--cfg-options', *small, 'randomness.seed=0', 'exact_resume=True']
    states = []
    for name, words in (
        ('cached', [*train[1:], '--cfg-options', *small]),
        ('live', [*train[1:3], *live]),
    ):
        status, text = call(
            sys.executable, *words, *own, '--work-dir', folder / name
        )
        assert status == 0, text
        assert ('its logits are read from' in text) == (name == 'cached')
        states.append(
            torch.load(folder / name / 'epoch_2.pth', weights_only=False)
        )
    ours, theirs = (state['state_dict'] for state in states)
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    # another teacher is refused before the data are read
    own[-1] = folder / 'other.pth'
    status, text = call(
        sys.executable, *train[1:], *own, '--work-dir', folder / 'other'
    )
    assert status == 1
    assert 'is of another teacher: sha256 of the weights was' in text
