"""A real segmentor, from the command line to stock MMSegmentation."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip('mmseg')
pytest.importorskip('sklearn')

from mmengine.dataset import pseudo_collate  # noqa: E402
from mmengine.registry import init_default_scope  # noqa: E402
from mmengine.runner import Runner  # noqa: E402

from demo.layouts import write_cityscapes  # noqa: E402
from mmkd_logit.launch import load_config, move_data_root  # noqa: E402
from mmkd_logit.registry import MODELS  # noqa: E402
from tests.test_end_to_end.commands import (  # noqa: E402
    OPTIONS,
    ROOT,
    STOCK_ENV,
    call,
    random_teacher,
)

pytestmark = pytest.mark.slow
CONFIG = 'configs/demo/fcn_dkd.py'
STUDENT = 'configs/demo/fcn_student.py'


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return write_cityscapes(tmp_path_factory.mktemp('city'), counts=(8, 2))


@pytest.fixture(scope='module')
def teacher_ckpt(tmp_path_factory):
    init_default_scope('mmseg')
    return random_teacher(
        ROOT / 'configs/demo/fcn_teacher.py',
        tmp_path_factory.mktemp('teacher') / 'teacher.pth',
    )


def train(config, data, folder, *more):
    return call(
        sys.executable,
        'tools/train.py',
        config,
        '--data-root',
        data,
        '--work-dir',
        folder,
        *more,
    )


@pytest.fixture(scope='module')
def trained(data, teacher_ckpt, tmp_path_factory):
    folder = tmp_path_factory.mktemp('run')
    code, output = train(
        CONFIG,
        data,
        folder,
        '--teacher-ckpt',
        teacher_ckpt,
        '--cfg-options',
        *OPTIONS,
    )
    assert code == 0, output[-3000:]
    return folder, output


@pytest.mark.both_stacks
def test_report_terms_and_miou_are_logged(trained):
    folder, output = trained
    assert 'student: EncoderDecoder' in output and 'sha256' in output
    assert 'loss_kd: SegLogits -> DKDLoss, softmax rows of 11' in output
    scalars = next(folder.glob('*/vis_data/scalars.json')).read_text()
    rows = [json.loads(line) for line in scalars.splitlines()]
    steps = [row for row in rows if 'loss_kd' in row]
    assert len(steps) == 4
    for row in steps:
        # DKD with alpha 1 and beta 1, as the config says
        expected = row['kd/tckd'] + row['kd/nckd']
        assert row['loss_kd'] == pytest.approx(expected, rel=1e-4)
        losses = [v for k, v in row.items() if 'loss' in k and k != 'loss']
        assert row['loss'] == pytest.approx(sum(losses), rel=1e-4)
    value = f'mIoU {rows[-1]["mIoU"]:.4g}'
    assert f'iteration 4: {value} | best' in output
    assert 'validation images: mIoU ' in output  # the teacher's


STOCK = """
import sys
import numpy as np
from mmseg.apis import inference_model, init_model
config, checkpoint, image, out = sys.argv[1:]
model = init_model(config, checkpoint, device='cpu')
result = inference_model(model, image)
assert not any(name.startswith('mmkd_logit') for name in sys.modules)
np.save(out, result.seg_logits.data.numpy())
"""


@pytest.mark.both_stacks
def test_stock_mmseg_predicts_what_the_distiller_predicts(
    trained, data, tmp_path
):
    folder, _ = trained
    checkpoint = folder / 'iter_4.pth'
    image = next((data / 'leftImg8bit/val').glob('*/*.png'))
    init_default_scope('mmseg')
    distiller = MODELS.build(load_config(str(ROOT / CONFIG)).model)
    state = torch.load(checkpoint, weights_only=False)['state_dict']
    distiller.load_state_dict(state)
    student_config = load_config(str(ROOT / STUDENT))
    assert list(MODELS.build(student_config.model).state_dict()) == list(state)
    (tmp_path / 'stock.py').write_text(STOCK)
    done = subprocess.run(
        [
            sys.executable,
            tmp_path / 'stock.py',
            folder / 'student.py',
            checkpoint,
            image,
            tmp_path / 'out.npy',
        ],
        cwd=tmp_path,
        env=STOCK_ENV,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]

    from mmseg.apis import inference_model

    distiller.cfg = student_config
    ours = inference_model(distiller.eval(), str(image)).seg_logits.data
    np.testing.assert_array_equal(ours.numpy(), np.load(tmp_path / 'out.npy'))


def test_weight_0_equals_the_student_alone_bit_for_bit(
    data, teacher_ckpt, tmp_path
):
    states = []
    for config, more in (
        (STUDENT, []),
        (CONFIG, ['model.distill.loss_kd.loss.loss_weight=0.0']),
    ):
        folder = tmp_path / Path(config).stem
        ckpt = ['--teacher-ckpt', teacher_ckpt] if config == CONFIG else []
        code, output = train(
            config, data, folder, *ckpt, '--cfg-options', *OPTIONS, *more
        )
        assert code == 0, output[-3000:]
        states.append(
            torch.load(folder / 'iter_4.pth', weights_only=False)['state_dict']
        )
    plain, zero = states
    assert all(torch.equal(plain[key], zero[key]) for key in plain)


def test_two_processes_train_without_unused_parameters(
    data, teacher_ckpt, tmp_path
):
    code, output = call(
        'bash',
        'tools/dist_train.sh',
        CONFIG,
        2,
        '--data-root',
        data,
        '--teacher-ckpt',
        teacher_ckpt,
        '--work-dir',
        tmp_path,
        '--cfg-options',
        *OPTIONS,
        'find_unused_parameters=False',
    )
    assert code == 0, output[-3000:]
    assert (tmp_path / 'iter_4.pth').exists()


def test_slide_inference_and_augmentation_at_test_time_are_the_student_s(data):
    student_config = load_config(str(ROOT / STUDENT))
    config = load_config(str(ROOT / CONFIG))
    move_data_root(config, str(data))
    slide = dict(mode='slide', crop_size=(64, 64), stride=(32, 32))
    config.model.student.test_cfg = student_config.model.test_cfg = slide
    init_default_scope('mmseg')
    torch.manual_seed(0)
    student = MODELS.build(student_config.model).eval()
    distiller = MODELS.build(config.model).eval()
    distiller.load_state_dict(student.state_dict())
    dataset = Runner.build_dataloader(config.val_dataloader).dataset
    batch = pseudo_collate([dataset[0]])
    views = pseudo_collate([dataset[0]])
    views = {key: [value, value] for key, value in views.items()}

    def look(model):
        tta = MODELS.build(dict(type='SegTTAModel', module=model))
        with torch.no_grad():
            slid = model.test_step(copy.deepcopy(batch))[0]
            mean = tta.test_step(copy.deepcopy(views))[0]
        return slid.seg_logits.data, mean.pred_sem_seg.data

    for ours, theirs in zip(look(distiller), look(student)):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    'change, message',
    [
        (['--data-root', '/nowhere'], 'leftImg8bit/train.*--data-root'),
        (
            [
                '--cfg-options',
                'model.student.decode_head.num_classes=7',
                *OPTIONS,
            ],
            'the label maps hold|training set has 11 classes|teacher has 11',
        ),
    ],
)
def test_mistakes_are_one_sentence(
    data, teacher_ckpt, tmp_path, change, message
):
    import re

    options = ['--data-root', str(data), '--teacher-ckpt', str(teacher_ckpt)]
    code, output = call(
        sys.executable,
        'tools/train.py',
        CONFIG,
        '--work-dir',
        tmp_path,
        *options,
        *change,
    )
    assert code != 0
    last = output.strip().splitlines()[-1]
    assert re.search(message, last) and 'Traceback' not in output, last
