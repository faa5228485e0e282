"""Names of the log."""

import pytest
import torch

from mmkd_logit.distillers.step_log import part_prefix, split_parts
from mmkd_logit.registry import MODELS
from tests.toys import distiller_config


@pytest.mark.parametrize(
    'term, prefix',
    [
        ('loss_kd', 'kd'),
        ('s0.loss_kd_box', 's0.kd_box'),
        ('loss_kd_loss', 'kd'),
        ('loss', 'kd'),
        ('lossy', 'y'),
    ],
)
def test_parts_never_have_the_name_of_a_loss(term, prefix):
    assert part_prefix(term) == prefix


def test_the_total_keeps_its_name_and_the_students_loss_gets_another():
    losses, parts = split_parts({'loss': 1, 'loss_kd': 2, 'loss_kd/a': 3})
    assert losses == {'loss_student': 1, 'loss_kd': 2}
    assert parts == {'loss_kd/a': 3}


def test_only_losses_are_added_up():
    model = MODELS.build(distiller_config('none.pth'))
    one, two, three = torch.tensor([1.0, 2.0, 3.0])
    total, logged = model.parse_losses(
        {'loss': one, 'loss_kd': two, 'loss_kd/tckd': three}
    )
    assert total == 3
    assert {key: float(value) for key, value in logged.items()} == {
        'loss': 3,
        'loss_student': 1,
        'loss_kd': 2,
        'loss_kd/tckd': 3,
    }
