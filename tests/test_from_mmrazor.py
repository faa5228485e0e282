"""Configs of docs/from_mmrazor.md: both load, and the losses are equal."""

import copy
import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch.nn import functional as F

from mmkd_logit.launch import load_config
from mmkd_logit.registry import MODELS
from tests.toys import seeded

PAGE = Path(__file__).resolve().parents[1] / 'docs' / 'from_mmrazor.md'
METHODS = ('KD', 'DKD', 'DIST', 'WSLD', 'CWD')


def blocks(method):
    """MMRazor's block and ours, of the section of a method."""
    text = PAGE.read_text(encoding='utf-8')
    (section,) = re.findall(rf'^## {method}\b.*?(?=^## )', text, re.M | re.S)
    return re.findall(r'^```python\n(.*?)^```', section, re.M | re.S)


def kd(student, teacher, labels):
    log_prob, prob = student.log_softmax(1), teacher.softmax(1)
    return 3 * F.kl_div(log_prob, prob, reduction='batchmean')


def dkd(student, teacher, labels):
    target = F.one_hot(labels, student.shape[1]).bool()

    def parts(logits):
        prob = logits.softmax(1)[target]
        return torch.stack([prob, 1 - prob], 1), logits.masked_fill(
            target, -1000
        )

    (p, rest), (q, teacher_rest) = parts(student), parts(teacher)
    tckd = F.kl_div(p.log(), q, reduction='sum')
    nckd = F.kl_div(
        rest.log_softmax(1), teacher_rest.softmax(1), reduction='sum'
    )
    return tckd + 0.5 * nckd  # 'mean' is a sum there


def dist(student, teacher, labels):
    def distance(a, b):
        a, b = (x - x.mean(1, keepdim=True) for x in (a, b))
        norms = a.norm(dim=1) * b.norm(dim=1) + 1e-8
        return 1 - ((a * b).sum(1) / norms).mean()

    p, q = student.softmax(1), teacher.softmax(1)
    return 2 * (distance(p, q) + distance(p.T, q.T))


def wsld(student, teacher, labels):
    ratio = F.cross_entropy(student, labels, reduction='none') / (
        F.cross_entropy(teacher, labels, reduction='none') + 1e-7
    )
    soft = -((teacher / 2).softmax(1) * (student / 2).log_softmax(1)).sum(1)
    return 2.5 * 4 * ((1 - torch.exp(-ratio)) * soft).mean()


def cwd(student, teacher, labels):
    images, classes = student.shape[:2]
    log_prob = student.flatten(2).log_softmax(2)
    prob = teacher.flatten(2).softmax(2)
    divergence = F.kl_div(log_prob, prob, reduction='sum')
    return 5 * divergence / (images * classes)


FORMULAS = dict(KD=kd, DKD=dkd, DIST=dist, WSLD=wsld, CWD=cwd)


@pytest.mark.parametrize('method', METHODS)
def test_the_config_of_mmrazor_is_a_config(method, tmp_path):
    (tmp_path / 'razor.py').write_text(blocks(method)[0])
    config = Config.fromfile(tmp_path / 'razor.py')
    distiller = config.get('distiller') or config.model.distiller
    (loss,) = distiller.distill_losses.values()
    (mapping,) = distiller.loss_forward_mappings.values()
    recorders = {**distiller.student_recorders, **distiller.teacher_recorders}
    assert {part.recorder for part in mapping.values()} == set(recorders)
    assert loss.type in ('KLDivergence', 'ChannelWiseDivergence') or (
        method in loss.type
    )


def small(cfg, toolbox):
    """A model of the toolbox with the depth of the student."""
    cfg = copy.deepcopy(cfg)
    cfg.backbone.pop('init_cfg', None)
    cfg.pop('pretrained', None)
    if toolbox == 'mmseg':
        cfg.backbone.update(base_channels=8, norm_cfg=dict(type='BN'))
        cfg.decode_head.update(
            in_channels=64, channels=8, norm_cfg=dict(type='BN')
        )
        cfg.decode_head.update(dropout_ratio=0.0)
        cfg.auxiliary_head = None
        cfg.data_preprocessor = None
    else:
        cfg.backbone.depth = 18
        cfg.backbone.base_channels = 8
        cfg.head.update(in_channels=64, num_classes=7, topk=(1,))
    return cfg


def build(cfg, toolbox, seed):
    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope(toolbox):
        model = MODELS.build(copy.deepcopy(cfg))
    for name, parameter in model.named_parameters():
        last = 'conv_seg' in name or 'fc' in name
        torch.nn.init.normal_(parameter, std=1.0 if last else 0.1)
    return model.double()


@pytest.mark.parametrize('method', METHODS)
def test_one_step_has_the_loss_of_mmrazor(method, tmp_path):
    toolbox = 'mmseg' if method == 'CWD' else 'mmpretrain'
    pytest.importorskip(toolbox)
    (tmp_path / 'here.py').write_text(blocks(method)[1])
    config = load_config(str(tmp_path / 'here.py'))
    teacher = load_config(config.model.teacher).model
    assert teacher.backbone.depth > config.model.student.backbone.depth
    student = small(config.model.student, toolbox)
    if toolbox == 'mmseg':
        teacher = config.model.student
    teacher = small(teacher, toolbox)
    torch.save(
        dict(state_dict=build(teacher, toolbox, 1).state_dict()),
        tmp_path / 'teacher.pth',
    )
    with DefaultScope.overwrite_default_scope(toolbox):
        model = MODELS.build(
            dict(
                config.model,
                student=build(student, toolbox, 0),
                teacher=teacher,
                teacher_ckpt=str(tmp_path / 'teacher.pth'),
            )
        )
        model.prepare()
    model.double().train()
    seen = {}
    places = ('decode_head.conv_seg', 'head.fc')
    place = next(p for p in places if p.partition('.')[0] in student)
    for name, net in (('student', model.student), ('t', model.teacher.model)):
        net.get_submodule(place).register_forward_hook(
            lambda *step, name=name: seen.update({name: step[2]})
        )
    side = 64
    inputs = torch.randn(4, 3, side, side, generator=seeded(2)).double()
    if toolbox == 'mmseg':
        from tests.toy_segmentors import label_samples

        labels = torch.randint(19, (4, side, side), generator=seeded(3))
        labels[:, :8] = 255
        samples = label_samples(labels)
    else:
        from tests.toy_classifiers import samples as label_images

        labels = torch.tensor([0, 3, 6, 3])
        samples = label_images(labels.tolist())
    losses = model.loss(inputs, samples)
    expected = FORMULAS[method](seen['student'], seen['t'], labels)
    assert expected > 1e-3
    torch.testing.assert_close(losses['loss_kd'], expected, rtol=1e-6, atol=0)
    losses['loss_kd'].backward()
    weight = model.student.get_submodule(place).weight
    assert weight.grad.abs().max() > 0
