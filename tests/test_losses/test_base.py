"""What every loss refuses, with a sentence that names the remedy."""

import pytest
import torch

from mmkd_logit.losses import (
    ABKDLoss,
    DISTLoss,
    DKDLoss,
    GDKD3Loss,
    GDKDLoss,
    GramLoss,
    KDLoss,
    LDRLDLoss,
    NKDLoss,
    RLDLoss,
    TopKDLoss,
    WSLDLoss,
    dkd_loss,
    gdkd3_loss,
    gdkd_loss,
    kd_loss,
    ldrld_loss,
    nkd_loss,
    topkd_loss,
)
from mmkd_logit.structures.head_facts import HeadFacts

LOSSES = [KDLoss, DKDLoss, NKDLoss, GDKDLoss, GDKD3Loss, LDRLDLoss, TopKDLoss]
LOSSES += [DISTLoss, RLDLoss, ABKDLoss, WSLDLoss, GramLoss]

FUNCTIONS = dict(
    kd=lambda s, t, y: kd_loss(s, t, 2.0),
    dkd=lambda s, t, y: dkd_loss(s, t, y, 2.0, 1.0, 8.0),
    nkd=lambda s, t, y: nkd_loss(s, t, y, 2.0, 1.5),
    gdkd=lambda s, t, y: gdkd_loss(s, t, 2.0, 3, 1.0, 1.0, 8.0),
    gdkd3=lambda s, t, y: gdkd3_loss(s, t, 2.0, 3, 1.0, 1.0, 8.0),
    ldrld=lambda s, t, y: ldrld_loss(s, t, 2.0, 3, 1.0, 1.0),
    topkd=lambda s, t, y: topkd_loss(s, t, y),
)


@pytest.mark.parametrize('cls', LOSSES)
@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(tau=0.0), 'tau must be > 0, got 0.0'),
        (dict(tau=float('inf')), 'tau must be finite'),
        (dict(loss_weight=-1.0), 'loss_weight must be >= 0, got -1.0'),
        (
            dict(reduction='batchmean'),
            "'none', 'mean' or 'sum', got 'batchmean'",
        ),
    ],
)
def test_settings_that_make_no_sense(cls, settings, message):
    with pytest.raises(ValueError, match=message):
        cls(**settings)


@pytest.mark.parametrize(
    'cls, letter',
    [
        (DKDLoss, 'alpha'),
        (DKDLoss, 'beta'),
        (NKDLoss, 'gamma'),
        (GDKDLoss, 'w0'),
        (GDKDLoss, 'w2'),
        (GDKD3Loss, 'w1'),
        (LDRLDLoss, 'alpha'),
        (LDRLDLoss, 'delta'),
        (TopKDLoss, 'beta'),
        (TopKDLoss, 'contrastive_weight'),
        (DISTLoss, 'beta'),
        (DISTLoss, 'eps'),
        (RLDLoss, 'alpha'),
    ],
)
def test_negative_weights_of_parts(cls, letter):
    with pytest.raises(ValueError, match=f'{letter} must be >= 0, got -2.0'):
        cls(**{letter: -2.0})


@pytest.mark.parametrize('cls', LOSSES)
def test_no_rows_give_0_and_a_gradient(cls):
    student = torch.zeros(0, 12, requires_grad=True)
    loss = cls()(student, torch.zeros(0, 12), torch.zeros(0).long())
    loss.backward()
    assert loss.item() == 0 and student.grad is not None


@pytest.mark.parametrize('cls', LOSSES)
def test_shapes_and_types(cls):
    labels = torch.tensor([0, 1])
    with pytest.raises(ValueError, match=r'\(2, 12\).*\(2, 13\)'):
        cls()(torch.zeros(2, 12), torch.zeros(2, 13), labels)
    with pytest.raises(TypeError, match='floating point, got torch.int64'):
        cls()(torch.zeros(2, 12).long(), torch.zeros(2, 12).long(), labels)


@pytest.mark.parametrize('cls', [DKDLoss, NKDLoss, RLDLoss, WSLDLoss])
def test_labels(cls):
    logits = torch.zeros(2, 12)
    with pytest.raises(ValueError, match='needs labels'):
        cls()(logits, logits)
    with pytest.raises(ValueError, match=r'in \[0, 11\], got .* 0 to 12'):
        cls()(logits, logits, torch.tensor([0, 12]))


@pytest.mark.parametrize(
    'cls, few',
    [
        (KDLoss, 1),
        (DKDLoss, 2),
        (NKDLoss, 2),
        (GDKDLoss, 5),
        (GDKD3Loss, 4),
        (LDRLDLoss, 7),
        (RLDLoss, 2),
        (DISTLoss, 1),
        (ABKDLoss, 1),
        (WSLDLoss, 1),
        (GramLoss, 1),
    ],
)
def test_too_few_classes_are_refused_at_build_time(cls, few):
    cls().check(HeadFacts(few + 1, few + 1))
    with pytest.raises(ValueError):
        cls().check(HeadFacts(few, few))


def test_use_sigmoid_is_that_of_the_rows_if_left_open():
    student, teacher = torch.eye(5), torch.eye(5).flip(1)
    for use_sigmoid in (True, False):
        open_one, told = KDLoss(), KDLoss(use_sigmoid=use_sigmoid)
        open_one.check(HeadFacts(5, 5, use_sigmoid))
        assert open_one.use_sigmoid is use_sigmoid
        assert torch.equal(open_one(student, teacher), told(student, teacher))
    assert torch.equal(
        KDLoss()(student, teacher), KDLoss(use_sigmoid=False)(student, teacher)
    )


# The functions refuse what would broadcast, or read the row next to it.


@pytest.mark.parametrize('name', FUNCTIONS)
def test_functions_refuse_shapes_and_types(name):
    function, labels = FUNCTIONS[name], torch.tensor([0, 1])
    logits = torch.zeros(2, 12)
    for teacher in (torch.zeros(2, 1), torch.zeros(1, 12), torch.zeros(2, 13)):
        with pytest.raises(ValueError, match=r'\(2, 12\) and teacher_logits'):
            function(logits, teacher, labels)
    with pytest.raises(ValueError, match='must be rows'):
        function(logits[None], logits[None], labels)
    with pytest.raises(TypeError, match='floating point, got torch.int64'):
        function(logits, logits.long(), labels)


@pytest.mark.parametrize('name', ['dkd', 'nkd', 'topkd'])
@pytest.mark.parametrize(
    'labels, message',
    [
        ([12, 0], r'in \[0, 11\], got values from 0 to 12'),
        ([0, -1], r'in \[0, 11\], got values from -1 to 0'),
        ([1], r'shape \(2,\), got \(1,\)'),
    ],
)
def test_functions_refuse_labels(name, labels, message):
    logits = torch.zeros(2, 12)
    with pytest.raises(ValueError, match=message):
        FUNCTIONS[name](logits, logits, torch.tensor(labels))


@pytest.mark.parametrize('name', ['dkd', 'nkd', 'topkd'])
@pytest.mark.parametrize('size', [1.0, 1e4])
def test_labels_of_any_integer_type(name, size):
    student, teacher = size * torch.eye(2, 12), size * torch.eye(3, 12)[1:]
    labels = torch.tensor([3, 1])
    expected = FUNCTIONS[name](student, teacher, labels)
    for dtype in (torch.int32, torch.uint8):
        found = FUNCTIONS[name](student, teacher, labels.to(dtype))
        assert torch.equal(found, expected)


@pytest.mark.parametrize(
    'call, message',
    [
        (lambda x: gdkd_loss(x, x, 1.0, 13), r'k .* in \[0, 12\], got 13'),
        (lambda x: gdkd_loss(x, x, 1.0, 2.5), 'whole number .* got 2.5'),
        (lambda x: gdkd3_loss(x, x, 1.0, 0), r'k .* in \[1, 12\], got 0'),
        (lambda x: ldrld_loss(x, x, 1.0, 1), r'depth .* \[2, 12\], got 1'),
        (lambda x: topkd_loss(x, x, k=0), 'k must be .* >= 1, got 0'),
        (
            lambda x: gdkd_loss(x, x, 1.0, 3, strategy='wrost'),
            "strategy must be 'best' or 'worst', got 'wrost'",
        ),
        (
            lambda x: gdkd_loss(x, x, 1.0, 3, kl_type='back'),
            "kl_type must be 'forward', 'reverse' or 'both', got 'back'",
        ),
        (
            lambda x: ldrld_loss(x, x, 1.0, 3, rank_by='label'),
            "rank_by must be 'student' or 'teacher', got 'label'",
        ),
        (
            lambda x: topkd_loss(x, x, amplify='square'),
            "amplify must be 'literal' or 'abs', got 'square'",
        ),
    ],
)
def test_functions_refuse_settings(call, message):
    with pytest.raises(ValueError, match=message):
        call(torch.zeros(2, 12))
