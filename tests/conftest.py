"""Fixtures that several test folders use."""

import gc
import multiprocessing
import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

SHARED = Path(__file__).resolve().parents[2] / 'shared'


@pytest.fixture(scope='session')
def shared() -> Path:
    """Folder with reference numbers and datasets beside the project."""
    if not SHARED.is_dir():
        pytest.skip(
            'needs the reference data in ../shared, which is not part '
            'of the project'
        )
    return SHARED


@pytest.fixture(autouse=True)
def fresh_instances():
    """No test meets the scope, the logger or the counters of another's run.

    A logger writes to the standard output of the test that made it, and shows
    a warning only once.
    """
    from mmengine.logging import MessageHub, MMLogger
    from mmengine.registry import DefaultScope

    for logger in MMLogger._instance_dict.values():
        for handler in logger.handlers:
            handler.close()
    for kind in (DefaultScope, MMLogger, MessageHub):
        kind._instance_dict.clear()


@pytest.fixture(autouse=True, scope='module')
def fresh_toys():
    """The tests of a module share toy models, whose training moves them."""
    toys = [
        module
        for name, module in list(sys.modules.items())
        if name.startswith('tests.toy')
    ]
    for value in (value for toy in toys for value in vars(toy).values()):
        if hasattr(value, 'cache_clear'):
            value.cache_clear()


@pytest.fixture(autouse=True)
def restored_process():
    """What a test changes in its process is as before after it.

    Workers that a data loader keeps end with the test that began them.
    """
    environment, folder = dict(os.environ), Path.cwd()
    arguments, path = list(sys.argv), list(sys.path)
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    yield
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv[:], sys.path[:] = arguments, path
    torch.set_default_dtype(dtype)
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    if multiprocessing.active_children():
        gc.collect()


@pytest.fixture(autouse=True)
def same_random_numbers():
    """A test draws the same numbers alone, in any order and any process."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def fresh_compiler():
    """A test that compiles meets no graph and no back end of an earlier one.

    PyTorch 2.1 warns when the back end changes, and warnings are errors.
    """
    dynamo = sys.modules.get('torch._dynamo')
    if dynamo is not None:
        dynamo.reset()


def pytest_collection_modifyitems(items):
    """Quick tests first, trainings last."""
    items.sort(key=lambda item: item.get_closest_marker('slow') is not None)
