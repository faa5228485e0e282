"""Schedules, guards and measurements around a distillation run."""

from .kd_agreement_hook import KDAgreementHook
from .kd_decay_hook import KDDecayHook
from .kd_evaluation_hook import KDEvaluationHook
from .kd_guard_hook import KDGuardHook
from .kd_self_teacher_hook import KDSelfTeacherHook
from .kd_stop_hook import KDStopHook
from .kd_warmup_hook import KDWarmupHook
from .seed_each_iter_hook import SeedEachIterHook
from .teacher_cache_hook import TeacherCacheHook

__all__ = [
    'KDAgreementHook',
    'KDDecayHook',
    'KDEvaluationHook',
    'KDGuardHook',
    'KDSelfTeacherHook',
    'KDStopHook',
    'KDWarmupHook',
    'SeedEachIterHook',
    'TeacherCacheHook',
]
