"""Numbers behind the pictures, and the pictures themselves."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / 'tools/analysis_tools'


@pytest.fixture
def tool(monkeypatch):
    pytest.importorskip('mmpretrain')
    monkeypatch.syspath_prepend(str(TOOLS))

    def load(name):
        return __import__(name)

    return load


def test_correlation_of_classes_by_hand(tool):
    # columns (0, 1, 2), (2, 1, 0), (0, 1, 2): +1, -1; then 0.5 for the third
    logits = torch.tensor([[0.0, 2.0, 0.0], [1.0, 1.0, 1.0], [2.0, 0.0, 2.0]])
    other = torch.tensor([[0.0, 2.0, 1.0], [1.0, 1.0, 0.0], [2.0, 0.0, 2.0]])
    module = tool('logit_correlation')
    matrix = module.class_correlation(logits)
    expected = torch.tensor([[1.0, -1, 1], [-1, 1, -1], [1, -1, 1]])
    torch.testing.assert_close(matrix, expected.double())
    gap = module.difference(logits, other)
    torch.testing.assert_close(gap[0], torch.tensor([0, 0, 0.5]).double())
    with pytest.raises(ValueError, match='same classes'):
        module.difference(logits, other[:, :2])


@pytest.mark.parametrize('largest', [None, 1.5])
def test_compared_matrices_have_one_colour_scale(tool, tmp_path, largest):
    student = torch.tensor([[1.0, -0.5], [-0.5, 1.0]])
    teacher = torch.tensor([[1.0, 0.25], [0.25, 1.0]])
    figure = tool('logit_correlation').draw(
        dict(ours=student, theirs=teacher),
        ['cat', 'dog'],
        str(tmp_path / 'a.png'),
        largest,
    )
    panels = [axes for axes in figure.axes if axes.images]
    first, second, gap = (axes.images[0] for axes in panels)
    assert first.norm is second.norm
    assert first.cmap.name == second.cmap.name
    assert first.get_clim() == (-1, 1)
    assert gap.get_array().max() == 0.75
    assert gap.get_clim() == (0, largest or 0.75)
    for axes in panels:
        names = [text.get_text() for text in axes.get_xticklabels()]
        assert names == ['cat', 'dog']
    titles = [axes.get_title() for axes in panels]
    assert titles[0].endswith('ours') and titles[1].endswith('theirs')
    # one scale beside the two matrices, one beside their difference
    assert len(figure.axes) == 5


def test_many_classes_are_numbered(tool, tmp_path):
    matrix = torch.eye(31)
    figure = tool('logit_correlation').draw(
        dict(a=matrix, b=matrix), list('x' * 31), str(tmp_path / 'a.png')
    )
    assert figure.axes[0].get_xlabel() == 'class number'


@pytest.mark.parametrize('classes', [3, 25])
def test_every_class_of_tsne_is_in_the_legend(tool, tmp_path, classes):
    labels = torch.arange(2 * classes) % classes
    points = np.random.default_rng(0).normal(size=(2 * classes, 2))
    names = [f'class {index}' for index in range(classes)]
    figure = tool('tsne').draw(
        dict(ours=points, theirs=points),
        labels,
        names,
        str(tmp_path / 'a.png'),
    )
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == names
    first, second = figure.axes
    looks = {
        (
            tuple(dots.get_facecolor()[0]),
            dots.get_paths()[0].vertices.tobytes(),
        )
        for dots in first.collections
    }
    assert len(looks) == classes  # no two classes look alike
    for ours, theirs in zip(first.collections, second.collections):
        assert (ours.get_facecolor() == theirs.get_facecolor()).all()


def test_hits_of_cells_by_hand(tool):
    module = tool('cells')
    # one image of class 1: the whole and two of four quarters are right
    classes = torch.tensor([[1, 1, 0, 1, 2]])
    hits = module.cell_hits(classes, torch.tensor([1]), [1, 2])
    assert hits[1].tolist() == [[True]]
    assert hits[2].tolist() == [[True, False, True, False]]
    assert module.summary(hits) == [(1, 1.0, 0.0), (2, 0.5, 0.5)]


def test_examples_are_consistent_or_complementary_and_of_many_classes(tool):
    hits = {
        1: torch.tensor([[1], [1], [1], [1], [0], [0]]).bool(),
        2: torch.tensor(
            [
                [1, 1, 1, 1],  # consistent
                [1, 0, 0, 1],  # right whole, two cells wrong, class 0
                [0, 0, 0, 1],  # right whole, three cells wrong, class 0
                [1, 1, 1, 0],  # right whole, one cell wrong, class 1
                [0, 0, 0, 0],  # consistently wrong: no example of anything
                [0, 0, 1, 0],  # wrong whole, one cell right
            ]
        ).bool(),
    }
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    rows = tool('cells').examples(hits, labels, 3)
    assert list(rows.values()) == [[0], [2, 3, 1], [5]]


def test_points_of_a_sorted_dataset_are_of_all_classes(tool):
    labels = torch.arange(4).repeat_interleave(5)  # the first 5 of class 0
    kept = tool('tsne').chosen(labels, 3, 6)
    assert labels[kept].tolist() == [0, 0, 1, 1, 2, 2]
    assert len(tool('tsne').chosen(labels, 3, 100)) == 15


def test_list_of_tiny_imagenet(tmp_path):
    for name in ('n02', 'n01'):
        (tmp_path / 'train' / name).mkdir(parents=True)
    (tmp_path / 'val').mkdir()
    (tmp_path / 'val' / 'val_annotations.txt').write_text(
        'val_0.JPEG\tn02\t0\t0\t9\t9\nval_1.JPEG\tn01\t0\t0\t9\t9\n'
    )
    tool = ROOT / 'tools/dataset_converters/tiny_imagenet.py'
    subprocess.run([sys.executable, str(tool), str(tmp_path)], check=True)
    lines = (tmp_path / 'val_list.txt').read_text().splitlines()
    assert lines == ['val_0.JPEG 1', 'val_1.JPEG 0']


@pytest.fixture(scope='module')
def two_models(tmp_path_factory):
    """Two untrained networks of the CIFAR-10 subset and a few images."""
    pytest.importorskip('mmpretrain')
    import cv2
    from mmengine.registry import DefaultScope

    from mmkd_logit.launch import load_config
    from mmkd_logit.registry import MODELS

    root = tmp_path_factory.mktemp('pictures')
    rng = np.random.default_rng(0)
    for name in range(10):
        folder = root / 'data' / 'test' / f'class{name}'
        folder.mkdir(parents=True)
        for index in range(2):
            image = rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)
            cv2.imwrite(str(folder / f'{index}.png'), image)
    args = []
    for network in ('resnet8', 'resnet20'):
        config = ROOT / f'configs/baseline/cifar_{network}_cifar10-subset.py'
        torch.manual_seed(0)
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            model = MODELS.build(load_config(str(config)).model)
        torch.save(model.state_dict(), root / f'{network}.pth')
        args += [config, root / f'{network}.pth']
    return args + ['--data-root', root / 'data']


def run_tool(name, *args):
    done = subprocess.run(
        [sys.executable, str(TOOLS / f'{name}.py'), *map(str, args)],
        cwd=ROOT,
        env={
            'PYTHONPATH': str(ROOT),
            'PATH': '',
            'OMP_NUM_THREADS': '1',
            'HOME': str(ROOT.parent),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize('name', ['logit_correlation', 'tsne', 'cells'])
def test_pictures_from_two_checkpoints(name, two_models, tmp_path):
    import cv2

    if name == 'tsne':
        pytest.importorskip('sklearn')
    out = tmp_path / f'{name}.png'
    text = run_tool(name, *two_models, '--out', out)
    assert f'wrote {out}' in text
    picture = cv2.imread(str(out))
    assert picture.shape[0] > 500 and picture.std() > 20
    if name == 'cells':
        assert 'teacher: 4 x 4 cells right' in text
