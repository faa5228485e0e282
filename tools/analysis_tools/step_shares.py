"""Which part of a distilled step takes how long."""

import statistics
import time
from contextlib import ExitStack, contextmanager
from typing import Any, Callable, Dict, Iterable, Iterator, List
from unittest.mock import patch

import torch
from torch import Tensor

from mmkd_logit.distillers import LogitDistiller, logit_distiller
from mmkd_logit.structures.logit_pair import LogitPair
from mmkd_logit.structures.teacher_pass import TeacherPass

#: What a distilled step has beside the limit.
SECTIONS = ('pairs', 'loss', 'backward', 'watch')


class Clock:
    """Seconds in each section; a section inside another counts alone."""

    def __init__(self, wait: Callable[[], None] = lambda: None) -> None:
        self.wait = wait
        self.open: List[str] = []
        self.last = 0.0
        self.seconds: Dict[str, float] = {}

    def _count(self) -> None:
        self.wait()
        now = time.perf_counter()
        if self.open:
            section = self.open[-1]
            self.seconds[section] = (
                self.seconds.get(section, 0.0) + now - self.last
            )
        self.last = now

    def enter(self, section: str) -> None:
        self._count()
        self.open.append(section)

    def leave(self) -> None:
        self._count()
        self.open.pop()

    def timed(self, section: str, function: Callable) -> Callable:
        def run(*args: Any, **kwargs: Any) -> Any:
            self.enter(section)
            try:
                return function(*args, **kwargs)
            finally:
                self.leave()

        return run


@contextmanager
def clocked(distiller: LogitDistiller, clock: Clock) -> Iterator[None]:
    """Time the sections of the steps of a distiller."""
    compare = logit_distiller.compare_pairs
    pairs = clock.timed('pairs', distiller._pairs)
    begin = 0

    def pairs_from_here(*args: Any) -> Dict[str, LogitPair]:
        nonlocal begin
        begin = sequence_number()
        return pairs(*args)

    def compare_and_time(*args: Any) -> Dict[str, Tensor]:
        results = compare(*args)
        time_backward(results.values(), begin, clock)
        return results

    with ExitStack() as stack:

        def replace(owner: Any, name: str, function: Callable) -> None:
            stack.enter_context(patch.object(owner, name, function))

        def time_method(owner: Any, name: str, section: str) -> None:
            replace(owner, name, clock.timed(section, getattr(owner, name)))

        replace(distiller, '_pairs', pairs_from_here)
        replace(logit_distiller, 'compare_pairs', compare_and_time)
        for term in distiller.terms.values():
            time_method(term.loss, 'with_parts', 'loss')
        for watch in distiller.watches.values():
            for name in ('tap', 'record', 'check'):
                time_method(watch, name, 'watch')
        time_method(TeacherPass, 'once', 'teacher')
        yield


def sequence_number() -> int:
    """Number of a node that autograd makes now; later ones have larger."""
    leaf = torch.zeros((), requires_grad=True)
    return leaf.clone().grad_fn._sequence_nr()


def time_backward(values: Iterable[Tensor], first: int, clock: Clock) -> None:
    """Time the nodes of a graph that were made since ``first``."""
    todo, seen = [value.grad_fn for value in values], set()
    while todo:
        node = todo.pop()
        made_here = node is not None and 'AccumulateGrad' not in node.name()
        if not made_here or node in seen or node._sequence_nr() < first:
            continue
        seen.add(node)
        node.register_prehook(lambda _: clock.enter('backward'))
        node.register_hook(lambda *_: clock.leave())
        todo += [following for following, _ in node.next_functions]


def shares(
    distiller: LogitDistiller,
    step: Callable[[], None],
    rounds: int,
    wait: Callable[[], None] = lambda: None,
) -> Dict[str, float]:
    """Median milliseconds of each of :data:`SECTIONS`."""
    times: List[Dict[str, float]] = []
    for _ in range(rounds):
        clock = Clock(wait)
        with clocked(distiller, clock):
            step()
        times.append(clock.seconds)
    return {
        section: 1e3
        * statistics.median(seconds.get(section, 0.0) for seconds in times)
        for section in SECTIONS
    }
