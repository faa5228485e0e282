"""A model that stands in for another one, part by part and name by name."""

from typing import Any, Callable

from mmengine.model import BaseModel
from torch import nn

#: What a module keeps in dictionaries of its own; the two models share them.
_SHARED = (
    '_modules',
    '_parameters',
    '_buffers',
    '_non_persistent_buffers_set',
    '_state_dict_hooks',
    '_state_dict_pre_hooks',
    '_load_state_dict_pre_hooks',
    '_load_state_dict_post_hooks',
)


class StandIn(BaseModel):
    """Has the parts of another model, under that model's own names.

    The two share their dictionaries of children, parameters and buffers, so
    ``named_parameters()``, ``named_children()``, ``state_dict()``, optimizer
    constructors, pruning, DDP, FSDP, EMA and checkpoints meet the names that
    the other model has by itself, and a part that is replaced in one is
    replaced in both. Attributes and methods that are not found here are the
    other model's.

    Args:
        student (nn.Module): The model to stand in for.
    """

    student: nn.Module

    def __init__(self, student: nn.Module) -> None:
        super().__init__(getattr(student, 'data_preprocessor', None))
        for name, part in self._modules.items():
            if name not in student._modules:
                student.add_module(name, part)
        object.__setattr__(self, 'student', student)
        for name in _SHARED:
            if name in vars(student):
                object.__setattr__(self, name, vars(student)[name])
        self._version = student._version

    def __getattr__(self, name: str) -> Any:
        """Take an attribute that is missing here from the student."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            student = vars(self).get('student')
            if student is None or name.startswith('__'):
                raise
            return getattr(student, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute that only the student has in the student."""
        student = vars(self).get('student')
        if name == 'student' and student is not None:
            raise AttributeError(
                'the student of a distiller cannot be exchanged; build '
                'another distiller'
            )
        theirs = student is not None and name in vars(student)
        if theirs and name not in vars(self) and not hasattr(type(self), name):
            setattr(student, name, value)
        else:
            super().__setattr__(name, value)

    def train(self, mode: bool = True) -> 'StandIn':
        """Switch the student, which may keep parts in eval mode."""
        self.training = mode
        self.student.train(mode)
        return self

    def _apply(self, fn: Callable, *args, **kwargs) -> 'StandIn':
        self.student._apply(fn, *args, **kwargs)
        return self

    def _save_to_state_dict(self, *args, **kwargs) -> None:
        self.student._save_to_state_dict(*args, **kwargs)

    def _load_from_state_dict(self, *args, **kwargs) -> None:
        self.student._load_from_state_dict(*args, **kwargs)
