"""Checks around a distillation run that need the runner."""

from typing import Any, Dict, List, Optional, Union

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop

from ..checkpoints.state_dict import compare_keys
from ..distillers import LogitDistiller
from ..distillers.cached_teacher import CachedTeacher
from ..distillers.channel_order import dataset_loads_rgb
from ..distillers.match_classes import names_in
from ..distillers.self_teacher import SelfTeacher
from ..messages import StoppedRun, WrongValue
from ..registry import HOOKS
from .distiller_hook import average_parts, find_distiller
from .named_files import name_unreadable_files
from .run_facts import batch_line
from .teacher_check import check_teacher, teachers_to_check


@HOOKS.register_module()
class KDGuardHook(Hook):
    """Report before iteration 1; stop before something is lost.

    ``tools/train.py`` adds it to every distillation run.

    - Compares the class names of teacher and training set, and reports
      student, teacher, terms and total batch.
    - Evaluates the teacher on a few validation images, and the student if it
      starts from a checkpoint (``load_from``), and warns of a teacher that is
      at chance, far below its published metric, or better with red and blue
      exchanged. The evaluation does not change the run itself.
    - Names an image that cannot be read.
    - Before each checkpoint, stops if a term has become non-finite, so that
      a broken student never overwrites a good one; records the teacher's
      hash in the checkpoint.
    - On resuming, refuses the checkpoint of another model and warns of
      another teacher.

    Args:
        check_images (int): Validation images that the teacher is evaluated
            on, fewer if they take more than half a minute; 0 for none.
            Defaults to 64.
        stop_at_poor_teacher (bool): Stop instead of warning.
            Defaults to False.

    Raises:
        ValueError: If ``check_images`` is negative.
    """

    priority = 'HIGH'

    def __init__(
        self, check_images: int = 64, stop_at_poor_teacher: bool = False
    ) -> None:
        if check_images < 0:
            raise WrongValue(
                f'check_images must be >= 0, got {check_images}; 0 leaves the '
                'teacher unchecked'
            )
        self.check_images = check_images
        self.stop_at_poor_teacher = stop_at_poor_teacher

    def before_run(self, runner: Runner) -> None:
        """Prepare the distiller, and report before anything is trained."""
        self.distiller = None
        if not isinstance(runner._train_loop, BaseLoop):
            return
        self.distiller = find_distiller(runner, type(self).__name__)
        average_parts(runner, self.distiller)
        dataset = runner.train_dataloader.dataset
        for teacher in self.distiller.teachers:
            teacher.student_loads_rgb = dataset_loads_rgb(dataset)
        self.distiller.keep_whole_teacher = self.check_images > 0
        name_unreadable_files(dataset)
        if isinstance(runner._val_loop, BaseLoop):
            name_unreadable_files(runner.val_dataloader.dataset)
        self.distiller.prepare(names_in(getattr(dataset, 'metainfo', None)))
        for line in self.distiller.report() + [batch_line(runner)]:
            runner.logger.info(line)

    def before_train(self, runner: Runner) -> None:
        """Evaluate the teacher, once the student has its first weights."""
        if self.distiller.keep_whole_teacher:
            self._check_teacher(runner)
        self.distiller.keep_whole_teacher = False
        self.distiller.prepare()

    @master_only
    def _check_teacher(self, runner: Runner) -> None:
        if runner._resume:
            return
        why_not = _why_unchecked(runner, self.distiller)
        if why_not:
            runner.logger.info(f'teacher not evaluated: {why_not}')
            return
        try:
            lines, wrong = check_teacher(
                runner,
                self.distiller,
                self.check_images,
                with_student=bool(runner._load_from),
            )
        except Exception as error:
            # Models and metrics of other packages may fail outside of a run.
            runner.logger.warning(
                f'teacher not evaluated: {type(error).__name__}: {error}'
            )
            return
        for line in lines:
            runner.logger.info(line)
        if wrong and self.stop_at_poor_teacher:
            raise StoppedRun(wrong)
        if wrong:
            runner.logger.warning(wrong)

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
        before = (checkpoint.get('meta') or {}).get('mmkd_logit') or {}
        if not runner._resume or self.distiller is None:
            return
        now = _record(self.distiller)['teacher_sha256']
        if before.get('teacher_sha256', now) != now:
            runner.logger.warning(
                'the teacher has changed since this run was started: its '
                f'sha256 was {before["teacher_sha256"]}, now it is {now}'
            )

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: Dict[str, Any]
    ) -> None:
        """Refuse to save a broken student; record its teacher."""
        if self.distiller is None:
            return
        self.distiller.check_terms()
        checkpoint['meta']['mmkd_logit'] = _record(self.distiller)

    def after_train(self, runner: Runner) -> None:
        """Check the terms of runs that are too short for a checkpoint."""
        self.distiller.check_terms()


def _record(distiller: LogitDistiller) -> Dict[str, Union[str, List[str]]]:
    """Sources and hashes of the teachers; lists of several."""
    sources = [str(teacher.source) for teacher in distiller.teachers]
    hashes = [teacher.sha256 for teacher in distiller.teachers]
    if len(sources) == 1:
        return dict(teacher=sources[0], teacher_sha256=hashes[0])
    return dict(teacher=sources, teacher_sha256=hashes)


def _why_unchecked(runner: Runner, distiller: LogitDistiller) -> Optional[str]:
    """Why the teacher is not evaluated; None if it is."""
    if not isinstance(runner._val_loop, BaseLoop):
        return 'the run has no validation set'
    if isinstance(distiller.teacher, CachedTeacher):
        return 'it is not run, its logits are cached'
    checked = [teacher for _, teacher in teachers_to_check(distiller)]
    if any(teacher.is_pruned for teacher in checked):
        return 'it was read before the run, without what no term needs'
    if not checked and isinstance(distiller.teacher, SelfTeacher):
        return "it is the student's own average"
    if not checked:
        return 'it predicts its own classes, which `class_map` maps'
    return None
