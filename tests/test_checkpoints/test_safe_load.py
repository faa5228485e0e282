"""Reading other people's checkpoints."""

import os
import pickle
import warnings
from collections import OrderedDict

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim import OneCycleLR, OneCycleParamScheduler

from mmkd_logit.checkpoints.safe_load import load_checkpoint_safely
from mmkd_logit.checkpoints.state_dict import plain_state_dict


class Harm:
    """A pickle of this would write a file when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_checkpoint_as_mmengine_writes_it_is_read(tmp_path):
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    saved = dict(
        state_dict=OrderedDict(weight=torch.arange(3.0)),
        meta=dict(epoch=1, seed=3, dataset_meta=dict(classes=('a', 'b'))),
        message_hub=dict(log_scalars=OrderedDict(loss=history)),
        optimizer=dict(state={}, lr=np.float64(0.1)),
    )
    torch.save(saved, tmp_path / 'file.pth')
    read = load_checkpoint_safely(str(tmp_path / 'file.pth'))
    assert torch.equal(read['state_dict']['weight'], torch.arange(3.0))
    assert read['meta'] == saved['meta']


@pytest.mark.parametrize('strategy', ['cos', 'linear'])
def test_the_state_of_a_one_cycle_schedule_is_read(tmp_path, strategy):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule = OneCycleLR(
        optimizer, eta_max=0.1, total_steps=8, anneal_strategy=strategy
    )
    saved = dict(state_dict={}, param_schedulers=[schedule.state_dict()])
    torch.save(saved, tmp_path / 'file.pth')
    read = load_checkpoint_safely(str(tmp_path / 'file.pth'))
    (state,) = read['param_schedulers']
    assert state['anneal_func'] is schedule.anneal_func
    assert state['total_steps'] == 8


class Reaches:
    """A pickle of this asks a class for one of its attributes."""

    def __init__(self, owner, name):
        self.owner, self.name = owner, name

    def __reduce__(self):
        return getattr, (self.owner, self.name)


@pytest.mark.parametrize('owner', [OneCycleParamScheduler, HistoryBuffer])
def test_no_other_method_is_reached(tmp_path, owner):
    file = dict(state_dict={}, found=Reaches(owner, '__init__'))
    torch.save(file, tmp_path / 'file.pth')
    with pytest.raises(ValueError, match='cannot be read|could run code'):
        load_checkpoint_safely(str(tmp_path / 'file.pth'))


@pytest.mark.parametrize('legacy', [False, True])
def test_a_pickle_that_could_run_code_is_refused(tmp_path, legacy):
    target = tmp_path / 'made'
    torch.save(
        dict(state_dict={}, harm=Harm(target)),
        tmp_path / 'file.pth',
        _use_new_zipfile_serialization=not legacy,
    )
    with pytest.raises(ValueError, match='could run code.*trust_teacher'):
        load_checkpoint_safely(str(tmp_path / 'file.pth'))
    with pytest.raises(ValueError, match='Save its state_dict alone$'):
        load_checkpoint_safely(str(tmp_path / 'file.pth'), way='')
    assert not target.exists()
    load_checkpoint_safely(str(tmp_path / 'file.pth'), trusted=True)
    assert target.exists()


@pytest.mark.parametrize(
    'content',
    [
        b'_base_ = 1\n',
        b'<!DOCTYPE html><html>',
        b'',
        b'PK\x03\x04cut',
        b'\x80',
        pickle.dumps(dict(weight=[1.0])),
    ],
)
def test_a_file_that_is_no_checkpoint_or_cut_short_is_named(tmp_path, content):
    path = tmp_path / 'file.pth'
    path.write_bytes(content)
    for trusted in (False, True):
        with pytest.raises(ValueError, match="file.pth' cannot be read; it"):
            load_checkpoint_safely(str(path), trusted)


@pytest.mark.parametrize(
    'content, why',
    [
        (b'', 'it has 0 bytes; copy or download it again'),
        (b'\n<!doctype HTML>', 'it is a web page; download the file itself'),
        (b'\x1f\x8b\x08', 'it is compressed by gzip; unpack it first'),
        (
            (16).to_bytes(8, 'little') + b'{"__metadata__":',
            'it is a safetensors file, .*load_file, and write that',
        ),
        (b'PK\x03\x04cut', 'it is damaged, or not a PyTorch checkpoint; copy'),
    ],
)
def test_what_came_is_said(tmp_path, content, why):
    path = tmp_path / 'file.pth'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=why):
        load_checkpoint_safely(str(path))


@pytest.mark.parametrize('protocol', [2, 4, 5])
def test_a_bare_pickle_is_neither_run_nor_called_damaged(tmp_path, protocol):
    marker = tmp_path / 'ran'

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(marker),)

    path = tmp_path / 'file.pth'
    path.write_bytes(pickle.dumps(Evil(), protocol=protocol))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        with pytest.raises(ValueError, match='could run code'):
            load_checkpoint_safely(str(path))
    assert not marker.exists()


@pytest.mark.parametrize('legacy', [False, True])
def test_flipped_and_missing_bytes_are_noticed(tmp_path, legacy):
    path = tmp_path / 'file.pth'
    torch.save(
        dict(state_dict=dict(weight=torch.arange(64.0)), meta=dict(epoch=1)),
        path,
        _use_new_zipfile_serialization=not legacy,
    )
    whole = path.read_bytes()
    # without checksums, of torch < 1.6, only the structure can be checked
    flips = range(3, 60, 7) if legacy else range(0, len(whole), 61)
    for position in flips:
        broken = bytearray(whole)
        broken[position] ^= 0xFF
        path.write_bytes(broken)
        try:
            read = load_checkpoint_safely(str(path))
        except ValueError as error:
            assert str(path) in str(error)
        else:  # the byte meant nothing
            assert torch.equal(
                read['state_dict']['weight'], torch.arange(64.0)
            )
    for end in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:end])
        with pytest.raises(ValueError, match='cannot be read|could run code'):
            load_checkpoint_safely(str(path))


WEIGHTS = dict(weight=torch.ones(1))


@pytest.mark.parametrize(
    'content, message',
    [
        ({0: torch.ones(1)}, r'has the key 0 \(int\); expected names'),
        (dict(state_dict={1: torch.ones(1)}), '`state_dict` of.*key 1'),
        (dict(model={(1,): torch.ones(1)}), r'key \(1,\) \(tuple\)'),
        (dict(state_dict=WEIGHTS, meta='text'), 'has a str as `meta`'),
        (dict(state_dict=WEIGHTS, meta=[1]), 'has a list as `meta`'),
        (
            dict(state_dict=WEIGHTS, meta=dict(dataset_meta=[1])),
            'has a list as `dataset_meta`',
        ),
        (
            dict(state_dict=WEIGHTS, meta=dict(dataset_meta=dict(classes=5))),
            'has the class names 5',
        ),
        (
            dict(state_dict=WEIGHTS, meta=dict(CLASSES={'a': 1})),
            'has the class names {',
        ),
        (
            dict(state_dict=WEIGHTS, ema_state_dict=[1]),
            'has a list as `ema_state_dict`',
        ),
    ],
)
def test_malformed_contents_are_named(tmp_path, content, message):
    torch.save(content, tmp_path / 'file.pth')
    for trusted in (False, True):
        with pytest.raises(ValueError, match=message):
            load_checkpoint_safely(str(tmp_path / 'file.pth'), trusted)


@pytest.mark.parametrize('content', [[1], 3.0, torch.ones(2), None])
def test_a_checkpoint_that_is_no_dict_has_no_weights(tmp_path, content):
    torch.save(content, tmp_path / 'file.pth')
    checkpoint = load_checkpoint_safely(str(tmp_path / 'file.pth'))
    with pytest.raises(ValueError, match='no state_dict of tensors, but a '):
        plain_state_dict(checkpoint)
