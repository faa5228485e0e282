from types import SimpleNamespace

import pytest
from mmengine.model import BaseModule

from mmkd_logit.distillers.describe import describe_init, describe_rows
from mmkd_logit.distillers.term import make_term
from mmkd_logit.heads.base import LogitReader
from mmkd_logit.losses import KDLoss
from mmkd_logit.structures.head_facts import HeadFacts

PRETRAINED = dict(type='Pretrained', checkpoint='torchvision://resnet18')


@pytest.mark.parametrize(
    'view, use_sigmoid, expected',
    [
        (None, False, 'softmax rows of 5'),
        ('bernoulli', True, 'sigmoid rows of 5'),
        (
            'categorical',
            True,
            'softmax rows of 6 (categorical view of 5 sigmoid classes)',
        ),
    ],
)
def test_rows_are_those_that_the_loss_compares(view, use_sigmoid, expected):
    head = HeadFacts(5, 5, use_sigmoid)
    term = make_term(LogitReader(view=view), KDLoss(), head)
    assert describe_rows(term) == expected


def test_first_weights_are_those_of_the_config():
    assert describe_init(BaseModule()) == 'random'
    whole = BaseModule(init_cfg=PRETRAINED)
    assert describe_init(whole) == 'torchvision://resnet18'
    normal = dict(type='Normal', layer='Conv2d')
    backbone = BaseModule(init_cfg=[normal, PRETRAINED])
    student = SimpleNamespace(backbone=backbone)
    assert describe_init(student) == 'torchvision://resnet18 (backbone)'
