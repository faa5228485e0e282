"""Evaluation of the teacher on a few validation images before training."""

import contextlib
import copy
import io
import logging
import math
import time
from numbers import Real
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import torch
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset

from ..distillers import LogitDistiller
from ..distillers.input_map import InputMap
from ..distillers.self_teacher import SelfTeacher
from ..distillers.teacher import Teacher, no_random_numbers_used
from ..distillers.teachers import labels_of

Metrics = Dict[str, float]
#: A model, and the function that makes its input from the student's.
View = Tuple[nn.Module, Callable[[Tensor, list], Tensor]]

#: Main metrics, which are shown and judged.
MAIN_METRICS = ('accuracy/top1', 'coco/bbox_mAP', 'coco/segm_mAP', 'mIoU')
#: Fractions of the published metric below which a teacher is reported. An
#: accuracy is a mean over images, whose error is known; for the other metrics
#: it is not, and the fraction is smaller.
_FAR_BELOW = {'accuracy/top1': 0.9}
_FAR_BELOW_ELSE = 0.5


def check_teacher(
    runner: Runner,
    distiller: LogitDistiller,
    images: int,
    with_student: bool = False,
    seconds: float = 30.0,
) -> Tuple[List[str], Optional[str]]:
    """Evaluate each teacher on images spread over the validation set.

    The images are prepared as in training: for the student, and then in the
    teacher's normalisation. The run's metrics are used; its loader, its random
    numbers and the order of its data do not change.

    Args:
        runner (Runner): A runner with a validation loop.
        distiller (LogitDistiller): A distiller whose teacher can still
            predict.
        images (int): Number of images.
        with_student (bool): Evaluate the student as well.
        seconds (float): Time after which no further batch is begun.

    Returns:
        tuple[list[str], str | None]: Lines for the log, and what is wrong
        with the teacher, if anything is.
    """
    checked = teachers_to_check(distiller)
    views: List[View] = []
    for _, teacher in checked:
        views += _views(teacher, teacher.input_map(distiller.student))
    if with_student:
        views.append((distiller.student, lambda x, samples: x))
    with no_random_numbers_used(), _quiet(), torch.no_grad():
        was_training = distiller.training
        distiller.eval()
        try:
            found, count = _evaluate(
                runner, distiller, _sample(runner, images), views, seconds
            )
        finally:
            distiller.train(was_training)
    classes = next(iter(distiller.terms.values())).facts.num_classes
    lines, wrong = [], []
    for place, (label, teacher) in enumerate(checked):
        metrics, swapped = found[2 * place : 2 * place + 2]
        teacher.measured, teacher.measured_images = metrics, count
        claims = teacher.claims
        lines.append(
            f'{label} on {count} validation images: {_text(metrics)}'
            + (f' (it claims {_text(claims)})' if claims else '')
        )
        verdict = judge(metrics, swapped, claims, classes, count)
        if verdict:
            name = 'the teacher' if len(checked) == 1 else label
            wrong.append(verdict.replace('the teacher', name, 1))
    if with_student:
        lines.append(f'student on the same images: {_text(found[-1])}')
    return lines, '; '.join(wrong) or None


def teachers_to_check(distiller: LogitDistiller) -> List[Tuple[str, Teacher]]:
    """Trained teachers of the data's classes, with their names."""
    named = zip(labels_of(distiller.teachers), distiller.teachers)
    return [
        (label, teacher)
        for label, teacher in named
        if teacher.class_map is None and not isinstance(teacher, SelfTeacher)
    ]


def _views(teacher: Teacher, to_teacher: InputMap) -> List[View]:
    """A teacher on its own images, and with red and blue exchanged."""
    return [
        (teacher.model, to_teacher),
        (teacher.model, lambda x, samples: to_teacher(x, samples).flip(1)),
    ]


def judge(
    metrics: Metrics,
    swapped: Metrics,
    claims: Metrics,
    classes: int,
    images: int,
) -> Optional[str]:
    """What is wrong with a teacher, None if nothing is.

    Args:
        metrics (dict[str, float]): Metrics of the teacher.
        swapped (dict[str, float]): The same with red and blue exchanged.
        claims (dict[str, float]): Metrics that the teacher's publisher states.
        classes (int): Number of classes of the data.
        images (int): Number of images that were evaluated.
    """
    if not metrics:
        return (
            f'the teacher predicts nothing on {images} validation images; '
            'check its weights, its classes and its input normalisation'
        )
    for name in MAIN_METRICS:
        value = metrics.get(name)
        if value is None:
            continue
        percent = 100.0 if not name.startswith('coco/') else 1.0
        # Two standard deviations of an accuracy over so many images.
        accuracy = min(max(value / percent, 0.0), 1.0)
        spread = 2 * percent * math.sqrt(accuracy * (1 - accuracy) / images)
        other = swapped.get(name, -1.0)
        if other > value + spread + 0.05 * percent:
            return (
                f'the teacher reaches {name} {value:.4g}, but {other:.4g} '
                'with red and blue exchanged: its images have another order '
                'of colours than those that it was trained on; compare '
                '`to_rgb`/`bgr_to_rgb` of both data preprocessors'
            )
        if classes > 1 and value <= percent * _chance(name, classes, images):
            return (
                f'the teacher reaches {name} {value:.4g} on {images} '
                f'validation images, which is about chance for {classes} '
                'classes; check its weights, its classes and their order, '
                'and its input normalisation'
            )
        claim = claims.get(name)
        far = _FAR_BELOW.get(name, _FAR_BELOW_ELSE)
        least = value + (spread if name in _FAR_BELOW else 0.0)
        if claim and least < far * claim:
            return (
                f'the teacher reaches {name} {value:.4g} on {images} '
                f'validation images, far below the {claim:.4g} that it '
                'claims; check its weights, its classes and their order, its '
                'input normalisation and the size of the images'
            )
    return None


def _chance(name: str, classes: int, images: int) -> float:
    """What guesses reach on so many images, from 0 to 1."""
    if name.startswith('coco/'):
        return 0.005
    guess = 1 / classes
    lucky = guess + 2 * math.sqrt(guess * (1 - guess) / images)
    return min(lucky, 1.5 * guess)


def _sample(runner: Runner, images: int) -> DataLoader:
    """The validation loader's batches, of images spread over the set."""
    loader = runner.val_loop.dataloader
    dataset = loader.dataset
    count = min(images, len(dataset))
    chosen = [i * len(dataset) // count for i in range(count)]
    return DataLoader(
        Subset(dataset, chosen),
        batch_size=min(loader.batch_size or 1, count),
        collate_fn=loader.collate_fn,
    )


def _evaluate(
    runner: Runner,
    distiller: LogitDistiller,
    loader: DataLoader,
    views: List[View],
    seconds: float,
) -> Tuple[List[Metrics], int]:
    """Metrics of each model on its view of the images, and how many."""
    evaluators = [_fresh(runner.val_loop.evaluator) for _ in views]
    deadline, count = time.monotonic() + seconds, 0
    for batch in loader:
        for (model, view), evaluator in zip(views, evaluators):
            prepared = distiller.data_preprocessor(copy.deepcopy(batch), False)
            inputs = prepared['inputs']
            samples = prepared.get('data_samples')
            outputs = model(view(inputs, samples), samples, mode='predict')
            evaluator.process(outputs, batch)
        count += len(inputs)
        if time.monotonic() > deadline:
            break
    return [_metrics(evaluator) for evaluator in evaluators], count


def _fresh(evaluator: Evaluator) -> Evaluator:
    """The same metrics without results; files are not read again."""
    metrics = []
    for metric in evaluator.metrics:
        metric = copy.copy(metric)
        metric.results = []
        for folder in ('outfile_prefix', 'output_dir'):
            if getattr(metric, folder, None):
                setattr(metric, folder, None)  # the student's predictions
        metrics.append(metric)
    fresh = Evaluator(metrics)
    if evaluator.dataset_meta is not None:
        fresh.dataset_meta = evaluator.dataset_meta
    return fresh


def _metrics(evaluator: Evaluator) -> Metrics:
    """What a single process measured; nothing is gathered from others."""
    found: Metrics = {}
    for metric in evaluator.metrics:
        if not metric.results or getattr(metric, 'format_only', False):
            continue
        ids = _image_ids(metric.results)
        if ids and getattr(metric, 'img_ids', ids) is None:
            metric.img_ids = ids  # COCO counts missing images as failures
        for name, value in metric.compute_metrics(metric.results).items():
            if isinstance(value, Real):  # mmseg's are np.float32
                prefix = f'{metric.prefix}/' if metric.prefix else ''
                found[prefix + name] = float(value)
    return found


def _image_ids(results: List[Any]) -> List[Any]:
    """Image ids of a detector's pairs of truth and prediction."""
    return [
        one[0]['img_id']
        for one in results
        if isinstance(one, tuple)
        and isinstance(one[0], dict)
        and 'img_id' in one[0]
    ]


def _text(metrics: Metrics) -> str:
    chosen = [name for name in MAIN_METRICS if name in metrics]
    chosen = chosen or list(metrics)[:2]
    text = ', '.join(f'{name} {metrics[name]:.4g}' for name in chosen)
    return text or 'no metric, as nothing was predicted'


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide what evaluators print, which may be taken for the student's."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
