"""Every block of Python of every page is run, or read as the config it is."""

import re

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from PIL import Image

from mmkd_logit.heads import LogitReader
from mmkd_logit.launch import load_config
from mmkd_logit.launch.model_block import check_model_block
from mmkd_logit.losses import LogitLoss
from mmkd_logit.registry import HOOKS, MODELS, is_distiller
from tests.config_files import quick_bases  # noqa: F401
from tests.pages import ROOT, Block, blocks

CODE = [block for block in blocks() if block.kind == 'python']
#: Pages whose blocks have tests of their own.
ELSEWHERE = {
    'docs/adding_a_head.md': 'test_docs.py',
    'docs/adding_a_loss.md': 'test_docs.py',
    'docs/adding_a_pair.md': 'test_docs.py',
    'docs/from_mmrazor.md': 'test_from_mmrazor.py',
}
#: Names that a fragment of a config gives to parts of this package.
PARTS = ('distill', 'loss', 'custom_hooks')
#: What a reader's own student or teacher is here.
STUDENT = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'


def name_of(block):
    """A file's name in the first line, if it has one."""
    found = re.match(r'# ([\w./-]+\.py)', block.text)
    return found[1] if found else ''


def title(block):
    return f'{block.page}: {block.text.splitlines()[0]}'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where a reader works: `configs`, and two models of his or hers."""
    (tmp_path / 'configs').symlink_to(ROOT / 'configs')
    for name in ('my_student.py', 'my_teacher.py'):
        (tmp_path / name).write_text(f'_base_ = {STUDENT!r}\n')
    (tmp_path / 'checkpoints').mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read_config(block, folder):
    """Load a config beside the other files of its page."""
    pytest.importorskip('mmpretrain')
    pytest.importorskip('mmdet')
    pytest.importorskip('mmseg')
    for other in CODE:
        if other.page == block.page and name_of(other):
            (folder / name_of(other)).write_text(other.text)
    (folder / 'block.py').write_text(block.text)
    config = load_config(str(folder / 'block.py'))
    assert config.model and config.train_dataloader
    check_model_block(config)
    if is_distiller(config.model):
        assert config.model.distill
    return config


def build_parts(node):
    """Build what a config names of this package; count it."""
    if isinstance(node, (list, tuple)):
        return sum(build_parts(part) for part in node)
    if not isinstance(node, dict):
        return 0
    if str(node.get('type')).startswith('mmkd_logit.'):
        hook = str(node['type']).endswith('Hook')
        part = (HOOKS if hook else MODELS).build(node)
        assert isinstance(part, (LogitLoss, LogitReader, Hook))
        return 1
    return sum(build_parts(part) for part in node.values())


def prepare(text, names, folder):
    """What a block takes for granted."""
    if 'student_logits' in text:
        names['student_logits'] = torch.randn(4, 7)
        names['teacher_logits'] = torch.randn(4, 7)
        names['labels'] = torch.arange(4)
    if "torch.load('checkpoints/cifar" in text:
        torch.save(
            dict(state_dict={'head.fc.weight': torch.randn(100, 16)}),
            'checkpoints/cifar_resnet32x4_cifar100.pth',
        )
    if 'ImageClassificationInferencer' in text:
        pytest.importorskip('mmpretrain')
        from mmpretrain import get_model

        path = folder / 'work_dirs' / 'dkd' / 'my_distilled'
        path.mkdir(parents=True)
        state = get_model(Config.fromfile('my_student.py')).state_dict()
        meta = dict(dataset_meta=dict(classes=[str(i) for i in range(1000)]))
        torch.save(dict(state_dict=state, meta=meta), path / 'epoch_50.pth')
        Image.new('RGB', (256, 256)).save('image.jpg')


@pytest.mark.parametrize(
    'block', [b for b in CODE if b.page not in ELSEWHERE], ids=title
)
def test_a_block_of_a_page(block, folder):
    if '_base_' in block.text:
        read_config(block, folder)
        return
    names = {}
    prepare(block.text, names, folder)
    exec(compile(block.text, block.page, 'exec'), names)
    if 'mmkd_logit.' in block.text and 'import' not in block.text:
        made = [v for k, v in names.items() if k in PARTS]
        assert build_parts(made) >= 1
    if 'class_map' in block.text:
        assert isinstance(names['model']['class_map'], dict)
    if 'np.save' in block.text:
        assert (folder / 'checkpoints' / 'costs_cifar100.npy').is_file()


def test_most_blocks_are_run_here():
    pages = {block.page for block in CODE}
    assert set(ELSEWHERE) <= pages
    assert len([b for b in CODE if b.page not in ELSEWHERE]) > 10
    for page, test in ELSEWHERE.items():
        stem = page.rpartition('/')[2]
        assert stem in (ROOT / 'tests' / test).read_text(), page


@pytest.mark.parametrize(
    'text, error',
    [
        ("loss = dict(type='mmkd_logit.KDLos', tau=4.0)", KeyError),
        ("distill = dict(a=dict(type='mmkd_logit.KDLoss', tua=1))", TypeError),
        ("_base_ = './my_studnt.py'", FileNotFoundError),
        ('x = y', NameError),
    ],
)
def test_mistakes_are_found(text, error, folder):
    with pytest.raises(error):
        test_a_block_of_a_page(Block('page', 'python', text), folder)
