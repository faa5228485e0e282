"""The batch of an optimizer step, accumulation included."""

from mmengine.config import Config


def count_accumulation(config: Config) -> None:
    """Let ``auto_scale_lr`` use the whole batch of an optimizer step.

    MMEngine divides the batch of one iteration by the recipe's. With
    ``accumulative_counts`` a step has as many iterations, so the recipe's
    batch is divided by them; what it was is kept as ``recipe_batch_size``.

    Args:
        config (Config): Changed in place.
    """
    scaling = config.get('auto_scale_lr') or {}
    wrapper = config.get('optim_wrapper') or {}
    counts = wrapper.get('accumulative_counts', 1)
    if (
        scaling.get('enable')
        and scaling.get('base_batch_size')
        and counts > 1
        and 'recipe_batch_size' not in scaling
    ):
        scaling.recipe_batch_size = scaling.base_batch_size
        scaling.base_batch_size = scaling.base_batch_size / counts
