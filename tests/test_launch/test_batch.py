"""The recipe's batch, accumulation included."""

import pytest
from mmengine.config import Config

from mmkd_logit.launch.batch import count_accumulation


@pytest.mark.parametrize(
    'enable, counts, base', [(True, 8, 2), (True, 1, 16), (False, 8, 16)]
)
def test_the_recipes_batch_is_divided_once(enable, counts, base):
    config = Config(
        dict(
            auto_scale_lr=dict(enable=enable, base_batch_size=16),
            optim_wrapper=dict(accumulative_counts=counts),
        )
    )
    for _ in range(2):
        count_accumulation(config)
    assert config.auto_scale_lr.base_batch_size == base
    assert config.auto_scale_lr.get('recipe_batch_size', base) in (base, 16)


def test_configs_without_these_settings_are_left_alone():
    config = Config(dict(model=dict(type='A')))
    count_accumulation(config)
    assert config.to_dict() == dict(model=dict(type='A'))
