"""The tools as a user calls them, and a teacher with random weights."""

import os
import subprocess
import sys
from pathlib import Path

import torch

from mmkd_logit.launch import load_config
from mmkd_logit.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
ENV = {
    **os.environ,
    'PYTHONPATH': str(ROOT),
    'OMP_NUM_THREADS': '1',
    'PYTHON': sys.executable,
    'PORT': str(20000 + os.getpid() % 12000),  # below those of clients
}
#: Of somebody who has a toolbox and not this package.
STOCK_ENV = {k: v for k, v in ENV.items() if k != 'PYTHONPATH'}
#: Four iterations of a config of ``configs/demo``.
OPTIONS = [
    'train_cfg.max_iters=4',
    'train_cfg.val_interval=4',
    'default_hooks.checkpoint.interval=2',
    'default_hooks.logger.interval=1',
    'train_dataloader.batch_size=2',
    'randomness.seed=0',
    'log_processor.window_size=1',
]


def call(*command, env=ENV, cwd=ROOT, **kwargs):
    """Exit status, and what the command printed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **kwargs,
    )
    return done.returncode, done.stdout


def random_teacher(config, path, classes=None, seed=1):
    """Store the weights of a config's model as MMEngine would."""
    torch.manual_seed(seed)
    model = MODELS.build(load_config(str(config)).model)
    model.init_weights()
    file = dict(state_dict=model.state_dict())
    if classes is not None:
        file['meta'] = dict(dataset_meta=dict(classes=tuple(classes)))
    torch.save(file, path)
    return path
