"""Layers that are computed a second time in the backward pass."""

import copy

import pytest
import torch

pytest.importorskip('mmpretrain')

from mmengine.registry import DefaultScope  # noqa: E402
from mmengine.runner import turn_on_activation_checkpointing  # noqa: E402

from mmkd_logit.plan.probe import probe  # noqa: E402
from mmkd_logit.registry import MODELS  # noqa: E402
from tests.toys import seeded  # noqa: E402


def classifier(with_cp=False):
    return dict(
        type='ImageClassifier',
        backbone=dict(
            type='ResNet', depth=18, base_channels=8, with_cp=with_cp
        ),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='LinearClsHead',
            num_classes=5,
            in_channels=64,
            loss=dict(type='CrossEntropyLoss'),
        ),
        data_preprocessor=dict(
            type='ClsDataPreprocessor', mean=[0] * 3, std=[1] * 3
        ),
    )


@pytest.fixture
def build(tmp_path):
    """A student, alone or distilled, with the same weights each time."""
    path = tmp_path / 'teacher.pth'

    def built(distilled, with_cp=False, teacher_cp=False, modules=()):
        config = classifier(with_cp)
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            torch.manual_seed(1)
            torch.save(MODELS.build(classifier()).state_dict(), path)
            if distilled:
                config = dict(
                    type='mmkd_logit.LogitDistiller',
                    student=config,
                    teacher=dict(classifier(teacher_cp), _scope_='mmpretrain'),
                    teacher_ckpt=str(path),
                    distill=dict(
                        loss_kd=dict(loss=dict(type='mmkd_logit.DKDLoss'))
                    ),
                )
            torch.manual_seed(0)
            model = MODELS.build(config)
            if distilled:
                model.prepare()
        turn_on_activation_checkpointing(model, list(modules))
        return model.train()

    return built


def batch():
    from mmpretrain.structures import DataSample

    images = torch.rand(4, 3, 64, 64, generator=seeded(0))
    samples = [DataSample().set_gt_label(label) for label in range(4)]
    return dict(inputs=list(images), data_samples=samples)


def step(model):
    """Forward and backward; the losses."""
    data = model.data_preprocessor(copy.deepcopy(batch()), training=True)
    losses = model(**data, mode='loss')
    model.parse_losses(losses)[0].backward()
    return losses


def gradients(model):
    return {
        name: weight.grad.clone() for name, weight in model.named_parameters()
    }


pytestmark = pytest.mark.filterwarnings(
    'ignore:torch.utils.checkpoint', 'ignore:None of the inputs'
)
WAYS = [
    dict(with_cp=True),
    dict(with_cp=True, teacher_cp=True),
    dict(modules=['backbone.layer2', 'head.fc']),  # as MMEngine does it
]


@pytest.mark.parametrize('way', WAYS, ids=str)
def test_gradients_and_the_teacher_stay(build, way):
    plain, ours = build(True), build(True, **way)
    teacher = copy.deepcopy(ours.teacher.model.state_dict())
    asked = []
    ours.listener = lambda name, pair: asked.append(name)
    expected, found = step(plain), step(ours)
    assert asked == ['loss_kd']  # once, though layers ran twice
    for name in expected:
        torch.testing.assert_close(found[name], expected[name])
    torch.testing.assert_close(gradients(ours), gradients(plain))
    for name, value in ours.teacher.model.state_dict().items():
        assert torch.equal(value, teacher[name])


@pytest.mark.parametrize('way', WAYS, ids=str)
def test_norms_see_as_many_batches_as_without_distillation(build, way):
    # a norm that runs twice counts twice, in both
    way = {key: value for key, value in way.items() if key != 'teacher_cp'}
    alone, distilled = build(False, **way), build(True, **way)
    step(alone)
    step(distilled)
    ours = dict(distilled.named_buffers())
    buffers = dict(alone.backbone.named_buffers(prefix='backbone'))
    assert len(buffers) == 63  # of 21 norms
    for name, buffer in buffers.items():
        assert torch.equal(ours[name], buffer), name
    assert ours['backbone.layer2.1.bn2.num_batches_tracked'] == 2


@pytest.mark.parametrize('way', WAYS[1:], ids=str)
def test_the_probe_measures_them(build, way):
    (expected,) = probe(build(True), [batch()])
    model = build(True, **way)
    (found,) = probe(model, [batch()])
    assert found.gradient_ratio == pytest.approx(
        expected.gradient_ratio, rel=1e-4
    )
    assert all(weight.grad is None for weight in model.parameters())
