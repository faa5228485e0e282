"""What ``tools/train.py`` and ``tools/test.py`` do with a config."""

from .config import (
    guard,
    is_distiller,
    job_config,
    load_config,
    set_training_options,
)
from .data import check_data, move_data_root
from .explain import run_and_explain
from .process import keep_freed_memory, start_processes

__all__ = [
    'check_data',
    'guard',
    'is_distiller',
    'job_config',
    'keep_freed_memory',
    'load_config',
    'move_data_root',
    'run_and_explain',
    'set_training_options',
    'start_processes',
]
