"""Losses on rows of logits; one method per file."""

from .abkd import ABKDLoss, abkd_loss
from .base import LogitLoss, reduce_rows
from .dist import DISTLoss, dist_loss
from .dkd import DKDLoss, dkd_loss
from .gdkd import GDKDLoss, gdkd_loss
from .gdkd3 import GDKD3Loss, gdkd3_loss
from .gram import GramLoss, gram_loss
from .kd import KDLoss, kd_loss
from .kdqfl import KDQFLLoss, kdqfl_loss
from .ldrld import LDRLDLoss, ldrld_loss
from .nkd import NKDLoss, nkd_loss
from .rld import RLDLoss, rld_loss
from .standardize import standardize
from .topk_scale import topk_scale
from .topkd import TopKDLoss, contrastive_loss, topk_decoupled_loss, topkd_loss
from .wkd import WKDLoss, wkd_loss
from .wsld import WSLDLoss, wsld_loss
from .wttm import WTTMLoss, wttm_loss

__all__ = [
    'ABKDLoss',
    'DISTLoss',
    'DKDLoss',
    'GDKD3Loss',
    'GDKDLoss',
    'GramLoss',
    'KDLoss',
    'KDQFLLoss',
    'LDRLDLoss',
    'LogitLoss',
    'NKDLoss',
    'RLDLoss',
    'TopKDLoss',
    'WKDLoss',
    'WSLDLoss',
    'WTTMLoss',
    'abkd_loss',
    'contrastive_loss',
    'dist_loss',
    'dkd_loss',
    'gdkd3_loss',
    'gdkd_loss',
    'gram_loss',
    'kd_loss',
    'kdqfl_loss',
    'ldrld_loss',
    'nkd_loss',
    'reduce_rows',
    'rld_loss',
    'standardize',
    'topk_decoupled_loss',
    'topk_scale',
    'topkd_loss',
    'wkd_loss',
    'wsld_loss',
    'wttm_loss',
]
