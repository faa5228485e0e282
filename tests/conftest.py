"""Fixtures that several test folders use."""

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
def no_default_scope():
    """A runner leaves its default scope behind; no test sees another's."""
    from mmengine.registry import DefaultScope

    DefaultScope._instance_dict.clear()


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
