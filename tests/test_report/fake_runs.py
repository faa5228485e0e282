"""Work dirs as MMEngine leaves them, with numbers that are known."""

import json
from pathlib import Path

STUDENT = dict(
    type='RetinaNet',
    backbone=dict(type='ResNet', depth=18),
    bbox_head=dict(type='RetinaHead', num_classes=3),
)
TEACHER = dict(
    type='RetinaNet',
    backbone=dict(type='ResNet', depth=101),
    bbox_head=dict(type='RetinaHead', num_classes=3),
)


def config(model, seed, name):
    """The text of a dumped config."""
    return (
        f'model = {model!r}\n'
        f'randomness = dict(seed={seed})\n'
        "default_scope = 'mmdet'\n"
        "optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01))\n"
        "train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=2)\n"
        f'work_dir = {name!r}\n'
    )


def distiller(tau=1.0):
    """The model of a distilled run."""
    return dict(
        type='mmkd_logit.LogitDistiller',
        student=STUDENT,
        teacher='teacher.py',
        distill=dict(
            loss_kd=dict(loss=dict(type='mmkd_logit.KDLoss', tau=tau))
        ),
    )


def write_run(folder, model, metric, seed=0, classes=None, log=''):
    """A run of two epochs of three iterations; ``metric`` after each."""
    start = Path(folder) / '20260101_000000'
    (start / 'vis_data').mkdir(parents=True)
    (start / 'vis_data' / 'config.py').write_text(
        config(model, seed, str(folder))
    )
    distilled = 'distill' in model
    rows = []
    for epoch, value in enumerate(metric, 1):
        for iteration in range(1, 4):
            step = 3 * (epoch - 1) + iteration
            row = dict(
                lr=0.01,
                time=0.5,
                data_time=0.1,
                loss=2.0 / step,
                loss_cls=1.0 / step,
                epoch=epoch,
                iter=step,
                step=step,
                memory=1000 + step,
            )
            if distilled:
                row.update({'loss_kd': 1.0 / step, 'kd/scale': 1.0})
            rows.append(row)
        row = {'coco/bbox_mAP': value, 'step': epoch}
        for name, number in (classes or {}).items():
            row[f'coco/{name}_precision'] = number
        rows.append(row)
    (start / 'vis_data' / 'scalars.json').write_text(
        ''.join(json.dumps(row) + '\n' for row in rows)
    )
    (start / '20260101_000000.log').write_text(
        '    Python: 3.11.7 (main)\n    PyTorch: 2.14.0\n'
        '    MMEngine: 0.10.12\nEpoch(train)  [1][1/3]  loss: 2.0\n' + log
    )
    return str(folder)
