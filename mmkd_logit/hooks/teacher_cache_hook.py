"""Check a cache of teacher logits, and mark the samples of the run."""

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner

from ..cache.fingerprint import check_same
from ..cache.marks import mark_samples
from ..cache.order import Length
from ..cache.run_facts import (
    check_images,
    check_readers,
    run_fingerprint,
    run_order,
)
from ..distillers.cached_teacher import CachedTeacher, LogitCache
from ..distillers.teacher import no_random_numbers_used
from ..messages import WrongValue
from ..registry import HOOKS
from .distiller_hook import find_distiller
from .placed_batches import PlacedBatches, begin_anew, end_workers


@HOOKS.register_module()
class TeacherCacheHook(Hook):
    """Compare a teacher cache with the run, and mark each sample.

    ``tools/train.py`` adds it to a run with ``model.teacher_cache``. A cache
    of another data set, pipeline, preprocessor, seed or reader is refused
    before the first iteration, and so is one of fewer epochs than the run
    has.
    """

    # after SeedEachIterHook, whose places the marks hold
    priority = 'HIGH'

    def before_train(self, runner: Runner) -> None:
        """Check the cache, and make the data set mark its samples.

        Raises:
            ValueError: If the cache does not fit the run.
        """
        distiller = find_distiller(runner, type(self).__name__)
        if not isinstance(distiller.teacher, CachedTeacher):
            return
        distiller.prepare()
        cache = distiller.teacher.cache
        runner.logger.info(cache.describe())
        check_readers(cache.folder, cache.meta['readers'], distiller)
        loader = runner.train_dataloader
        check_images(loader.dataset, distiller.data_preprocessor)
        run = run_fingerprint(runner.cfg, loader.dataset, distiller)
        check_same(cache.folder, cache.meta['fingerprint'], run)
        if cache.order.by == 'place':
            _check_places(runner, cache)
        mark_samples(loader.dataset)
        if not isinstance(loader.batch_sampler, PlacedBatches):
            _begin_again(runner)


def _check_places(runner: Runner, cache: LogitCache) -> None:
    """Refuse a run that draws other samples than the cache has.

    Raises:
        ValueError: Naming the difference.
    """
    loader, loop = runner.train_dataloader, runner.train_loop
    if not isinstance(loader.batch_sampler, PlacedBatches):
        raise WrongValue(
            f'the teacher cache {cache.folder!r} is of random augmentation, '
            "which this run does not repeat; add dict(type='mmkd_logit."
            "SeedEachIterHook') to custom_hooks (exact_resume=True for "
            f'tools/train.py) and randomness.seed={cache.meta["seed"]}'
        )
    if get_world_size() > 1:
        raise WrongValue(
            f'the teacher cache {cache.folder!r} is of random augmentation '
            f'in one process, but this run has {get_world_size()}; train in '
            'one, or cache a pipeline without random augmentation'
        )
    if isinstance(loop, IterBasedTrainLoop):
        length = Length(iters=loop.max_iters)
    else:
        length = Length(passes=loop.max_epochs)
    order = run_order(runner.cfg, loader, length, runner.seed)
    check_same(cache.folder, cache.meta['fingerprint'], dict(run=order.facts))
    if order.rows.count > cache.order.count:
        raise WrongValue(
            f'the teacher cache {cache.folder!r} has {cache.meta["length"]}, '
            f'but this run trains {length.describe()}; write a longer one '
            'into an empty folder, or train no longer'
        )


def _begin_again(runner: Runner) -> None:
    """Restart workers that began before the data set was changed."""
    loop, loader = runner.train_loop, runner.train_dataloader
    if isinstance(loop, IterBasedTrainLoop) and loader.num_workers:
        old = loop.dataloader_iterator
        end_workers(getattr(old, '_iterator', None))
        begin_anew(loader)
        with no_random_numbers_used():
            loop.dataloader_iterator = type(old)(loader)
