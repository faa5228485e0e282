"""Checkpoints: find, read safely, load strictly, export."""

from .safe_load import load_checkpoint_safely

__all__ = ['load_checkpoint_safely']
