"""Views of a batch one behind the other, up to a training of MLKD."""

import json

import numpy as np
import pytest
import torch
from mmengine.registry import FUNCTIONS

from mmkd_logit.launch import load_config
from mmkd_logit.launch.collate import collate_views
from mmkd_logit.losses import gram_loss, kd_loss, standardize
from tests.config_files import CONFIGS
from tests.conftest import SHARED

MLKD = CONFIGS / 'mlkd/cifar_resnet56_resnet20_cifar100.py'


def test_first_views_come_first():
    samples = [
        dict(inputs=[f'weak {n}', f'strong {n}'], data_samples=n)
        for n in range(3)
    ]
    batch = collate_views(samples)
    assert batch['inputs'] == [
        *('weak 0', 'weak 1', 'weak 2'),
        *('strong 0', 'strong 1', 'strong 2'),
    ]
    assert batch['data_samples'] == [0, 1, 2, 0, 1, 2]
    assert FUNCTIONS.get('mmkd_logit.collate_views') is collate_views


def test_images_without_views_are_named():
    plain = dict(inputs=torch.zeros(3, 2, 2), data_samples=0)
    with pytest.raises(ValueError, match=r'got \[0\]; put MultiView'):
        collate_views([plain])
    views = [dict(inputs=[0] * n, data_samples=0) for n in (1, 2)]
    with pytest.raises(ValueError, match=r'got \[1, 2\]'):
        collate_views(views)


def authors_cases():
    folder = SHARED / 'golden2'
    if not folder.is_dir():
        return []
    index = json.loads((folder / 'index.json').read_text())['cases']
    return [
        pytest.param(case, np.load(folder / case['file']), id=case['id'])
        for case in index
        if case['loss'] == 'mlkd_full'
    ]


@pytest.mark.parametrize('case, arrays', authors_cases())
def test_the_terms_of_the_recipe_are_the_authors(case, arrays):
    """Weights and temperatures of the recipe, for the case's own settings."""
    pytest.importorskip('mmpretrain')
    given = case['hyperparameters']
    views = [
        [
            torch.tensor(arrays[f'{case["prefix"]}logits_{who}_{view}'])
            for who in 'st'
        ]
        for view in ('weak', 'strong')
    ]
    rows, classes, kd, cc, bc = (
        float(arrays[case['prefix'] + name])
        for name in (
            *('ref_row_fraction', 'ref_class_fraction'),
            *('loss_kd', 'loss_cc', 'loss_bc'),
        )
    )
    found = dict(kd=0.0, classes=0.0, rows=0.0)
    for name, term in load_config(str(MLKD)).model.distill.items():
        index, number = term.logits.batch_part
        assert number == 2
        taus = list(term.loss.tau)
        if 4.0 in taus:  # the method's own, on CIFAR-100
            taus[taus.index(4.0)] = given['temperature']
        weight = term.loss.loss_weight * given['kd_weight'] / 0.9
        half = rows if name != 'loss_kd_classes' else classes
        if name == 'loss_kd_others':  # (1/2 + 1) of 0.9
            weight = weight / 1.5 * (half + 1)
        elif index == 0:
            weight = weight / 0.5 * half
        student, teacher = views[index]
        if 'GramLoss' in term.loss.type:
            over = term.loss.get('over', 'classes')
            value = gram_loss(student, teacher, taus, over)
        else:
            if given['logit_stand']:
                student, teacher = standardize(student), standardize(teacher)
            over = 'kd'
            value = sum(kd_loss(student, teacher, t).mean() for t in taus)
        found[over] += weight * float(value)
    assert found['kd'] == pytest.approx(kd, rel=1e-9)
    assert found['classes'] == pytest.approx(cc, rel=1e-9)
    assert found['rows'] == pytest.approx(bc, rel=1e-9)


def test_mlkd_trains_on_two_views(tmp_path):
    pytest.importorskip('mmpretrain')
    from mmengine.registry import DefaultScope

    from mmkd_logit.distillers.build import build_model
    from mmkd_logit.registry import MODELS

    config = load_config(str(MLKD))
    student = config.model.student
    loader = config.train_dataloader.copy()
    pipeline = loader.dataset.pipeline
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        from mmpretrain.registry import TRANSFORMS

        steps = [TRANSFORMS.build(step) for step in pipeline]
        rng = np.random.default_rng(0)
        samples = []
        for label in range(3):
            image = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            sample = dict(img=image, gt_label=label, img_shape=(32, 32))
            for step in steps:
                sample = step(sample)
            samples.append(sample)
        teacher = build_model(dict(student), 'teacher')
        torch.save(teacher.state_dict(), tmp_path / 'teacher.pth')
        config.model.update(
            teacher=dict(student, _scope_='mmpretrain'),
            teacher_ckpt=str(tmp_path / 'teacher.pth'),
        )
        torch.manual_seed(0)
        distiller = MODELS.build(config.model).train()
        distiller.prepare()
        collate = FUNCTIONS.get(loader.collate_fn.type)
        data = distiller.data_preprocessor(collate(samples), training=True)
        assert data['inputs'].shape == (6, 3, 32, 32)
        pairs = {}
        distiller.listener = pairs.__setitem__
        losses = distiller(**data, mode='loss')
        logits = distiller.teacher.model(data['inputs'])
    terms = [name for name in losses if name.startswith('loss_kd')]
    assert len(terms) == 5 and all(losses[name] > 0 for name in terms)
    weak, strong = pairs['loss_kd'], pairs['loss_kd_strong']
    torch.testing.assert_close(weak.teacher_logits, logits[:3])
    torch.testing.assert_close(strong.teacher_logits, logits[3:])
    assert weak.labels.tolist() == strong.labels.tolist() == [0, 1, 2]
