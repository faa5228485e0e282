"""From a command line to a training or an evaluation."""

from argparse import Namespace
from itertools import islice
from typing import Type

from mmengine.dist import is_main_process
from mmengine.model import is_model_wrapper
from tqdm import tqdm

from ..checkpoints.loaders import read_checkpoints_safely
from ..distillers import LogitDistiller
from ..doctor import check_toolbox
from ..messages import WrongValue
from .alone import show_evaluations
from .config import guard, job_config, set_training_options
from .cpu_amp import amp_for_this_device
from .data import check_data, check_paths, training_loaders
from .handover import closing_lines, write_student_config
from .model_block import check_model_block
from .pickled_data import refuse_pickled_data
from .process import keep_freed_memory, start_processes
from .resume import choose_checkpoint
from .run_settings import refuse_mixed_run
from .runner import ToolRunner
from .screen import TerminalRunner, is_terminal
from .start import use_teacher
from .teacher_cache import use_cache
from .trial_step import check_amp
from .weights import check_names, check_weights, read_weights


def train(args: Namespace) -> None:
    """Train as ``tools/train.py`` was asked to.

    Whatever can be seen in config, files of weights and work dir is checked
    before the data are read, and whether teacher and student fit.
    """
    use_teacher(args)
    config = job_config(args)
    check_toolbox(config.get('default_scope'))
    check_model_block(config)
    set_training_options(config, args)
    use_cache(config, args.teacher_cache)
    amp_for_this_device(config)
    guard(config)
    show_evaluations(config, args.alone)
    refuse_mixed_run(config)
    check_names(config)
    loaders = training_loaders(config)
    refuse_pickled_data(config, loaders, args.trust)
    check_paths(config, loaders)
    check_weights(config, args.trust)
    check_amp(config)
    check_data(config, loaders)
    choose_checkpoint(config, args.trust)
    read_checkpoints_safely(args.trust)
    keep_freed_memory()
    start_processes(config)
    runner = _runner_class(args).from_cfg(config)
    if args.probe:
        probe_batches(runner, args.probe)
        return
    student = write_student_config(config) if is_main_process() else None
    runner.train()
    if is_main_process():
        for line in closing_lines(config, student):
            runner.logger.info(line)


def probe_batches(runner: ToolRunner, count: int) -> None:
    """Print the strength of each term on some batches; train nothing."""
    from ..plan.probe import probe, table

    model = runner.model
    model = model.module if is_model_wrapper(model) else model
    if not isinstance(model, LogitDistiller):
        raise WrongValue(
            '--probe: this config trains a student alone, which has no '
            'distillation terms; add --teacher, or take a config of a method'
        )
    if runner.cfg.model.get('teacher_cache'):
        raise WrongValue(
            '--probe looks at batches out of the order of a run, for which '
            'a teacher cache has no rows; leave --teacher-cache out'
        )
    model.init_weights()
    runner.load_or_resume()
    model.train()
    loader = runner.build_dataloader(
        runner.cfg.train_dataloader, seed=runner.seed
    )
    batches = tqdm(islice(loader, count), total=count, desc='probe')
    print(table(probe(model, batches)))


def test(args: Namespace) -> None:
    """Evaluate as ``tools/test.py`` was asked to."""
    config = job_config(args)
    check_toolbox(config.get('default_scope'))
    check_model_block(config, trains=False)
    if not config.get('test_dataloader'):
        raise WrongValue(
            'this config has no `test_dataloader`, so there is nothing to '
            'evaluate on; give it one, with `test_cfg` and `test_evaluator`'
        )
    config.load_from = args.checkpoint
    config.resume = False
    if args.show_dir:
        hook = (config.get('default_hooks') or {}).get('visualization')
        if hook is None:
            raise WrongValue(
                '--show-dir: this config has no default_hooks.visualization'
            )
        hook.draw = True
        hook.test_out_dir = args.show_dir
        hook.interval = 1
    read_weights(args.checkpoint, 'the path', args.trust)
    refuse_pickled_data(config, ('test_dataloader',), args.trust)
    check_data(config, ('test_dataloader',))
    read_checkpoints_safely(args.trust)
    start_processes(config)
    _runner_class(args).from_cfg(config).test()


def _runner_class(args: Namespace) -> Type[ToolRunner]:
    """With bars on a terminal, unless ``--no-progress`` is given."""
    shows_bars = is_terminal() and not args.no_progress
    return TerminalRunner if shows_bars else ToolRunner
