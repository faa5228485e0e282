"""Several teachers of real classifiers and detectors."""

import pytest
import torch
from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import Runner

from mmkd_logit.registry import MODELS
from tests.toys import runner_config

KD = dict(loss=dict(type='mmkd_logit.KDLoss', tau=2.0))
BOXES = dict(logits=dict(type='mmkd_logit.GFLBoxLogits'), **KD)


def save(model, path):
    torch.save(dict(state_dict=model.state_dict(), meta={}), path)
    return str(path)


@DATASETS.register_module(force=True)
class ToyImages(torch.utils.data.Dataset):
    """Twelve images with labels, as MMPretrain packs them."""

    metainfo = dict(classes=('a', 'b', 'c', 'd'))

    def __len__(self):
        return 12

    def __getitem__(self, index):
        from mmpretrain.structures import DataSample

        torch.manual_seed(index)
        image = torch.randint(256, (3, 16, 16)).byte()
        sample = DataSample().set_gt_label(index % 4)
        return dict(inputs=image, data_samples=sample)


def classifiers(folder, **changes):
    from tests.toy_classifiers import build, classifier_cfg, vit_cfg

    normal = dict(
        data_preprocessor=dict(mean=[120.0] * 3, std=[60.0] * 3, num_classes=4)
    )
    teachers = [classifier_cfg('stacked', channels=8, **normal), vit_cfg()]
    return dict(
        type='mmkd_logit.LogitDistiller',
        student=classifier_cfg(**normal),
        teacher=[dict(cfg, _scope_='mmpretrain') for cfg in teachers],
        teacher_ckpt=[
            save(build(cfg, seed), folder / f'{seed}.pth')
            for seed, cfg in enumerate(teachers)
        ],
        distill=dict(loss_kd=dict(KD), loss_vit=dict(KD, teacher=1)),
        **changes,
    )


@pytest.mark.parametrize('mean', ['probabilities', 'logits'])
def test_two_classifiers_teach_a_third_in_a_run(tmp_path, mean):
    pytest.importorskip('mmpretrain')
    config = runner_config(
        classifiers(tmp_path, teacher_mean=mean),
        tmp_path / 'run',
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=2),
        default_scope='mmpretrain',
    )
    loader = config['train_dataloader']
    loader['dataset'] = dict(type='ToyImages')
    loader['collate_fn'] = dict(type='pseudo_collate')
    config['default_hooks']['checkpoint'] = dict(
        type='CheckpointHook', interval=2, by_epoch=False
    )
    runner = Runner.from_cfg(config)
    before = runner.model.head.fc.weight.detach().clone()
    runner.train()
    assert not torch.equal(before, runner.model.head.fc.weight)
    scalars = runner.message_hub.log_scalars
    for name in ('loss_kd', 'loss_vit'):
        history, _ = scalars[f'train/{name}'].data
        assert len(history) == 2 and min(history) > 0
    log = next((tmp_path / 'run').glob('*/*.log')).read_text()
    assert f'with the mean of the {mean} of teachers 0, 1' in log
    assert 'teacher 1: input: the teacher sees' in log
    saved = torch.load(tmp_path / 'run/iter_2.pth', weights_only=False)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        stock = MODELS.build(config['model']['student'])
    stock.load_state_dict(saved['state_dict'])


def test_two_detectors_with_other_heads_teach_a_third(tmp_path):
    pytest.importorskip('mmdet')
    from tests.toy_detectors import (
        build_detector,
        detection_batch,
        detector_cfg,
    )

    kinds = ('atss', 'gfl')  # only the second has distributions of boxes
    cfgs = [dict(detector_cfg(kind), _scope_='mmdet') for kind in kinds]
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(
            dict(
                type='mmkd_logit.LogitDistiller',
                student=dict(detector_cfg('gfl'), _scope_='mmdet'),
                teacher=cfgs,
                teacher_ckpt=[
                    save(build_detector(cfg, 1), tmp_path / f'{kind}.pth')
                    for kind, cfg in zip(kinds, cfgs)
                ],
                distill=dict(
                    loss_kd=dict(KD), loss_kd_box=dict(BOXES, teacher=1)
                ),
            )
        )
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    rows = {}
    model.listener = lambda name, pair: rows.update({name: pair})
    for seed in range(2):
        losses = model.loss(*detection_batch(model, [2, 1], seed=seed))
        assert losses['loss_kd'] > 0 and losses['loss_kd_box'] > 0
        model.parse_losses(losses)[0].backward()
        optimizer.step()
    # each is pruned by itself: nobody reads boxes of the first
    first, second = (teacher.model.bbox_head for teacher in model.teachers)
    assert not hasattr(first, 'reg_convs') and hasattr(second, 'reg_convs')
    # by hand from whole teachers on the last batch
    inputs, _ = detection_batch(model, [2, 1], seed=1)
    with torch.no_grad():
        probs = [
            whole.bbox_head(whole.extract_feat(inputs))[0]
            for whole in (build_detector(cfg, 1).eval() for cfg in cfgs)
        ]
    probs = [
        torch.cat([m.movedim(1, -1).reshape(-1, 3) for m in maps]).sigmoid()
        for maps in probs
    ]
    torch.testing.assert_close(
        rows['loss_kd'].teacher_logits.sigmoid(), sum(probs) / 2
    )


@pytest.mark.parametrize('reader', [dict(type='mmkd_logit.CrossedClsLogits')])
def test_rows_that_the_teacher_makes_need_one_teacher(reader):
    pytest.importorskip('mmdet')
    from tests.toy_detectors import detector_cfg

    term = dict(logits=reader, **KD)
    with DefaultScope.overwrite_default_scope('mmdet'):
        with pytest.raises(ValueError, match='own head makes.*`teacher=0`'):
            MODELS.build(
                dict(
                    type='mmkd_logit.LogitDistiller',
                    student=dict(detector_cfg('gfl'), _scope_='mmdet'),
                    teacher=['a.py', 'b.py'],
                    teacher_ckpt=['a.pth', 'b.pth'],
                    distill=dict(loss_kd=term),
                )
            )
