"""Student, frozen teacher, and the terms between them."""

from ..checkpoints.safe_load import load_checkpoint_safely
from ..structures.teacher_pass import TeacherPass
from .logit_distiller import LogitDistiller
from .teacher import Teacher

__all__ = [
    'LogitDistiller',
    'Teacher',
    'TeacherPass',
    'load_checkpoint_safely',
]
