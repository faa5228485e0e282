"""A real detector, from the command line to stock MMDetection."""

import json
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

pytest.importorskip('mmdet')
pytest.importorskip('sklearn')

from mmengine.registry import init_default_scope  # noqa: E402

from demo.layouts import write_coco  # noqa: E402
from mmkd_logit.launch import load_config  # noqa: E402
from mmkd_logit.registry import MODELS  # noqa: E402
from tests.test_end_to_end.commands import (  # noqa: E402
    ENV,
    OPTIONS,
    ROOT,
    STOCK_ENV,
    call,
    random_teacher,
)

pytestmark = pytest.mark.slow
CONFIG = 'configs/demo/faster_rcnn_dkd.py'


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return write_coco(tmp_path_factory.mktemp('coco'), counts=(8, 2))


@pytest.fixture(scope='module')
def teacher_ckpt(tmp_path_factory):
    init_default_scope('mmdet')
    return random_teacher(
        ROOT / 'configs/demo/faster_rcnn_teacher.py',
        tmp_path_factory.mktemp('teacher') / 'teacher.pth',
        '0123456789',
    )


def command(data, teacher_ckpt, folder, *more, config=CONFIG):
    """What a user would type; ``more`` are options of the config."""
    return [
        sys.executable,
        'tools/train.py',
        config,
        '--data-root',
        data,
        '--teacher-ckpt',
        teacher_ckpt,
        '--work-dir',
        folder,
        '--cfg-options',
        *OPTIONS,
        *more,
    ]


def train(data, teacher_ckpt, folder, *more, **kwargs):
    code, output = call(*command(data, teacher_ckpt, folder, *more, **kwargs))
    assert code == 0, output[-3000:]
    return output


@pytest.fixture(scope='module')
def trained(data, teacher_ckpt, tmp_path_factory):
    folder = tmp_path_factory.mktemp('run')
    return folder, train(data, teacher_ckpt, folder)


@pytest.mark.both_stacks
def test_report_terms_and_coco_map_are_logged(trained):
    folder, output = trained
    assert 'student: FasterRCNN' in output and 'sha256' in output
    assert 'loss_kd: RoILogits -> DKDLoss, softmax rows of 11' in output
    scalars = next(folder.glob('*/vis_data/scalars.json')).read_text()
    rows = [json.loads(line) for line in scalars.splitlines()]
    steps = [row for row in rows if 'loss_kd' in row]
    assert len(steps) == 4
    for row in steps:
        # DKD with alpha 1 and beta 0.25, as the config says
        expected = row['kd/tckd'] + 0.25 * row['kd/nckd']
        assert row['loss_kd'] == pytest.approx(expected, rel=1e-4)
        losses = [v for k, v in row.items() if 'loss' in k and k != 'loss']
        assert row['loss'] == pytest.approx(sum(losses), rel=1e-4)
    value = f'coco/bbox_mAP {rows[-1]["coco/bbox_mAP"]:.4g}'
    assert f'iteration 4: {value} | best' in output
    assert 'validation images: coco/bbox_mAP ' in output  # the teacher's


STOCK = """
import sys
import numpy as np
from mmdet.apis import inference_detector, init_detector
config, checkpoint, image, out = sys.argv[1:]
model = init_detector(config, checkpoint, device='cpu')
result = inference_detector(model, image).pred_instances
assert not any(name.startswith('mmkd_logit') for name in sys.modules)
np.savez(out, bboxes=result.bboxes, scores=result.scores,
         labels=result.labels)
"""


@pytest.mark.both_stacks
def test_stock_mmdet_predicts_what_the_distiller_predicts(
    trained, data, tmp_path
):
    folder, _ = trained
    checkpoint = folder / 'iter_4.pth'
    image = next((data / 'val2017').iterdir())
    config = load_config(str(ROOT / CONFIG))
    init_default_scope('mmdet')
    distiller = MODELS.build(config.model)
    state = torch.load(checkpoint, weights_only=False)['state_dict']
    distiller.load_state_dict(state)
    student_config = load_config(
        str(ROOT / 'configs/demo/faster_rcnn_student.py')
    )
    student = MODELS.build(student_config.model)
    assert list(student.state_dict()) == list(state)

    (tmp_path / 'stock.py').write_text(STOCK)
    # another number of threads adds up in another order
    env = {**STOCK_ENV, 'OMP_NUM_THREADS': str(torch.get_num_threads())}
    done = subprocess.run(
        [
            sys.executable,
            tmp_path / 'stock.py',
            folder / 'student.py',
            checkpoint,
            image,
            tmp_path / 'out.npz',
        ],
        cwd=tmp_path,
        env=env,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]

    from mmdet.apis import inference_detector

    distiller.cfg = student_config
    ours = inference_detector(distiller.eval(), str(image)).pred_instances
    stock = np.load(tmp_path / 'out.npz')
    assert len(stock['scores']) > 0
    for key in ('bboxes', 'scores', 'labels'):
        np.testing.assert_array_equal(ours[key].numpy(), stock[key])


def test_test_tool_needs_no_teacher(trained, data, tmp_path):
    folder, _ = trained
    code, output = call(
        sys.executable,
        'tools/test.py',
        CONFIG,
        folder / 'iter_4.pth',
        '--data-root',
        data,
        '--work-dir',
        tmp_path,
        '--cfg-options',
        'model.teacher=/nowhere.py',
        'model.teacher_ckpt=/nowhere.pth',
    )
    assert code == 0 and 'coco/bbox_mAP' in output, output[-3000:]


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
    assert '2 per GPU x 2 GPU(s)' in output
    assert (tmp_path / 'iter_4.pth').exists()


def test_killed_and_resumed_detector_ends_like_an_uninterrupted_one(
    data, teacher_ckpt, tmp_path
):
    # 4 iterations see each of the 8 images once: iteration 6 is mid-epoch
    config = tmp_path / 'config.py'
    config.write_text(
        f"_base_ = '{ROOT / CONFIG}'\n"
        "custom_hooks = [dict(type='mmkd_logit.SeedEachIterHook')]\n"
    )
    options = [
        'train_cfg.max_iters=9',
        'train_cfg.val_interval=9',
        'default_hooks.checkpoint.interval=5',
    ]
    whole, part = tmp_path / 'whole', tmp_path / 'part'
    train(data, teacher_ckpt, whole, *options, config=config)

    words = command(data, teacher_ckpt, part, *options, config=config)
    with subprocess.Popen(
        [str(word) for word in words],
        cwd=ROOT,
        env=ENV,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        for line in process.stdout:
            if re.search(r'Iter\(train\) \[ *6/9\]', line):
                process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (part / 'iter_9.pth').exists()

    code, output = call(*words, '--resume')
    assert code == 0 and 'resumed epoch: 0, iter: 5' in output, output[-3000:]
    first, second = (
        torch.load(path / 'iter_9.pth', weights_only=False)['state_dict']
        for path in (whole, part)
    )
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_weight_0_equals_the_student_alone_bit_for_bit(
    data, teacher_ckpt, tmp_path
):
    code, output = call(
        sys.executable,
        'tools/train.py',
        'configs/demo/faster_rcnn_student.py',
        '--data-root',
        data,
        '--work-dir',
        tmp_path / 'plain',
        '--cfg-options',
        *OPTIONS,
    )
    assert code == 0, output[-3000:]
    train(
        data,
        teacher_ckpt,
        tmp_path / 'zero',
        'model.distill.loss_kd.loss.loss_weight=0.0',
    )
    plain, zero = (
        torch.load(tmp_path / name / 'iter_4.pth', weights_only=False)[
            'state_dict'
        ]
        for name in ('plain', 'zero')
    )
    assert all(torch.equal(plain[key], zero[key]) for key in plain)


@pytest.mark.parametrize(
    'change, message',
    [
        (['--data-root', '/nowhere'], 'train2017.*--data-root'),
        (['--teacher-ckpt', '/nowhere.pth'], 'nowhere.pth.*is not a file'),
        (
            [
                '--cfg-options',
                'model.student.roi_head.bbox_head.num_classes=3',
            ],
            "training set has 10 classes, the student's head 3",
        ),
        (
            [
                '--cfg-options',
                'model.distill.loss_kd.loss.type=mmkd_logit.DKDLos',
            ],
            "did you mean 'mmkd_logit.DKDLoss'",
        ),
    ],
)
def test_mistakes_are_one_sentence_before_training(
    data, teacher_ckpt, tmp_path, change, message
):
    right = ['--teacher-ckpt', teacher_ckpt]
    code, output = call(
        sys.executable,
        'tools/train.py',
        CONFIG,
        '--data-root',
        data,
        # given twice, it would mean two teachers
        *([] if '--teacher-ckpt' in change else right),
        '--work-dir',
        tmp_path,
        *change,
    )
    assert code != 0 and 'Traceback' not in output, output[-3000:]
    assert re.search(message, output.strip().splitlines()[-1]), output[-500:]
