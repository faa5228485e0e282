"""What ``tools/train.py`` and ``tools/test.py`` do with a config."""

from ..checkpoints.loaders import read_checkpoints_safely
from ..registry import is_distiller
from .config import guard, job_config, load_config, set_training_options
from .data import check_data, move_data_root
from .explain import run_and_explain
from .process import keep_freed_memory, start_processes
from .resume import choose_checkpoint
from .run_settings import refuse_mixed_run
from .runner import ToolRunner
from .weights import check_names, check_weights, read_weights

__all__ = [
    'ToolRunner',
    'check_data',
    'check_names',
    'check_weights',
    'choose_checkpoint',
    'guard',
    'is_distiller',
    'job_config',
    'keep_freed_memory',
    'load_config',
    'move_data_root',
    'read_checkpoints_safely',
    'read_weights',
    'refuse_mixed_run',
    'run_and_explain',
    'set_training_options',
    'start_processes',
]
