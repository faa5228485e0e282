import os
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mmkd_logit.doctor.stacks import CLASSIC, MODERN

ROOT = Path(__file__).resolve().parents[1]
NAME = 'dkd/faster_rcnn_r101_r18_coco.py'


@pytest.fixture(scope='module')
def extras():
    return runpy.run_path(str(ROOT / 'setup.py'))['make_extras']()


def check_metafiles(monkeypatch, root, *options):
    """What the tool says of a folder; empty if all is well."""
    argv = ['check_metafiles.py', '--root', str(root), *options]
    monkeypatch.setattr(sys, 'argv', argv)
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(ROOT / 'tools' / argv[0]), run_name='__main__')
    return stop.value.code or ''


def test_install_script_and_extras_have_the_same_pins(extras):
    script = (ROOT / 'tools' / 'install.sh').read_text()
    pins = set(re.findall(r'[\w-]+==[\d.]+', script))
    for stack in (MODERN, CLASSIC):
        first = {stack['torch'], stack['torchvision'], stack['mmcv']}
        assert first <= pins
        pins -= first
    assert not pins, f'{pins} are in install.sh only'


@pytest.mark.parametrize(
    'name, ours, theirs',
    [('onedl', MODERN, CLASSIC), ('openmmlab', CLASSIC, MODERN)],
)
def test_an_extra_holds_one_stack(extras, name, ours, theirs):
    parts = {'cls': 'mmpretrain', 'det': 'mmdet', 'seg': 'mmseg'}
    for short, toolbox in parts.items():
        extra = extras[f'{name}-{short}']
        assert ours[toolbox] in extra and ours['mmcv'] in extra
        assert set(extra) <= set(extras[name])
    assert not set(extras[name]) & set(theirs.values())
    assert not {ours['mmdet'], ours['mmseg']} & set(extras[f'{name}-cls'])


def test_every_config_is_in_its_metafile(monkeypatch):
    assert check_metafiles(monkeypatch, ROOT) == ''


def test_metafile_check_names_what_is_wrong(monkeypatch, tmp_path):
    folder = tmp_path / 'configs' / 'dkd'
    folder.mkdir(parents=True)
    (tmp_path / 'model-index.yml').write_text('Import: [configs/kd/x.yml]')
    (folder / 'a.py').touch()
    (folder / 'b.py').touch()
    (folder / 'metafile.yml').write_text(
        'Collections:\n  - Name: DKD\nModels:\n'
        '  - Name: dkd_a\n    In Collection: DKD\n'
        '    Config: configs/dkd/a.py\n    Results: [{Metrics: {AP: 1}}]\n'
        '  - Name: dkd_c\n    In Collection: KD\n'
        '    Config: configs/dkd/c.py\n'
    )
    report = check_metafiles(monkeypatch, tmp_path)
    assert 'dkd_a: a result without its Source' in report
    assert 'configs/dkd/c.py does not exist' in report
    assert "In Collection is none of ['DKD']" in report
    assert 'lists no b' in report
    assert 'configs/dkd/metafile.yml is missing or too much' in report
    check_metafiles(monkeypatch, tmp_path, '--add')
    assert 'Name: dkd_b' in (folder / 'metafile.yml').read_text()


def test_wheel_carries_configs_and_tools(tmp_path):
    source, wheels = tmp_path / 'source', tmp_path / 'wheels'
    skip = shutil.ignore_patterns('__pycache__', '.mim')
    for folder in ('mmkd_logit', 'configs', 'tools'):
        shutil.copytree(ROOT / folder, source / folder, ignore=skip)
    for file in ('setup.py', 'pyproject.toml', 'README.md', 'model-index.yml'):
        shutil.copy(ROOT / file, source)
    done = subprocess.run(
        [sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps']
        + ['--no-index', '--no-build-isolation', '-w', wheels, source],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(wheels.glob('*.whl'))) as wheel:
        names = set(wheel.namelist())
        wheel.extractall(tmp_path / 'site')
    kernel = [name for name in names if 'ops/_cpu_kernel.' in name]
    assert len(kernel) == (shutil.which('cc') is not None)
    assert 'mmkd_logit/.mim/model-index.yml' in names
    assert 'mmkd_logit/.mim/tools/train.py' in names
    for path in ROOT.glob('configs/**/*.*'):
        if '__pycache__' not in path.parts:
            name = path.relative_to(ROOT).as_posix()
            assert f'mmkd_logit/.mim/{name}' in names
    for path in ROOT.glob('mmkd_logit/**/*.py'):
        if '.mim' not in path.parts:
            assert path.relative_to(ROOT).as_posix() in names
    assert not any(name.startswith(('tests', 'demo')) for name in names)
    pytest.importorskip('mmdet')
    code = (
        'import mmkd_logit.registry; from mmengine.hub import get_config;'
        f'print(mmkd_logit.__path__, get_config("mmkd_logit::{NAME}").model)'
    )
    done = subprocess.run(
        [
            sys.executable,
            '-I',
            '-c',
            f'import sys; sys.path.insert(0, '
            f'{str(tmp_path / "site")!r}); {code}',
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout and 'FasterRCNN' in done.stdout


@pytest.mark.parametrize('compiler', ['', 'false'])
def test_the_kernel_is_built_where_there_is_a_compiler(tmp_path, compiler):
    if not compiler and shutil.which('cc') is None:
        pytest.skip('needs a C compiler')
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', 'setup.py', '-q', 'build_ext']
        + ['--build-lib', tmp_path / 'lib', '--build-temp', tmp_path / 'temp'],
        cwd=ROOT,
        env={**os.environ, **({'CC': compiler} if compiler else {})},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert bool(compiler) == (not [*tmp_path.glob('lib/**/_cpu_kernel.*')])


def test_configs_can_be_inherited_by_package_name(tmp_path):
    pytest.importorskip('mmdet')
    from mmdet.registry import TRANSFORMS
    from mmengine.config import Config
    from mmengine.registry import DefaultScope

    import mmkd_logit.registry  # noqa: F401

    if not (ROOT / 'mmkd_logit' / '.mim').exists():
        pytest.skip('needs an install, pip install -e . is enough')
    child = tmp_path / 'mine.py'
    child.write_text(
        f"_base_ = 'mmkd_logit::{NAME}'\n"
        'model = dict(student=dict(roi_head=dict('
        'bbox_head=dict(num_classes=3))))\n'
    )
    config = Config.fromfile(child)
    assert config.model.type == 'mmkd_logit.LogitDistiller'
    assert config.model.student.type == 'FasterRCNN'
    assert config.model.student.roi_head.bbox_head.num_classes == 3
    # transforms that our config adds belong to mmdet, whatever their scope
    pipeline = config.train_dataloader.dataset.pipeline
    with DefaultScope.overwrite_default_scope('mmdet'):
        built = [TRANSFORMS.build(step) for step in pipeline]
    assert type(built[-1]).__name__ == 'PackDetInputs'
