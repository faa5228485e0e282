"""One line at each evaluation: student, best, teacher, student alone."""

from numbers import Real
from typing import Dict, List, Optional, Tuple

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import EpochBasedTrainLoop, Runner

from ..distillers import LogitDistiller
from ..distillers.teacher import Teacher
from ..distillers.teachers import labels_of
from ..messages import WrongValue
from ..registry import HOOKS
from .teacher_check import MAIN_METRICS

#: Where the evaluations of teachers are kept, so that a resumed run has them.
_CHECKED = 'teacher_check'
_Curve = List[Tuple[int, float]]


@HOOKS.register_module()
class KDEvaluationHook(Hook):
    """Log the results of an evaluation in one line.

    It has the student's metric and its best so far, also over a resume, the
    teacher's, and that of the student trained alone::

        epoch 3: accuracy/top1 55.2 | best 55.2 (epoch 3) | teacher 60.5 (its
        checkpoint's claim; 62.5 on 64 images) | alone 50.5 (last 54.1,
        work_dirs/resnet20_cifar100)

    The teacher's number is the one that its checkpoint or metafile claims for
    a whole validation set, what ``KDGuardHook`` measured on a few images, or
    both. Of the run alone it is the evaluation at the same iteration, if there
    is one, and the last one. A larger metric counts as better.

    Args:
        alone (str, optional): Work dir of the student's run alone. Without
            it, work dirs beside this run's and one folder above are searched
            for a run of the same student on the same validation set; of
            several the one with the same seed, then the newest.
        metric (str, optional): Name of the metric, as the evaluator logs it.
            Defaults to accuracy/top1, coco/bbox_mAP, coco/segm_mAP or mIoU,
            the first of them that is there, or else the first metric.
    """

    # after LoggerHook, whose line has all metrics
    priority = 'LOW'

    def __init__(
        self, alone: Optional[str] = None, metric: Optional[str] = None
    ) -> None:
        self.alone = alone
        self.metric = metric
        self._is_training = False

    @master_only
    def before_train(self, runner: Runner) -> None:
        """Look for earlier evaluations, of this run and of the one alone.

        Raises:
            ValueError: If the work dir that ``alone`` names holds no
                evaluation.
        """
        from ..launch.alone import check_alone, find_alone
        from ..launch.logs import read_log

        self._is_training = True
        self._best: Optional[Tuple[float, str]] = None
        self._earlier = read_log(runner.work_dir) if runner._resume else {}
        self._teachers = _teachers(runner)
        self._alone = self.alone
        if self.alone is not None:
            check_alone(self.alone)
        elif self._teachers:
            self._alone = find_alone(runner.work_dir, runner.cfg)
        self._alone_log = read_log(self._alone) if self._alone else {}

    @master_only
    def after_val_epoch(
        self, runner: Runner, metrics: Optional[Dict[str, float]] = None
    ) -> None:
        """Write the line."""
        name = self._name(metrics or {})
        if not self._is_training or name is None:
            return
        value = float(metrics[name])
        for step, earlier in sorted(self._earlier.items()):
            if name in earlier and step <= runner.iter:
                self._keep_best(earlier[name], _place(runner, step))
        self._earlier = {}
        place = _place(runner, runner.iter)
        self._keep_best(value, place)
        best, when = self._best
        parts = [f'{place}: {name} {value:.4g}', f'best {best:.4g} ({when})']
        parts += self._teacher_parts(runner, name)
        parts += self._alone_part(runner, name)
        runner.logger.info(' | '.join(parts))

    def _name(self, metrics: Dict[str, float]) -> Optional[str]:
        """The metric to show; None if there is no number.

        Raises:
            ValueError: If ``metric`` names none.
        """
        names = [
            name
            for name, value in metrics.items()
            if isinstance(value, Real)  # mmseg's are np.float32
        ]
        if self.metric is not None and self.metric not in names:
            raise WrongValue(
                f'KDEvaluationHook: metric={self.metric!r} was not evaluated; '
                f'the evaluator gives {sorted(names)}'
            )
        wanted = [self.metric, *MAIN_METRICS, *names]
        return next((name for name in wanted if name in names), None)

    def _keep_best(self, value: float, place: str) -> None:
        if self._best is None or value > self._best[0]:
            self._best = value, place

    def _teacher_parts(self, runner: Runner, name: str) -> List[str]:
        checked = runner.message_hub.get_info(_CHECKED, {})
        parts = []
        for label, teacher in self._teachers.items():
            images, measured = checked.get(label, (0, {}))
            known = []
            if name in teacher.claims:
                source = f"{teacher.claims_source}'s claim"
                known.append((teacher.claims[name], source))
            if name in measured:
                known.append((measured[name], f'on {images} images'))
            if known:
                (value, source), *rest = known
                more = ''.join(f'; {one:.4g} {what}' for one, what in rest)
                parts.append(f'{label} {value:.4g} ({source}{more})')
        return parts

    def _alone_part(self, runner: Runner, name: str) -> List[str]:
        curve: _Curve = [
            (step, values[name])
            for step, values in self._alone_log.items()
            if name in values
        ]
        if not curve:
            return []
        now, last = dict(curve).get(runner.iter), curve[-1][1]
        if now is None or curve[-1][0] == runner.iter:
            return [f'alone {last:.4g} (last, {self._alone})']
        return [f'alone {now:.4g} (last {last:.4g}, {self._alone})']


def _teachers(runner: Runner) -> Dict[str, Teacher]:
    """Teachers by name; {} for a student alone.

    What was measured of them goes into the message hub, and with it into the
    checkpoints.
    """
    model = runner.model
    model = model.module if is_model_wrapper(model) else model
    if not isinstance(model, LogitDistiller):
        return {}
    named = dict(zip(labels_of(model.teachers), model.teachers))
    checked = dict(runner.message_hub.get_info(_CHECKED, {}))
    for label, teacher in named.items():
        if teacher.measured:
            checked[label] = (teacher.measured_images, teacher.measured)
    runner.message_hub.update_info(_CHECKED, checked)
    return named


def _place(runner: Runner, step: int) -> str:
    """``'epoch 3'``, or ``'iteration 4000'`` in a loop by iterations."""
    loop = runner.train_loop
    if isinstance(loop, EpochBasedTrainLoop):
        return f'epoch {step // max(len(loop.dataloader), 1)}'
    return f'iteration {step}'
