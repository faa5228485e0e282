"""Own folders of images, a large teacher, a small student, stock inference."""

import json
import re
import sys

import numpy as np
import pytest

pytest.importorskip('mmpretrain')

from mmengine.registry import DefaultScope  # noqa: E402

from tests.test_end_to_end.commands import (  # noqa: E402
    ROOT,
    STOCK_ENV,
    call,
    random_teacher,
)

pytestmark = pytest.mark.slow
CLASSES = ['apple', 'bread', 'cheese']
TEACHER = """
_base_ = 'mmpretrain::resnet/resnet50_8xb32_in1k.py'
model = dict(head=dict(num_classes={count}, topk=(1, )))
train_dataloader = dict(dataset=dict(
    _delete_=True, type='CustomDataset', metainfo=dict(classes={classes})))
"""
STUDENT = """
_base_ = {base!r}
model = dict(teacher={teacher!r}, student=dict(head=dict(
    num_classes=3, mid_channels=[32]), backbone=dict(init_cfg=None)))
small = [dict(type='LoadImageFromFile'), dict(type='Resize', scale=64),
         dict(type='PackInputs')]
train_dataloader = dict(batch_size=4, num_workers=0, dataset=dict(
    data_root={data!r}, pipeline=small), persistent_workers=False)
val_dataloader = test_dataloader = dict(
    batch_size=4, num_workers=0, persistent_workers=False,
    dataset=dict(data_root={data!r}, pipeline=small))
train_cfg = dict(max_epochs=1)
default_hooks = dict(logger=dict(interval=1))
"""


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Data, teacher config and weights, student config."""
    import cv2

    root = tmp_path_factory.mktemp('folders')
    rng = np.random.default_rng(0)
    for split in ('train', 'val'):
        for name in CLASSES:
            path = root / 'data' / split / name
            path.mkdir(parents=True)
            for index in range(4):
                image = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
                cv2.imwrite(str(path / f'{index}.png'), image)
    write_teacher(root, 'teacher', CLASSES)
    base = ROOT / 'configs/sd_dkd/classifier_r50_mv3_folders.py'
    (root / 'student.py').write_text(
        STUDENT.format(
            base=str(base),
            data=str(root / 'data'),
            teacher=str(root / 'teacher.py'),
        )
    )
    return root


def write_teacher(root, name, classes):
    path = root / f'{name}.py'
    path.write_text(TEACHER.format(count=len(classes), classes=classes))
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        random_teacher(path, root / f'{name}.pth', classes)


def train(folder, out, *more, teacher='teacher'):
    return call(
        sys.executable,
        'tools/train.py',
        folder / 'student.py',
        '--work-dir',
        out,
        '--teacher-ckpt',
        folder / f'{teacher}.pth',
        '--cfg-options',
        f'model.teacher={folder / teacher}.py',
        *more,
    )


@pytest.fixture(scope='module')
def trained(folder):
    code, output = train(folder, folder / 'out')
    assert code == 0, output[-3000:]
    return folder / 'out', output


def test_a_users_own_folders_train_with_a_short_config(trained):
    out, output = trained
    assert 'loss_kd' in output and 'kd/tckd' in output
    assert '84 rows of 3 logits' in output  # 4 images of 1 + 4 + 16 cells
    assert (out / 'epoch_1.pth').exists()
    # of three classes, so no top-5
    assert re.search(
        'epoch 1: accuracy/top1 .* [|] best .* [|] teacher', output
    )


def test_the_curves_of_a_run_are_a_picture(trained, folder):
    out, _ = trained
    picture = folder / 'runs.png'
    code, output = call(
        sys.executable,
        'tools/analysis_tools/compare_runs.py',
        out,
        '--curves',
        'loss',
        'loss_kd',
        'accuracy/top1',
        '--out',
        picture,
    )
    assert code == 0, output[-3000:]
    assert picture.stat().st_size > 5000


ALONE = f"""
_base_ = {str(ROOT / 'configs/baseline/classifier_mv3_folders.py')!r}
model = dict(
    head=dict(num_classes=3, mid_channels=[32]),
    backbone=dict(init_cfg=None))
"""


def test_one_command_its_probe_and_its_report(folder, tmp_path):
    """What the first page shows, with two configs and no file to write."""
    settings = STUDENT.partition('small = ')
    (tmp_path / 'alone.py').write_text(
        ALONE + ''.join(settings[1:]).format(data=str(folder / 'data'))
    )
    tool, run = [sys.executable, 'tools/train.py'], tmp_path / 'run'
    teacher = folder / 'teacher.py', folder / 'teacher.pth'
    code, output = call(
        *tool,
        tmp_path / 'alone.py',
        *('--teacher', teacher[0], '--teacher-ckpt', teacher[1]),
        *('--method', 'wsld', '--work-dir', run),
    )
    assert code == 0, output[-3000:]
    assert 'wsld: WSLD, knowledge_distiller.py' in output  # the source
    assert 'loss_kd' in output and (run / 'epoch_1.pth').exists()
    written = run / 'source' / 'alone_wsld.py'
    assert f'to be edited: {written}' in output
    code, output = call(
        *tool, written, '--work-dir', tmp_path / 'probe', '--probe', 1
    )
    assert code == 0, output[-3000:]
    assert 'gradient at the backbone' in output
    page = tmp_path / 'report.html'
    code, output = call(sys.executable, 'tools/report.py', run, '--out', page)
    assert code == 0, output[-3000:]
    assert 'loss_kd' in page.read_text(encoding='utf-8')


INFER = """
import json, sys
sys.modules['mmkd_logit'] = None  # importing it is an error from here on
from mmengine import Config
from mmpretrain import ImageClassificationInferencer
config, checkpoint, image = sys.argv[1:]
config = Config.fromfile(config)
infer = ImageClassificationInferencer(config, checkpoint, device='cpu')
print('RESULT', json.dumps(infer(image)[0]['pred_scores'].tolist()))
"""
STOCK = f"""
_base_ = {str(ROOT / 'configs/baseline/classifier_mv3_folders.py')!r}
model = dict(head=dict(num_classes=3, mid_channels=[32]))
data_preprocessor = dict(num_classes=3)
"""


def test_the_student_runs_in_stock_mmpretrain_without_this_package(
    trained, folder
):
    out, _ = trained
    (folder / 'stock.py').write_text(STOCK)
    image = folder / 'data' / 'val' / 'apple' / '0.png'
    code, output = call(
        sys.executable,
        '-c',
        INFER,
        folder / 'stock.py',
        out / 'epoch_1.pth',
        image,
        env=STOCK_ENV,
        cwd=folder,
    )
    assert code == 0, output[-3000:]
    scores = json.loads(output.split('RESULT')[1])
    assert len(scores) == 3 and sum(scores) == pytest.approx(1, abs=1e-5)
    assert 'do not match exactly' not in output, output


def test_another_number_of_classes_is_one_sentence(folder):
    write_teacher(folder, 'four', CLASSES + ['dates'])
    code, output = train(folder, folder / 'bad', teacher='four')
    assert code == 1
    last = output.strip().splitlines()[-1]
    assert 'teacher has 4 classes, student 3; fine-tune' in last


def test_another_order_of_classes_is_one_sentence(folder):
    write_teacher(folder, 'turned', CLASSES[::-1])
    code, output = train(folder, folder / 'bad', teacher='turned')
    assert code == 1
    last = output.strip().splitlines()[-1]
    assert "class 0 is 'apple' for the student and 'cheese'" in last


def test_scales_larger_than_the_map_are_one_sentence(folder):
    code, output = train(
        folder,
        folder / 'bad',
        'model.distill.loss_kd.logits.scales=(1,8)',
        'model.distill.loss_kd.logits.pool=direct',
    )
    assert code == 1
    last = output.strip().splitlines()[-1]
    assert 'MobileNetV3 has 2 x 2 positions, too few for 8 x 8 cells' in last


def test_missing_imagenet_is_one_sentence(tmp_path):
    code, output = call(
        sys.executable,
        'tools/train.py',
        'configs/dkd/classifier_r34_r18_imagenet.py',
        '--data-root',
        tmp_path / 'no-imagenet',
        '--work-dir',
        tmp_path / 'out',
    )
    assert code == 1
    last = output.strip().splitlines()[-1]
    assert last.startswith('FileNotFoundError: train_dataloader finds no')
    assert '--data-root FOLDER' in last
