"""What is installed here, and whether it works together."""

from .environment import check_stack, find_problems
from .toolbox import check_toolbox, missing_toolbox_message

__all__ = [
    'check_stack',
    'check_toolbox',
    'find_problems',
    'missing_toolbox_message',
]
