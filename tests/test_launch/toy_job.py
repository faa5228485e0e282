"""``tools/train.py`` and ``tools/test.py`` on toys, in this process."""

import itertools
import os
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from mmengine.fileio.backends import registry_utils
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader

from mmkd_logit.launch import jobs
from tests.toys import distiller_config, teacher_file

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
custom_imports = dict(imports=['tests.toys'])
default_scope = 'mmengine'
model = {model!r}
train_dataloader = dict(
    dataset=dict(type='ToyDataset', length={length}),
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'), batch_size=4, num_workers=0)
train_cfg = dict(by_epoch=True, max_epochs={epochs})
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9))
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=1),
    checkpoint=dict(type='CheckpointHook', interval=1))
randomness = dict(seed=3)
"""
_RUNS = itertools.count()
PLAIN = dict(type='mmkd_logit.ToyModel')


class Harm:
    """A pickle of this makes a folder when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.makedirs, (str(self.path), 0o777, True)


@pytest.fixture
def mmengine_as_it_was():
    """Take back what the tools change in MMEngine for their process."""
    old = (
        dict(CheckpointLoader._schemes),
        mmengine_checkpoint.load_url,
        dict(registry_utils.backends),
        dict(registry_utils.prefix_to_backends),
    )
    yield
    CheckpointLoader._schemes, mmengine_checkpoint.load_url = old[:2]
    registry_utils.backends.update(old[2])
    registry_utils.prefix_to_backends.update(old[3])


def write_config(folder, model=None, name='config.py', more='', **kwargs):
    """A config of a toy; ``model`` None is a distiller with a teacher."""
    model = distiller_config(teacher_file(folder)) if model is None else model
    path = folder / name
    values = dict(model=model, length=8, epochs=1, **kwargs)
    path.write_text(CONFIG.format(**values) + more)
    return path


@contextmanager
def _command_line(*words):
    old = sys.argv
    sys.argv = ['tool', *map(str, words)]
    try:
        yield
    finally:
        sys.argv = old


def call(tool, *words):
    """Call a tool's own parser and job with a command line."""
    import importlib.util

    spec = importlib.util.spec_from_file_location(
        f'tool_{tool}', ROOT / 'tools' / f'{tool}.py'
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    words = list(words)
    options = ['--cfg-options', f'experiment_name=toy_job_{next(_RUNS)}']
    if '--cfg-options' in words:
        words.insert(words.index('--cfg-options') + 1, options[1])
    else:
        words += options
    with _command_line(*words):
        args = module.parse_args()
    getattr(jobs, tool)(args)


def train(config, work_dir, *words):
    """Train and return the weights of the last checkpoint."""
    call('train', config, '--work-dir', work_dir, *words)
    last = Path(work_dir, 'last_checkpoint').read_text()
    return torch.load(last, weights_only=False)['state_dict']
