"""Logit distillation for MMPretrain, MMDetection and MMSegmentation.

Importing this package imports nothing else, so that ``python -m
mmkd_logit.doctor`` can look at a broken installation. Every part registers
itself when MMEngine first asks for a ``mmkd_logit.*`` type;
:func:`mmkd_logit.distill` is imported when it is asked for.
"""

__version__ = '0.1.0'


def __getattr__(name: str):
    if name == 'distill':
        from .launch.start import distill

        return distill
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
