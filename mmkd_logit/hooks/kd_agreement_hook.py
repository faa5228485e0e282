"""How far the student agrees with the teacher, as numbers and a picture."""

from pathlib import Path
from typing import Dict, List, Optional, Tuple

import torch
import torch.nn.functional as F
from mmengine.dist import master_only
from mmengine.runner import Runner
from torch import Tensor

from ..distillers.step_log import part_prefix
from ..losses import dkd_loss, kd_loss
from ..messages import WrongValue
from ..pictures import DPI, column, count_iterations
from ..registry import HOOKS
from ..structures.logit_pair import LogitPair
from .distiller_hook import DistillerHook

#: Name -> (iteration, value) of each measurement.
Curves = Dict[str, List[Tuple[int, float]]]

_LOGGED = 'train/agreement/'
#: Titles of the panels of the picture.
_TITLES = {
    'top1': 'top1: fraction of rows with the same top class',
    'kl': 'kl: KL(teacher || student) at tau 1',
    'tckd': 'tckd: the part of the target class',
    'nckd_share': 'nckd_share: NCKD / (TCKD + NCKD)',
}


@HOOKS.register_module()
class KDAgreementHook(DistillerHook):
    """Log the agreement of student and teacher, and draw its course.

    Every ``interval`` iterations it measures for each term the fraction of
    rows with the same top class, KL(teacher || student) at tau = 1, and, where
    labels are known, TCKD and the fraction of NCKD in TCKD + NCKD. The values
    of that single step go to the log and all visualizer backends as
    ``agreement/kd/top1`` and so on, and at the end of training all of them to
    the picture ``kd_agreement.png`` in the log folder. While distillation is
    switched off nothing is measured or logged.

    Args:
        interval (int): Iterations between two measurements, >= 1.
            Defaults to 50.

    Raises:
        ValueError: If ``interval`` is below 1.
    """

    def __init__(self, interval: int = 50) -> None:
        if interval < 1:
            raise WrongValue(
                f'interval must be >= 1 iteration, got {interval}'
            )
        self.interval = interval

    def before_train(self, runner: Runner) -> None:
        """Continue the curves of a resumed run."""
        super().before_train(runner)
        self._curves: Curves = runner.message_hub.get_info(_LOGGED, {})

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Optional[dict] = None
    ) -> None:
        """Register a listener if this iteration is to be measured."""
        self.distiller.listener = None
        if (runner.iter + 1) % self.interval:
            return
        # The log shows a value only in the step that measured it.
        scalars = runner.message_hub.log_scalars
        for tag in [tag for tag in scalars if tag.startswith(_LOGGED)]:
            del scalars[tag]

        def measure(name: str, pair: LogitPair) -> None:
            facts = self.distiller.terms[name.rpartition('.')[2]].facts
            for key, value in agreement(pair, facts.use_sigmoid).items():
                key = f'{part_prefix(name)}/{key}'
                runner.message_hub.update_scalar(_LOGGED + key, value)
                self._curves.setdefault(key, []).append(
                    (runner.iter + 1, value.item())
                )

        self.distiller.listener = measure
        runner.message_hub.update_info(_LOGGED, self._curves)

    @master_only
    def after_train(self, runner: Runner) -> None:
        """Draw the course of all measurements."""
        self.distiller.listener = None
        if self._curves:
            draw(self._curves, Path(runner.log_dir) / 'kd_agreement.png')


@torch.no_grad()
def agreement(pair: LogitPair, use_sigmoid: bool) -> Dict[str, Tensor]:
    """Compare two sets of logits, each (M, C); {} when there are no rows.

    Returns:
        dict[str, Tensor]: ``top1``, ``kl`` and, for softmax rows with labels,
        ``tckd`` and ``nckd_share``; means over rows with a positive weight.
    """
    student = pair.student_logits.detach().float()
    teacher, labels = pair.teacher_logits.float(), pair.labels
    if pair.weight is not None:
        kept = pair.weight > 0
        student, teacher = student[kept], teacher[kept]
        labels = None if labels is None else labels[kept]
    if not len(student):
        return {}
    numbers = {'top1': (student.argmax(1) == teacher.argmax(1)).float().mean()}
    if use_sigmoid:
        prob = teacher.sigmoid()
        numbers['kl'] = (
            (
                F.binary_cross_entropy_with_logits(
                    student, prob, reduction='none'
                )
                - F.binary_cross_entropy_with_logits(
                    teacher, prob, reduction='none'
                )
            )
            .sum(1)
            .mean()
        )
        return numbers
    numbers['kl'] = kd_loss(student, teacher, 1.0).mean()
    if labels is not None and student.shape[1] > 2:
        tckd = dkd_loss(student, teacher, labels, 1.0, 1.0, 0.0).mean()
        nckd = dkd_loss(student, teacher, labels, 1.0, 0.0, 1.0).mean()
        numbers['tckd'] = tckd
        numbers['nckd_share'] = nckd / (tckd + nckd).clamp(min=1e-12)
    return numbers


def draw(curves: Curves, path: Path) -> None:
    """One panel per measured quantity, one line per term, by iteration."""
    kinds = sorted({name.rpartition('/')[2] for name in curves})
    figure, panels = column([2.6] * len(kinds))
    for axes, kind in zip(panels, kinds):
        for name, values in sorted(curves.items()):
            term, _, last = name.rpartition('/')
            if last == kind:
                axes.plot(*zip(*values), label=term, marker='.')
        axes.set(title=_TITLES.get(kind, kind))
        count_iterations(axes)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=9)
    figure.savefig(path, dpi=DPI)
