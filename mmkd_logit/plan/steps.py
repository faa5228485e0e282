"""Time and memory of training steps, taken in turn in one process."""

import copy
import math
import statistics
import time
from typing import Any, Callable, Dict, List, NamedTuple

import torch
from torch import nn

from ..distillers import LogitDistiller
from ..structures.teacher_pass import TeacherPass


class Cost(NamedTuple):
    """Medians over the measured rounds.

    Attributes:
        plain (float): Seconds of a step of the student alone.
        teacher (float): Seconds of the teacher's part that the readers need.
        distilled (float): Seconds of a distilled step.
        ratio (float): Distilled step to plain step plus teacher, the median
            of the rounds' own ratios.
        rounds (int): Rounds that were measured.
    """

    plain: float
    teacher: float
    distilled: float
    ratio: float
    rounds: int


class TeacherCalls:
    """Records the readers' calls of a teacher, to repeat them alone.

    Use it in a ``with`` block, around all steps.
    """

    def __init__(self) -> None:
        self.calls: List[tuple] = []
        self.depth = 0

    def __enter__(self) -> 'TeacherCalls':
        self.once = TeacherPass.once
        TeacherPass.once = lambda look, key, function: self.record(
            look, key, function
        )
        return self

    def __exit__(self, *_: Any) -> None:
        TeacherPass.once = self.once

    def record(self, look: TeacherPass, key: str, function: Callable) -> Any:
        """Record an outermost call, and make it."""
        if self.depth == 0:
            if any(
                call[0] is not look and call[0].model is look.model
                for call in self.calls
            ):
                self.calls.clear()  # These belong to another step.
            self.calls.append((look, key, function))
        self.depth += 1
        try:
            return self.once(look, key, function)
        finally:
            self.depth -= 1

    def take(self) -> List[tuple]:
        """The calls of the last step, which are removed."""
        calls, self.calls = self.calls, []
        return calls

    def repeat(self, calls: List[tuple]) -> None:
        """Make the calls of a step again."""
        for look in {id(call[0]): call[0] for call in calls}.values():
            look._known.clear()
        self.depth += 1
        for look, key, function in calls:
            self.once(look, key, function)
        self.depth -= 1


def measure_steps(
    distiller: LogitDistiller,
    student: nn.Module,
    optimizers: Dict[str, Any],
    batch: dict,
    rounds: int = 10,
    warmup: int = 2,
    seconds: float = math.inf,
) -> Cost:
    """Time plain and distilled steps and the teacher alone, in turn.

    A machine that slows down for a while slows all three.

    Args:
        distiller (LogitDistiller): Prepared, on its device, in training mode.
        student (nn.Module): The same student without a teacher.
        optimizers (dict[str, OptimWrapper]): Optimizers of ``'plain'`` and of
            ``'distilled'`` steps.
        batch (dict): A batch as a data loader gives it.
        rounds (int): Measured rounds. Defaults to 10.
        warmup (int): Rounds before them. Defaults to 2.
        seconds (float): No round begins after so many, the first measured
            one excepted. Defaults to infinity.
    """
    on_gpu = next(student.parameters()).is_cuda
    wait = torch.cuda.synchronize if on_gpu else lambda: None
    models = dict(plain=student, distilled=distiller)
    times: Dict[str, List[float]] = {
        kind: [] for kind in ('plain', 'teacher', 'distilled')
    }

    def timed(kind: str, function: Callable) -> None:
        wait()
        begin = time.perf_counter()
        function()
        wait()
        times[kind].append(time.perf_counter() - begin)

    start = time.perf_counter()
    with TeacherCalls() as teacher_calls:
        for index in range(warmup + rounds):
            late = time.perf_counter() - start > seconds
            if late and index > warmup:
                break
            if index == warmup:
                for values in times.values():
                    values.clear()
                _end_close_watch(distiller)
            for kind in ('distilled', 'plain')[:: 1 if index % 2 else -1]:
                copied = copy.deepcopy(batch)
                timed(
                    kind,
                    lambda kind=kind, copied=copied: models[kind].train_step(
                        copied, optimizers[kind]
                    ),
                )
            calls = teacher_calls.take()
            timed('teacher', lambda calls=calls: teacher_calls.repeat(calls))
    ratios = [
        distilled / (plain + teacher)
        for plain, teacher, distilled in zip(*times.values())
    ]
    medians = [statistics.median(values) for values in times.values()]
    return Cost(*medians, statistics.median(ratios), len(ratios))


def _end_close_watch(distiller: LogitDistiller) -> None:
    """Skip the first steps of a run, in which terms are checked more often."""
    for watch in distiller.watches.values():
        watch.steps = max(watch.steps, watch.every + 1)
