"""Settings of the process that trains: memory and process groups."""

import ctypes
import os
import sys
from typing import Any

from mmengine.config import Config

from ..messages import WrongValue
from ..registry import type_name

# numbers of mallopt's settings in glibc's malloc.h
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> None:
    """Let training on a CPU reuse memory instead of fetching it anew.

    glibc gives the memory of one step back to the system, and the next step
    pays for fresh pages. Elsewhere, and with a GPU, this does nothing.
    """
    import torch

    if torch.cuda.is_available() or not sys.platform.startswith('linux'):
        return
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is not None:  # other C libraries have none
        mallopt(_MMAP_THRESHOLD, 1 << 25)  # the most that glibc accepts
        mallopt(_TRIM_THRESHOLD, (1 << 31) - 1)


def start_processes(config: Config) -> None:
    """Let ``--launcher pytorch`` work on machines without a GPU, over gloo.

    MMEngine itself starts process groups on GPUs only.

    Raises:
        ValueError: If the launcher did not start this process, or cannot on
            a CPU, or the model has layers that no CPU has.
    """
    import torch

    launcher = config.get('launcher') or 'none'
    if launcher == 'pytorch' and not {'RANK', 'WORLD_SIZE'} <= {*os.environ}:
        raise WrongValue(
            '--launcher pytorch is for processes that torchrun started: '
            'bash tools/dist_train.sh CONFIG PROCESSES, or leave it out for '
            'one process'
        )
    if launcher == 'none' or torch.cuda.is_available():
        return
    if launcher != 'pytorch':
        raise WrongValue(
            f'--launcher {launcher} starts processes on GPUs only, and torch '
            'sees none here; on CPUs use bash tools/dist_train.sh CONFIG '
            'PROCESSES, which talks over gloo'
        )
    if config.get('sync_bn') or _names_sync_bn(config.get('model')):
        raise WrongValue(
            'SyncBN runs on GPUs only; on CPUs train in one process, where it '
            "is plain BN, or without it: norm_cfg=dict(type='BN') in the "
            'model, sync_bn=None'
        )
    torch.distributed.init_process_group('gloo')
    if config.get('model_wrapper_cfg') is None:
        config.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            device_ids=None,
            broadcast_buffers=False,
            find_unused_parameters=config.get('find_unused_parameters', False),
        )


def _names_sync_bn(node: Any) -> bool:
    """Whether a model's config has a layer of synchronized batch norm."""
    if isinstance(node, dict):
        kind = type_name(node.get('type'))
        if kind in ('SyncBN', 'MMSyncBN', 'SyncBatchNorm'):
            return True
        return any(
            _names_sync_bn(value)
            for key, value in node.items()
            if key != 'teacher'  # frozen, and not wrapped
        )
    if isinstance(node, (list, tuple)):
        return any(map(_names_sync_bn, node))
    return False
