"""Checks around a distillation run that need the runner."""

from typing import Any, Dict

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop

from ..checkpoints.state_dict import compare_keys
from ..distillers.match_classes import names_in
from ..messages import WrongValue
from ..registry import HOOKS
from .distiller_hook import average_parts, find_distiller
from .run_facts import batch_line


@HOOKS.register_module()
class KDGuardHook(Hook):
    """Report before iteration 1; stop before something is lost.

    ``tools/train.py`` adds it to every distillation run.

    - Compares the class names of teacher and training set, and reports
      student, teacher, terms and total batch.
    - Before each checkpoint, stops if a term has become non-finite, so that
      a broken student never overwrites a good one; notes the teacher's hash
      in the checkpoint.
    - On resuming, refuses the checkpoint of another model and warns of
      another teacher.
    """

    priority = 'HIGH'

    def before_run(self, runner: Runner) -> None:
        """Read the teacher before anything is trained."""
        self.distiller = None
        if not isinstance(runner._train_loop, BaseLoop):
            return
        self.distiller = find_distiller(runner, type(self).__name__)
        average_parts(runner, self.distiller)
        dataset = runner.train_dataloader.dataset
        self.distiller.prepare(names_in(getattr(dataset, 'metainfo', None)))
        for line in self.distiller.report() + [batch_line(runner)]:
            runner.logger.info(line)

    def after_load_checkpoint(
        self, runner: Runner, checkpoint: Dict[str, Any]
    ) -> None:
        """Refuse a checkpoint of another model."""
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        state = checkpoint.get('state_dict', checkpoint)
        difference, shared = compare_keys(model.state_dict(), state)
        if runner._resume and difference:
            raise WrongValue(
                'the checkpoint to resume from is of another model than this '
                f'student ({difference}); resume from a checkpoint of this '
                'run, or start from these weights with `load_from`'
            )
        if not shared:
            raise WrongValue(
                'the checkpoint has no weight in common with the student '
                f'({difference}); `load_from` expects a plain checkpoint of '
                'the student'
            )
        before = checkpoint.get('meta', {}).get('mmkd_logit') or {}
        teacher = getattr(self.distiller, 'teacher', None)
        if (
            runner._resume
            and teacher is not None
            and before.get('teacher_sha256', teacher.sha256) != teacher.sha256
        ):
            runner.logger.warning(
                'the teacher has changed since this run was started: its '
                f'sha256 was {before["teacher_sha256"]}, now it is '
                f'{teacher.sha256}'
            )

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: Dict[str, Any]
    ) -> None:
        """Do not save a broken student; note who taught it."""
        if self.distiller is None:
            return
        self.distiller.check_terms()
        checkpoint['meta']['mmkd_logit'] = dict(
            teacher=str(self.distiller.teacher.source),
            teacher_sha256=self.distiller.teacher.sha256,
        )

    def after_train(self, runner: Runner) -> None:
        """Check short runs as well."""
        self.distiller.check_terms()
