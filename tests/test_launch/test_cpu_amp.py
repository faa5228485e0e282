"""Mixed precision on a CPU."""

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import AmpOptimWrapper

from mmkd_logit.launch.cpu_amp import CPUAmpOptimWrapper, amp_for_this_device
from tests.test_launch.toy_job import (
    PLAIN,
    call,
    mmengine_as_it_was,  # noqa: F401
    train,
    write_config,
)
from tests.toys import ToyModel

pytestmark = [
    pytest.mark.skipif(torch.cuda.is_available(), reason='for CPUs'),
    pytest.mark.usefixtures('mmengine_as_it_was'),
]


def test_the_forward_pass_is_bfloat16_and_the_weights_are_not(
    tmp_path, monkeypatch
):
    seen, logits = [], ToyModel.logits

    def note(self, feats):
        seen.append(self.conv(torch.zeros(1, 3, 2, 2)).dtype)
        return logits(self, feats)

    monkeypatch.setattr(ToyModel, 'logits', note)
    weights = train(write_config(tmp_path), tmp_path / 'out', '--amp')
    assert set(seen) == {torch.bfloat16}
    assert weights['conv.weight'].dtype == torch.float32


def test_amp_of_a_config_is_bfloat16_too(tmp_path):
    for kind in ('AmpOptimWrapper', AmpOptimWrapper):
        wrapper = dict(type=kind, loss_scale=512.0, dtype='float16', a=1)
        config = Config(dict(optim_wrapper=wrapper))
        amp_for_this_device(config)
        assert config.optim_wrapper == dict(
            type='mmkd_logit.CPUAmpOptimWrapper', a=1
        )
    config = Config(dict(optim_wrapper=dict(type='OptimWrapper')))
    amp_for_this_device(config)
    assert config.optim_wrapper.type == 'OptimWrapper'


@pytest.mark.parametrize(
    'message',
    [
        '"roi" not implemented for \'BFloat16\'',
        'expected scalar type Float but found BFloat16',  # MMCV's NMS
    ],
)
def test_an_operator_without_bfloat16_is_a_sentence(
    message, tmp_path, monkeypatch
):
    def fail(self, feats):
        raise RuntimeError(message)

    monkeypatch.setattr(ToyModel, 'logits', fail)
    words = ['--work-dir', tmp_path / 'out', '--amp']
    with pytest.raises(ValueError, match='bfloat16, which.*leave --amp out'):
        call('train', write_config(tmp_path, PLAIN), *words)
    wrapper = CPUAmpOptimWrapper(torch.optim.SGD(ToyModel().parameters(), 1.0))
    with pytest.raises(RuntimeError, match='^another$'):
        with wrapper.optim_context(ToyModel()):
            raise RuntimeError('another')
