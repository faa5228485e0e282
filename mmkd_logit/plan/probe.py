"""The strength of each distillation term next to the task's losses."""

import math
from typing import Dict, Iterable, List, NamedTuple, Optional, Tuple

from torch import Tensor, nn

from ..distillers import LogitDistiller
from ..hooks.kd_agreement_hook import agreement
from ..structures.logit_pair import LogitPair

Sums = Dict[str, Dict[str, List[float]]]
#: Ratios of distillation to task within which a weight is left alone.
LEAST, MOST = 0.1, 10.0
#: A teacher that is right less often is named before any weight.
POOR = 0.2


class Probe(NamedTuple):
    """One term, in the mean over the probed batches.

    Attributes:
        name (str): Name of the term.
        rows (tuple[int, int]): Rows of the last batch, and logits of a row.
        loss_ratio (float): Ratio of its value, weight included, to the sum of
            the task's losses.
        gradient_ratio (float): Ratio of the norm of its gradient at the
            student's backbone to that of the task's losses; nan where nothing
            is trained there.
        agreement (float): Fraction of rows with the same largest class.
        teacher_accuracy (float): Fraction of labelled rows of objects that the
            teacher classifies rightly; nan without labels.
        weight (float): ``loss_weight`` now.
        proposed (float): ``loss_weight`` that is proposed.
        reason (str): The reason, in a few words.
    """

    name: str
    rows: Tuple[int, int]
    loss_ratio: float
    gradient_ratio: float
    agreement: float
    teacher_accuracy: float
    weight: float
    proposed: float
    reason: str


def probe(distiller: LogitDistiller, batches: Iterable[dict]) -> List[Probe]:
    """Measure each term of a distiller on some batches; nothing is trained.

    Args:
        distiller (LogitDistiller): Prepared, on its device, in training mode.
        batches (iterable[dict]): Batches as a data loader gives them.

    Returns:
        list[Probe]: One for each term.
    """
    layers = _shared_layers(distiller.student)
    sums: Sums = {name: {} for name in distiller.terms}
    distiller.listener = lambda name, pair: _look(distiller, name, pair, sums)
    try:
        for batch in batches:
            data = distiller.data_preprocessor(batch, training=True)
            losses = distiller(**data, mode='loss')
            _compare(distiller, losses, layers, sums)
    finally:
        distiller.listener = None
    return [
        _summary(distiller, name, numbers) for name, numbers in sums.items()
    ]


def _shared_layers(student: nn.Module) -> List[Tensor]:
    """Trained weights of the backbone, or of the whole student without one."""
    part = getattr(student, 'backbone', student)
    return [weight for weight in part.parameters() if weight.requires_grad]


def _look(
    distiller: LogitDistiller, name: str, pair: LogitPair, sums: Sums
) -> None:
    """Agreement and the teacher's accuracy on the rows of a batch."""
    term_name = name.rpartition('.')[2]
    term = distiller.terms[term_name]
    numbers = sums[term_name]
    numbers.setdefault('rows', []).append(len(pair.student_logits))
    numbers.setdefault('columns', []).append(pair.student_logits.shape[1])
    found = agreement(pair, term.facts.use_sigmoid)
    if 'top1' in found:
        numbers.setdefault('agreement', []).append(float(found['top1']))
    accuracy = _teacher_accuracy(pair, term.facts.num_classes)
    if accuracy is not None:
        numbers.setdefault('accuracy', []).append(accuracy)


def _teacher_accuracy(pair: LogitPair, classes: int) -> Optional[float]:
    if pair.labels is None or pair.teacher_logits.shape[1] < classes:
        return None
    objects = pair.labels < classes
    if pair.weight is not None:
        objects &= pair.weight > 0
    if not objects.any():
        return None
    seen = pair.teacher_logits[objects, :classes].argmax(1)
    return float((seen == pair.labels[objects]).float().mean())


def _total(losses: Dict[str, object], names: Iterable[str]) -> Tensor:
    values = []
    for name in names:
        value = losses[name]
        parts = value if isinstance(value, (list, tuple)) else [value]
        values += [part.mean() for part in parts]
    return sum(values)


def _compare(
    distiller: LogitDistiller,
    losses: Dict[str, Tensor],
    layers: List[Tensor],
    sums: Sums,
) -> None:
    """Values and gradients of each term and of the task."""
    of_term = {
        name: [key for key in losses if key.rpartition('.')[2] == name]
        for name in distiller.terms
    }
    ours = {key for keys in of_term.values() for key in keys}
    task = _total(
        losses, [key for key in losses if 'loss' in key and key not in ours]
    )
    task_norm = _norm(task, layers, distiller.student)
    for name, keys in of_term.items():
        if not keys:
            continue
        value = _total(losses, keys)
        numbers = sums[name]
        numbers.setdefault('loss', []).append(
            float(value.detach() / task.detach().abs().clamp(min=1e-12))
        )
        norm = _norm(value, layers, distiller.student)
        if task_norm > 0:
            numbers.setdefault('gradient', []).append(norm / task_norm)


def _norm(value: Tensor, layers: List[Tensor], student: nn.Module) -> float:
    """Norm of the gradient of a value at some weights of a student.

    Layers with activation checkpointing know a whole backward pass only, not
    ``torch.autograd.grad``.
    """
    if not layers or not value.requires_grad:
        return 0.0
    student.zero_grad(set_to_none=True)
    value.backward(retain_graph=True)
    gradients = [layer.grad for layer in layers]
    squares = [g.double().square().sum() for g in gradients if g is not None]
    student.zero_grad(set_to_none=True)
    return float(sum(squares)) ** 0.5 if squares else 0.0


def _summary(
    distiller: LogitDistiller, name: str, numbers: Dict[str, List[float]]
) -> Probe:
    mean = {
        key: sum(values) / len(values) if values else math.nan
        for key, values in numbers.items()
    }
    weight = float(distiller.terms[name].loss.loss_weight)
    ratio = mean.get('gradient', math.nan)
    proposed, reason = propose(weight, ratio)
    return Probe(
        name,
        tuple(numbers[key][-1] for key in ('rows', 'columns')),
        mean.get('loss', math.nan),
        ratio,
        mean.get('agreement', math.nan),
        mean.get('accuracy', math.nan),
        weight,
        proposed,
        reason,
    )


def propose(weight: float, gradient_ratio: float) -> Tuple[float, str]:
    """A weight at which both gradients are about equal, and the reason.

    Args:
        weight (float): ``loss_weight`` now.
        gradient_ratio (float): Norm of the gradient of distillation over that
            of the task, with that weight.

    Returns:
        tuple[float, str]: Rounded to one digit where it is changed.
    """
    if not math.isfinite(gradient_ratio) or gradient_ratio == 0:
        return weight, 'no gradient was seen at the shared layers'
    if LEAST <= gradient_ratio <= MOST:
        return weight, (
            f'the gradients are {gradient_ratio:.2g} to 1, within '
            f'{LEAST:g} to {MOST:g}'
        )
    exact = weight / gradient_ratio
    digits = -math.floor(math.log10(exact))
    return round(exact, digits), (
        f'the gradients are {gradient_ratio:.2g} to 1; with this weight they '
        'are about equal'
    )


def table(probes: List[Probe]) -> str:
    """Lines for a terminal."""
    lines = []
    for one in probes:
        poor = one.teacher_accuracy < POOR
        lines += [
            f'{one.name}',
            f'  distillation : task   loss {one.loss_ratio:.3g}, gradient at '
            f'the backbone {one.gradient_ratio:.3g}',
            f'  same largest class    {one.agreement:.1%} of the rows',
            f'  teacher right         {one.teacher_accuracy:.1%} of the '
            'labelled rows' + (': check its weights first' if poor else ''),
            f'  loss_weight           {one.weight:g} now, {one.proposed:g} '
            f'proposed: {one.reason}',
        ]
    return '\n'.join(lines)
