"""Updates of a teacher that is the student's own average."""

from typing import Any, Dict, List, Optional

from mmengine.runner import Runner
from mmengine.runner.checkpoint import weights_to_cpu

from ..distillers import LogitDistiller
from ..distillers.self_teacher import SelfTeacher
from ..messages import WrongValue
from ..registry import HOOKS
from .distiller_hook import DistillerHook, find_distiller

#: Where a checkpoint keeps the averages.
_KEY = 'self_teachers'


@HOOKS.register_module()
class KDSelfTeacherHook(DistillerHook):
    """Update a teacher that is the student's average.

    ``tools/train.py`` adds it where a config has ``teacher='ema'``. After
    each iteration the average is updated with the student's weights, also
    while distillation is switched off. Checkpoints keep it as
    ``self_teachers``, beside the student's plain ``state_dict``, so that a
    resumed run continues exactly.
    """

    def before_train(self, runner: Runner) -> None:
        """Begin with the student's weights, unless the run is resumed."""
        super().before_train(runner)
        self.teachers = _self_teachers(self.distiller)
        if not self.teachers:
            raise WrongValue(
                'KDSelfTeacherHook needs a teacher that is an average of the '
                "student, teacher='ema'; remove the hook"
            )
        self.distiller.prepare()
        for teacher in self.teachers:
            teacher.begin()

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Optional[dict] = None,
        outputs: Optional[dict] = None,
    ) -> None:
        """Update the averages with the weights of this iteration."""
        for teacher in self.teachers:
            teacher.follow()

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: Dict[str, Any]
    ) -> None:
        """Save the averages in the checkpoint."""
        checkpoint[_KEY] = [
            weights_to_cpu(teacher.state_dict()) for teacher in self.teachers
        ]

    def after_load_checkpoint(
        self, runner: Runner, checkpoint: Dict[str, Any]
    ) -> None:
        """Load the averages of a resumed run."""
        if not runner._resume:
            return
        distiller = find_distiller(runner, type(self).__name__)
        distiller.prepare()
        teachers = _self_teachers(distiller)
        states = checkpoint.get(_KEY, [])
        if len(states) != len(teachers):
            raise WrongValue(
                f'the checkpoint to resume from has {len(states)} averages of '
                f'the student, this config {len(teachers)}; resume with the '
                'config of that run, or start from its weights with '
                '`load_from`'
            )
        for teacher, state in zip(teachers, states):
            teacher.load_state_dict(state)


def _self_teachers(distiller: LogitDistiller) -> List[SelfTeacher]:
    return [
        teacher
        for teacher in distiller.teachers
        if isinstance(teacher, SelfTeacher)
    ]
