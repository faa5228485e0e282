"""What holds for every file under ``configs/``."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

import mmkd_logit.registry  # noqa: F401  (names of the toolboxes)
from tests.config_files import quick_bases  # noqa: F401

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs'
FILES = sorted(CONFIGS.rglob('*.py'))
TABLE = yaml.safe_load((ROOT / 'tools/configs.yml').read_text())
BY_HAND = [CONFIGS / name for name in TABLE['by hand']]

sys.path.insert(0, str(ROOT / 'tools'))
import make_configs  # noqa: E402

TOOLBOXES = dict(coco='mmdet', cityscapes='mmseg', camvid='mmseg')


def test_configs_are_short_and_inherit():
    assert len(FILES) > 600
    for path in FILES:
        text = path.read_text()
        lines = text.splitlines()
        assert len(lines) <= 25, path
        assert all(len(line) <= 79 for line in lines), path
        assert '{{$' not in text, f'no environment variables: {path}'
        assert 'work_dir =' not in text, f'tools/train.py names it: {path}'
        assert lines[0].startswith('#'), f'what is it? {path}'
        if '_base_' not in path.parts and path.parent.name != 'demo':
            assert any(line.startswith('_base_ =') for line in lines), path


def test_method_configs_are_a_pair_and_a_recipe():
    methods = [f for f in FILES if f.parent.name in TABLE['methods']]
    assert len(methods) > 400
    for path in methods:
        text = path.read_text()
        assert 'backbone=' not in text, path
        if path not in BY_HAND:
            code = [s for s in text.splitlines() if not s.startswith('#')]
            assert code[0] == '_base_ = [' and code[3:] == [
                ']',
                "globals().update(_base_.pop('recipe'))",
            ]


def test_generated_files_are_those_of_the_table():
    files = make_configs.expected_files(ROOT, TABLE)
    assert not make_configs.compare(ROOT, TABLE, files)


def test_every_recipe_and_pair_is_used():
    rows = list(make_configs.read_rows(TABLE))
    others = set(TABLE['other recipes'])
    inherited = {
        line.split("'")[1].rpartition('/')[2][: -len('.py')]
        for path in CONFIGS.glob('_base_/recipes/*.py')
        for line in path.read_text().splitlines()
        if line.startswith("_base_ = './")
    }
    for folder, used in (
        ('recipes', {row.recipe for row in rows} | inherited | others),
        ('pairs', {row.pair for row in rows}),
    ):
        found = {path.stem for path in CONFIGS.glob(f'_base_/{folder}/*.py')}
        assert found == used


def test_differences_are_named(tmp_path):
    table = dict(
        methods=dict(kd={'name': 'KD', 'a_*_coco': dict(kd_roi='t_s u_v')}),
        data=dict(coco='COCO'),
    )
    table['by hand'] = []
    folder = tmp_path / 'configs' / 'kd'
    folder.mkdir(parents=True)
    (folder / 'metafile.yml').write_text('Collections:\n  - Name: KD\n')
    files = make_configs.expected_files(tmp_path, table)
    for path, text in files.items():
        path.write_text(text)
    (folder / 'a_t_s_coco.py').unlink()
    (folder / 'a_u_v_coco.py').write_text('# another')
    (folder / 'b.py').write_text('')
    assert make_configs.compare(tmp_path, table, files) == [
        'configs/_base_/pairs/a_t_s_coco.py is missing; write or correct it',
        'configs/_base_/pairs/a_u_v_coco.py is missing; write or correct it',
        'configs/_base_/recipes/kd_roi.py is missing; write or correct it',
        'configs/kd/a_t_s_coco.py is missing',
        'configs/kd/a_u_v_coco.py differs from tools/configs.yml',
        'configs/kd/b.py is not in tools/configs.yml; add its line, or delete '
        'it',
    ]


def test_nothing_is_written_for_what_is_misspelt(tmp_path):
    table = tmp_path / 'tools' / 'configs.yml'
    folder = tmp_path / 'configs' / 'kd'
    for path in (table.parent, folder):
        path.mkdir(parents=True)
    table.write_text(
        'data: {coco: COCO}\nby hand: []\n'
        'methods: {kd: {name: KD, a_*_coco: {kd_roi: t_s}}}\n'
    )

    def write():
        return subprocess.run(
            [sys.executable, ROOT / 'tools/make_configs.py']
            + ['--root', tmp_path],
            capture_output=True,
            text=True,
        ).stderr

    assert write().startswith('configs/kd/metafile.yml is missing; correct')
    (folder / 'metafile.yml').write_text('Collections:\n  - Name: KD\n')
    assert 'pairs/a_t_s_coco.py is missing; write or' in write()
    assert [path.name for path in folder.iterdir()] == ['metafile.yml']


def test_a_pair_stands_once_below_a_method():
    groups = {'a_*_coco': dict(x='t_s', y='t_s')}
    with pytest.raises(ValueError, match='kd has two recipes for a_t_s_coco'):
        list(make_configs.read_rows(dict(methods=dict(kd=groups))))
    with pytest.raises(ValueError, match="'t_coco' is not named"):
        make_configs.split_pair('t_coco')


@pytest.mark.parametrize(
    'pair, parts',
    [
        ('cifar_wrn_40_2_wrn_16_2_cub', ('cifar', 'wrn_40_2', 'wrn_16_2')),
        ('faster_rcnn_r101_r18_coco', ('faster_rcnn', 'r101', 'r18')),
        ('fcn_r18-wide_r18-slim_camvid', ('fcn', 'r18-wide', 'r18-slim')),
    ],
)
def test_pairs_are_split(pair, parts):
    data = pair.rpartition('_')[2]
    assert make_configs.split_pair(pair) == (*parts, data)


@pytest.mark.parametrize('toolbox', ['mmpretrain', 'mmdet', 'mmseg'])
def test_every_config_loads_and_is_dumped(toolbox, tmp_path):
    pytest.importorskip(toolbox)
    rows = [
        row
        for row in make_configs.read_rows(TABLE)
        if toolbox == TOOLBOXES.get(row.pair.rpartition('_')[2], 'mmpretrain')
    ]
    assert rows
    for i, row in enumerate(rows):
        config = Config.fromfile(CONFIGS / row.method / f'{row.stem}.py')
        assert config.model.type == 'mmkd_logit.LogitDistiller'
        assert config.model.distill.loss_kd.loss.type, row
        # a name that is left over would take options without effect
        assert 'recipe' not in config and 'pair' not in config
        if i % 25 == 0:
            config.dump(tmp_path / f'dumped_{i}.py')
            again = Config.fromfile(tmp_path / f'dumped_{i}.py')
            assert again.to_dict() == config.to_dict()
            child = tmp_path / f'child_{i}.py'
            child.write_text(f'_base_ = {str(config.filename)!r}\n')
            assert Config.fromfile(child).to_dict() == config.to_dict()


@pytest.mark.parametrize(
    'base', [str(CONFIGS / '_base_'), 'mmkd_logit::_base_']
)
def test_a_pair_and_a_recipe_in_a_file_of_ones_own(base, tmp_path):
    pytest.importorskip('mmpretrain')
    if '::' in base and not (ROOT / 'mmkd_logit' / '.mim').exists():
        pytest.skip('needs an install, pip install -e . is enough')
    path = tmp_path / 'my_run.py'
    path.write_text(f"""_base_ = [
    '{base}/pairs/cifar_resnet56_resnet20_cifar100.py',
    '{base}/recipes/dkd_cifar_beta6.py'
]
globals().update(_base_.pop('recipe'))
model.distill.loss_kd.loss.tau = 2.0
""")
    config = Config.fromfile(path)
    loss = config.model.distill.loss_kd.loss
    assert (loss.tau, loss.beta) == (2.0, 6.0)
    assert config.custom_hooks[0].type == 'mmkd_logit.KDWarmupHook'
    assert config.model.student.backbone.depth == 20


def spelt_out(path):
    """``a/{b,c}/d`` as a shell reads it."""
    before, brace, rest = path.partition('{')
    if not brace:
        return [path]
    words, _, after = rest.partition('}')
    return [
        part
        for word in words.split(',')
        for part in spelt_out(before + word + after)
    ]


def test_pages_name_configs_that_exist():
    named = {
        (page.name, path)
        for page in CONFIGS.rglob('*.md')
        for match in re.findall(r'configs/[-\w./{},*]+\.py', page.read_text())
        for path in spelt_out(match)
    }
    assert len(named) > 40
    assert [name for name in named if not any(ROOT.glob(name[1]))] == []
    links = {
        (page, link)
        for page in CONFIGS.rglob('*.md')
        for link in re.findall(r'\]\(([^):#]+)', page.read_text())
    }
    assert [
        (page.name, link)
        for page, link in links
        if not (page.parent / link).exists()
    ] == []
