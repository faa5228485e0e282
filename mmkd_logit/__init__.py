"""Logit distillation for MMPretrain, MMDetection and MMSegmentation.

Importing this package imports nothing else, so that ``python -m
mmkd_logit.doctor`` can look at a broken installation. Every part registers
itself when MMEngine first asks for a ``mmkd_logit.*`` type.
"""

__version__ = '0.1.0'
