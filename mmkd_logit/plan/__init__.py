"""What a distillation would read and cost, before anything is trained."""

from .probe import Probe, probe
from .steps import Cost, measure_steps

__all__ = ['Cost', 'Probe', 'measure_steps', 'probe']
