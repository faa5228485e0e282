"""Which of the teacher's classes are the student's."""

from typing import List, NamedTuple

import torch
from torch import Tensor


class ClassColumns(NamedTuple):
    """The teacher's class for each class of the student.

    Attributes:
        of_student (list[int]): One of the teacher's classes for each class
            of the student.
        teacher_classes (int): How many classes the teacher has. What comes
            after them in a row, such as the background, stays in its place.
    """

    of_student: List[int]
    teacher_classes: int

    def pick(self, logits: Tensor, dim: int) -> Tensor:
        """The teacher's logits in the student's order.

        Examples:
            >>> columns = ClassColumns([2, 0], 3)
            >>> columns.pick(torch.tensor([[1., 2., 3., 9.]]), 1)
            tensor([[3., 1., 9.]])
        """
        others = range(self.teacher_classes, logits.shape[dim])
        index = torch.tensor([*self.of_student, *others], device=logits.device)
        return logits.index_select(dim, index)
