"""Settings of the process that trains."""

import ctypes
import platform

import pytest
import torch
from mmengine.config import Config

from mmkd_logit.launch import keep_freed_memory, start_processes


@pytest.mark.skipif(
    torch.cuda.is_available() or platform.libc_ver()[0] != 'glibc',
    reason='does nothing with a GPU or without glibc',
)
def test_glibc_accepts_the_limits_that_keep_memory(monkeypatch):
    library, calls = ctypes.CDLL(None), []

    class Recorder:
        """The C library, noting what ``mallopt`` was asked and answered."""

        def mallopt(self, setting, value):
            calls.append((setting, value, library.mallopt(setting, value)))

    monkeypatch.setattr(ctypes, 'CDLL', lambda name: Recorder())
    keep_freed_memory()
    # M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of malloc.h; 1 is success
    assert calls == [(-3, 1 << 25, 1), (-1, (1 << 31) - 1, 1)]


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, 'CDLL', lambda name: object())
    keep_freed_memory()


@pytest.mark.skipif(torch.cuda.is_available(), reason='for CPUs')
def test_launchers_without_a_gpu(monkeypatch):
    start_processes(Config(dict(launcher='none')))
    for name in ('slurm', 'mpi'):
        with pytest.raises(ValueError, match=f'{name} .*on CPUs use bash'):
            start_processes(Config(dict(launcher=name)))
    monkeypatch.delenv('RANK', raising=False)
    with pytest.raises(ValueError, match='that torchrun started: bash tools'):
        start_processes(Config(dict(launcher='pytorch')))


@pytest.mark.skipif(torch.cuda.is_available(), reason='for CPUs')
def test_norms_that_no_cpu_has(monkeypatch):
    started = []
    monkeypatch.setattr(
        torch.distributed, 'init_process_group', started.append
    )
    monkeypatch.setenv('RANK', '0')
    monkeypatch.setenv('WORLD_SIZE', '2')
    sync = dict(type='SyncBN', requires_grad=True)
    for wrong in (
        dict(sync_bn='torch'),
        dict(model=dict(student=dict(backbone=[dict(norm_cfg=sync)]))),
        dict(model=dict(norm_cfg=dict(type=torch.nn.SyncBatchNorm))),
    ):
        with pytest.raises(ValueError, match='SyncBN runs on GPUs only'):
            start_processes(Config(dict(launcher='pytorch', **wrong)))
    assert not started
    teacher = dict(teacher=dict(model=dict(norm_cfg=sync)), student=dict())
    start_processes(Config(dict(launcher='pytorch', model=teacher)))
    assert started == ['gloo']
