"""Weights are loaded whole, finite and of the model's own kind."""

import pytest
import torch
from torch import nn

from mmkd_logit.checkpoints.state_dict import (
    compare_keys,
    load_state_dict_strictly,
    plain_state_dict,
)
from tests.toys import ToyModel


def load(**changes):
    model, state = ToyModel(), ToyModel().state_dict()
    state.update(changes)
    load_state_dict_strictly(model, state, 'file.pth')
    return model, state


def test_equal_weights_load():
    model, state = load()
    assert torch.equal(model.conv.weight, state['conv.weight'])


@pytest.mark.parametrize(
    'dtype', [torch.float16, torch.bfloat16, torch.float64]
)
def test_other_precisions_load(dtype):
    weight = torch.full((4, 3, 1, 1), 0.5, dtype=dtype)
    model, _ = load(**{'conv.weight': weight})
    assert model.conv.weight.dtype == torch.float32
    assert (model.conv.weight == 0.5).all()


@pytest.mark.parametrize(
    'key, value, message',
    [
        (
            'conv.weight',
            torch.full((4, 3, 1, 1), float('nan')),
            'NaN or infinite: conv.weight',
        ),
        (
            'norm.running_var',
            torch.full((4,), float('inf')),
            'NaN or infinite: norm.running_var',
        ),
        (
            'conv.bias',
            torch.full((4,), 1e300, dtype=torch.float64),
            'NaN or infinite: conv.bias',
        ),
        (
            'conv.bias',
            torch.ones(4).long(),
            'another kind: conv.bias int64 instead of float32',
        ),
        (
            'conv.bias',
            torch.ones(4, dtype=torch.complex64),
            'conv.bias complex64 instead of float32',
        ),
        (
            'norm.num_batches_tracked',
            torch.tensor(0.5),
            'num_batches_tracked float32 instead of int64',
        ),
    ],
)
def test_numbers_of_another_kind_are_refused(key, value, message):
    with pytest.raises(ValueError, match=f"'file.pth' has numbers.*{message}"):
        load(**{key: value})


def test_a_counter_may_be_stored_as_a_float():
    model, _ = load(**{'norm.num_batches_tracked': torch.tensor(7.0)})
    assert model.norm.num_batches_tracked == 7


def test_a_missing_key_is_listed():
    model, state = ToyModel(), ToyModel().state_dict()
    del state['conv.bias']
    with pytest.raises(ValueError, match='missing: conv.bias'):
        load_state_dict_strictly(model, state, 'file.pth')


def test_the_state_dict_inside_a_checkpoint():
    state = {'module.a': torch.ones(1), 'module.b': torch.ones(1)}
    assert list(plain_state_dict(dict(state_dict=state))) == ['a', 'b']
    with pytest.raises(ValueError, match='no state_dict of tensors'):
        plain_state_dict([1])


class SharedPart(nn.Module):
    """Gives a part of its head to its decoder while it trains."""

    def __init__(self):
        super().__init__()
        self.decoder = nn.Module()
        self.head = nn.Module()
        self.head.branch = nn.Linear(2, 3)

    def share(self):
        self.decoder.branch = self.head.branch
        return self


def test_a_part_that_is_stored_twice_fits_a_model_that_has_it_once():
    trained, built = SharedPart().share(), SharedPart()
    state = trained.state_dict()
    assert 'decoder.branch.weight' in state
    assert compare_keys(built.state_dict(), state) == ('', 2)
    load_state_dict_strictly(built, state, 'ddq.pth')
    assert torch.equal(built.head.branch.weight, trained.head.branch.weight)
    state['decoder.branch.weight'] = state['decoder.branch.weight'] + 1
    with pytest.raises(ValueError, match='unexpected: decoder.branch.weight'):
        load_state_dict_strictly(SharedPart(), state, 'ddq.pth')


def test_weights_of_a_ddq_that_was_trained_fit_one_that_was_built():
    pytest.importorskip('mmdet')
    from tests.toy_detectors import detection_batch
    from tests.toy_detrs import build_detr, detr_cfg

    trained = build_detr(detr_cfg('ddq')).train()
    before = set(trained.state_dict())
    trained(*detection_batch(trained, [1]), mode='loss')
    assert set(trained.state_dict()) > before
    built = build_detr(detr_cfg('ddq'), seed=1)
    load_state_dict_strictly(built, trained.state_dict(), 'ddq.pth')
    assert torch.equal(built.query_map.weight, trained.query_map.weight)


@pytest.mark.parametrize(
    'wrap',
    [
        lambda s: s,
        lambda s: dict(state_dict=s),
        lambda s: dict(model=s),
        lambda s: dict(state_dict={f'module.{k}': v for k, v in s.items()}),
    ],
)
def test_state_dict_is_found_in_its_wrappings(wrap):
    state = dict(weight=torch.ones(1), bias=torch.zeros(1))
    assert set(plain_state_dict(wrap(state))) == {'weight', 'bias'}


def test_a_file_without_weights_is_named():
    with pytest.raises(ValueError, match='no state_dict of tensors'):
        plain_state_dict(dict(meta=dict(epoch=3)))


@pytest.mark.parametrize(
    'change, message',
    [
        (lambda s: s.pop('0.weight'), 'missing: 0.weight'),
        (lambda s: s.update(extra=torch.ones(1)), 'unexpected: extra'),
        (
            lambda s: s.update({'0.weight': torch.ones(1, 1)}),
            r'of another shape: 0.weight \(1, 1\) instead of \(3, 2\)',
        ),
    ],
)
def test_keys_that_do_not_fit_are_listed(change, message):
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    state = model.state_dict()
    change(state)
    with pytest.raises(ValueError, match=message):
        load_state_dict_strictly(model, state, 'file.pth')


def test_counters_of_batch_norm_may_be_absent():
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    state = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).state_dict()
    del state['1.num_batches_tracked']
    load_state_dict_strictly(model, state, 'file.pth')
    assert torch.equal(model[0].weight, state['0.weight'])
