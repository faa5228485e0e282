"""Student, frozen teacher, and the terms between them."""

from .checkpoint import load_checkpoint_safely
from .logit_distiller import LogitDistiller
from .teacher import Teacher, TeacherPass

__all__ = [
    'LogitDistiller',
    'Teacher',
    'TeacherPass',
    'load_checkpoint_safely',
]
