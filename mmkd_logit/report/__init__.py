"""One self-contained page about one or several runs."""

from .page import write_report
from .runs import Run, collect, group_runs

__all__ = ['Run', 'collect', 'group_runs', 'write_report']
