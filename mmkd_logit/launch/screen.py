"""Bars with the time left, where a terminal would show line after line."""

import contextlib
import io
import logging
import os
import sys
from typing import Any, Dict, Iterator, Optional, Sequence

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import nn
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from ..hooks import KDEvaluationHook
from .runner import ToolRunner

_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep
#: Steps over which the loss beside the bar is a mean.
_WINDOW = 20


def is_terminal() -> bool:
    """Whether a person sees both outputs of this process as they come."""
    outputs = (sys.stdout, sys.stderr)
    return os.environ.get('TERM') != 'dumb' and all(
        output is not None and output.isatty() for output in outputs
    )


class TerminalRunner(ToolRunner):
    """A runner for a terminal: bars with the time left, and few lines.

    The log file has every line that it has without. The screen has warnings,
    the lines of this package, and after a test what the evaluators say. The
    time left follows from the mean speed of this start, evaluations included.
    """

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """The logger, most of whose lines go to its file alone."""
        logger = super().build_logger(*args, **kwargs)
        self._lines = _Lines()
        if is_main_process():
            self._lines.choose(logger)
        return logger

    def train(self) -> nn.Module:
        """Train, with a bar for all iterations and one per evaluation."""
        if not any(isinstance(hook, KDEvaluationHook) for hook in self.hooks):
            self.register_hook(KDEvaluationHook())
        with self._bars():
            return super().train()

    def test(self) -> dict:
        """Evaluate, with a bar."""
        with self._bars():
            return super().test()

    @contextlib.contextmanager
    def _bars(self) -> Iterator[None]:
        if not is_main_process():
            yield
            return
        bars = _BarHook(self._lines)
        self.register_hook(bars)
        with logging_redirect_tqdm([self.logger]):
            self._lines.choose(self.logger)  # of tqdm's handler
            self.logger.info(f'all lines: {self.log_dir}/{self.timestamp}.log')
            try:
                yield
            finally:
                bars.close()


class _Lines(logging.Filter):
    """Lines that the screen shows.

    Attributes:
        everything (bool): Whether it shows all of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.everything = False

    def filter(self, record: logging.LogRecord) -> bool:
        shown = record.levelno >= logging.WARNING
        shown = shown or record.pathname.startswith(_PACKAGE)
        return self.everything or getattr(record, 'shown', shown)

    def choose(self, logger: MMLogger) -> None:
        """Apply it to the handlers that do not write to a file."""
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(self)
                if not isinstance(handler.formatter, _Plain):
                    handler.setFormatter(_Plain(handler.formatter))


class _Plain(logging.Formatter):
    """Information without time, name and level; the rest as it was."""

    def __init__(self, other: logging.Formatter) -> None:
        super().__init__()
        self.other = other

    def format(self, record: logging.LogRecord) -> str:
        if record.levelno == logging.INFO:
            return record.getMessage()
        return self.other.format(record)


class _LogFile(io.TextIOBase):
    """What evaluators print, as lines of the log file."""

    def __init__(self, logger: MMLogger) -> None:
        self.logger = logger
        self.begun = ''

    def write(self, text: str) -> int:
        *lines, self.begun = (self.begun + text).split('\n')
        for line in filter(None, lines):
            self.logger.info(line, extra=dict(shown=False))
        return len(text)


class _BarHook(Hook):
    """One bar for the training, one for an evaluation."""

    # Before others write of an evaluation that has ended.
    priority = 'VERY_HIGH'

    def __init__(self, lines: _Lines) -> None:
        self.lines = lines
        self.training: Optional[tqdm] = None
        self.evaluation: Optional[tqdm] = None
        self.printed = contextlib.ExitStack()

    def before_train_epoch(self, runner: Runner) -> None:
        # not before: hooks have evaluated the teacher by now
        if self.training is None:
            self.training = tqdm(
                desc='train',
                total=runner.max_iters,
                initial=runner.iter,
                smoothing=0,
                mininterval=0.5,
                dynamic_ncols=True,
            )
        if isinstance(runner.train_loop, EpochBasedTrainLoop):
            self.training.set_description(
                f'epoch {runner.epoch + 1}/{runner.max_epochs}'
            )

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Optional[dict] = None,
    ) -> None:
        losses = runner.message_hub.log_scalars.get('train/loss')
        if losses is not None:
            loss = losses.mean(_WINDOW)
            self.training.set_postfix_str(f'loss {loss:.4g}', refresh=False)
        self.training.update()

    def after_train(self, runner: Runner) -> None:
        self.close()

    def before_val_epoch(self, runner: Runner) -> None:
        self._begin('val', len(runner.val_dataloader))
        log_file = _LogFile(runner.logger)
        self.printed.enter_context(contextlib.redirect_stdout(log_file))

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Optional[Sequence] = None,
    ) -> None:
        self.evaluation.update()

    def after_val_epoch(
        self, runner: Runner, metrics: Optional[Dict[str, float]] = None
    ) -> None:
        self._end()

    def before_test_epoch(self, runner: Runner) -> None:
        self._begin('test', len(runner.test_dataloader))

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Optional[Sequence] = None,
    ) -> None:
        self.evaluation.update()
        if self.evaluation.n == self.evaluation.total:
            self._end()
            self.lines.everything = True

    def close(self) -> None:
        """Leave the bars as they are, also where a run was stopped."""
        self._end()
        if self.training is not None:
            self.training.close()
            self.training = None

    def _begin(self, name: str, batches: int) -> None:
        self.evaluation = tqdm(
            desc=name, total=batches, leave=name == 'test', dynamic_ncols=True
        )

    def _end(self) -> None:
        self.printed.close()
        if self.evaluation is not None:
            self.evaluation.close()
            self.evaluation = None
