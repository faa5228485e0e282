"""What travels between student, teacher, heads and losses.

These files import nothing else of this package.
"""

from .class_columns import ClassColumns
from .head_facts import HeadFacts
from .logit_pair import LogitPair
from .teacher_pass import TeacherPass
from .views import VIEWS, categorical_facts, categorical_pair

__all__ = [
    'ClassColumns',
    'HeadFacts',
    'LogitPair',
    'TeacherPass',
    'VIEWS',
    'categorical_facts',
    'categorical_pair',
]
