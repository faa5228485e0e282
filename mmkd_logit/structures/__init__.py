"""What travels between student, teacher, heads and losses.

These files import nothing of this package.
"""

from .head_facts import HeadFacts
from .logit_pair import LogitPair
from .teacher_pass import TeacherPass

__all__ = ['HeadFacts', 'LogitPair', 'TeacherPass']
