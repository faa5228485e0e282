"""The files under ``configs/``, read quickly."""

import copy
import os
from functools import lru_cache
from pathlib import Path

import pytest
from mmengine.config import Config

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'


@pytest.fixture(autouse=True, scope='module')
def quick_bases():
    """Read a file that hundreds of configs inherit only once."""
    original = Config._file2dict
    read = lru_cache(maxsize=None)(original)

    def remember(filename, *args, **kwargs):
        filename = os.path.normpath(filename)
        return copy.deepcopy(read(filename, *args, **kwargs))

    Config._file2dict = staticmethod(remember)
    yield
    Config._file2dict = staticmethod(original)
