"""Batch and epochs of a run that is built."""

from mmengine.dist import get_world_size
from mmengine.runner import IterBasedTrainLoop, Runner
from torch.utils.data import DataLoader

from ..messages import WrongValue


def batch_size(loader: DataLoader) -> int:
    """Samples of one iteration in one process."""
    return loader.batch_size or getattr(loader.batch_sampler, 'batch_size', 1)


def batch_line(runner: Runner) -> str:
    """Line on the batch of an optimizer step and on the learning rate."""
    per_step = batch_size(runner.train_dataloader)
    accumulate = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
    total = per_step * get_world_size() * accumulate
    line = (
        f'batch: {per_step} per GPU x {get_world_size()} GPU(s) x '
        f'{accumulate} accumulated = {total}'
    )
    scaling = runner.cfg.get('auto_scale_lr') or {}
    base = scaling.get('base_batch_size')
    recipe = scaling.get('recipe_batch_size', base)
    if not recipe:
        return line
    line += (
        ', as the recipe' if recipe == total else f', the recipe has {recipe}'
    )
    if not scaling.get('enable'):
        return line + ('' if recipe == total else '; consider --auto-scale-lr')
    factor = per_step * get_world_size() / base
    if abs(factor - total / recipe) < 1e-9:
        return line + f'; its learning rate is multiplied by {factor:g}'
    return line + (
        f'; MMEngine multiplied its learning rate by {factor:g}, which leaves '
        f'accumulation out ({total / recipe:g} with it): use tools/train.py, '
        f'or set auto_scale_lr.base_batch_size={recipe / accumulate:g}'
    )


def current_epoch(runner: Runner) -> int:
    """Number of finished epochs; in a loop by iterations from the samples.

    Raises:
        ValueError: If such a loop reads data without a length.
    """
    if not isinstance(
        getattr(runner, '_train_loop', None), IterBasedTrainLoop
    ):
        return runner.epoch
    loader = runner.train_dataloader
    try:
        samples = len(loader.dataset)
    except TypeError:
        raise WrongValue(
            'by_epoch=True counts epochs, but this run counts iterations and '
            'its data have no length; give the schedule in iterations '
            '(by_epoch=False)'
        ) from None
    seen = runner.iter * batch_size(loader) * get_world_size()
    return seen // max(samples, 1)
