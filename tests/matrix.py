"""Every loss on every head family: tried, not assumed.

``tools/make_matrix.py`` writes what this module finds to ``docs/matrix.md``
and, in short, to the README.
"""

import tempfile
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

import torch
from torch import Tensor, nn

from mmkd_logit.distillers import LogitDistiller
from mmkd_logit.heads import LogitReader, find_reader
from mmkd_logit.losses import LogitLoss
from mmkd_logit.registry import MODELS
from mmkd_logit.structures.logit_pair import LogitPair
from tests.toy_families import FAMILIES, Family
from tests.toys import seeded

#: Form -> what its name adds, settings of the loss.
FORMS: Dict[str, Tuple[str, Dict[str, Any]]] = dict(
    plain=('', {}),
    standardized=('LS-', dict(standardize=True)),
    decoupled=('SD-', {}),
)
#: What a loss cannot do without, by the length of its rows.
SETTINGS: Dict[str, Callable[[int], Dict[str, Any]]] = dict(
    WKDLoss=lambda columns: dict(cost=(1 - torch.eye(columns)).tolist())
)
#: Training steps of each cell.
STEPS = 2


class Cell(NamedTuple):
    """What came of one loss on one family.

    Attributes:
        view (str): ``'bernoulli'``, ``'categorical'`` or ``'softmax'``; ''
            if it was refused.
        refusal (str): The sentence, if it was.
        values (tuple[float]): Of the term, in each step.
        gradient (float): Largest |gradient| of the term in the student.
        equal (float): The term where the teacher has the student's weights.
        least (float): The loss of equal rows; 0 for most losses.
    """

    view: str = ''
    refusal: str = ''
    values: Tuple[float, ...] = ()
    gradient: float = 0.0
    equal: float = 0.0
    least: float = 0.0


def losses() -> List[str]:
    """Registered names of all losses on rows."""
    return _registered(LogitLoss)


def readers() -> List[str]:
    """Registered names of all readers of the package."""
    return _registered(LogitReader)


def _registered(kind: type) -> List[str]:
    MODELS.import_from_location()
    return sorted(
        name
        for name, cls in MODELS.module_dict.items()
        if isinstance(cls, type)
        and issubclass(cls, kind)
        and cls.__module__.startswith('mmkd_logit.')
    )


def method(loss: str, form: str) -> str:
    """Name of a method, such as ``'SD-KD'``."""
    return FORMS[form][0] + loss[: -len('Loss')]


@lru_cache(maxsize=None)
def cells(name: str) -> Dict[str, Cell]:
    """All methods on one family: name of the method -> what came of it."""
    family = FAMILIES[name]
    cfg = family.cfg()
    student = family.build(cfg, 0)
    found: Dict[str, Cell] = {}
    distill: Dict[str, dict] = {}
    for loss in losses():
        for form in FORMS:
            title = method(loss, form)
            try:
                term = _term(family, student, loss, form)
                LogitDistiller(student, distill={'loss': term})
            except (ValueError, TypeError) as error:
                found[title] = Cell(refusal=_sentence(error))
            else:
                distill[f'loss_{title}'] = term
    found.update(_trained(family, cfg, distill) if distill else {})
    return found


def _term(family: Family, student: nn.Module, loss: str, form: str) -> dict:
    reader = family.reader or type(find_reader(student)).__name__
    head = MODELS.get(f'mmkd_logit.{reader}')(**family.options).facts(student)
    columns = head.channels + head.use_sigmoid  # of the categorical view
    logits = dict(type=f'mmkd_logit.{reader}', **family.options)
    if form == 'decoupled':
        if isinstance(family.decoupled, str):
            raise ValueError(f'{reader}: {family.decoupled}')
        logits.update(family.decoupled)
    needs = SETTINGS.get(loss, lambda columns: {})(columns)
    settings = {**needs, **FORMS[form][1]}
    return dict(
        logits=logits, loss=dict(type=f'mmkd_logit.{loss}', **settings)
    )


def _sentence(error: Exception) -> str:
    text = str(error)
    for prefix in ('distill.loss: ', 'distill.loss.loss: '):
        text = text[len(prefix) :] if text.startswith(prefix) else text
    return text


def _trained(
    family: Family, cfg: dict, distill: Dict[str, dict]
) -> Dict[str, Cell]:
    """Two steps with all terms, then one whose teacher is the student."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'teacher.pth'
        state = family.build(cfg, 1).state_dict()
        torch.save(dict(state_dict=state, meta={}), path)
        model = LogitDistiller(
            family.build(cfg, 0),
            teacher=cfg,
            teacher_ckpt=str(path),
            distill=distill,
        )
        model.prepare()
    model.train()
    batch = family.batch(model.student)
    trained = [p for p in model.student.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=1e-4)
    values: Dict[str, List[float]] = {name: [] for name in distill}
    gradient: Dict[str, float] = {}
    model.listener = partial(_check_width, model)
    for step in range(STEPS):
        torch.manual_seed(step)
        results = model.loss(*batch)
        for name in distill:
            value = _total(results, name)
            values[name].append(value.item())
            if not step:
                gradient[name] = _largest_gradient(value, trained)
        loss, _ = model.parse_losses(results)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
    model.teacher.model.load_state_dict(
        model.student.state_dict(), strict=False
    )
    with torch.no_grad():
        results = model.loss(*batch)
    return {
        name[len('loss_') :]: Cell(
            view=term.view or 'softmax',
            values=tuple(values[name]),
            gradient=gradient[name],
            equal=_total(results, name).item(),
            least=_least(term.loss, term.facts.channels),
        )
        for name, term in model.terms.items()
    }


def _check_width(model: LogitDistiller, name: str, pair: LogitPair) -> None:
    """What a reader says of its rows before it sees any must be true."""
    term = next(term for key, term in model.terms.items() if key in name)
    assert pair.student_logits.shape[1] == term.facts.channels, name
    assert pair.teacher_logits.shape == pair.student_logits.shape, name
    if pair.labels is not None and len(pair.labels):
        last = term.facts.channels - (not term.facts.use_sigmoid)
        assert 0 <= int(pair.labels.min()) <= int(pair.labels.max()) <= last


def _total(results: Dict[str, Tensor], name: str) -> Tensor:
    """Sum of one term's entries: stages and windows have one each."""
    return sum(value for key, value in results.items() if key.endswith(name))


def _largest_gradient(value: Tensor, parameters: List[Tensor]) -> float:
    gradients = torch.autograd.grad(
        value, parameters, retain_graph=True, allow_unused=True
    )
    return max(float(one.abs().max()) for one in gradients if one is not None)


def _least(loss: LogitLoss, channels: int) -> float:
    """The loss of rows that are equal in student and teacher."""
    rows = torch.randn(16, channels, generator=seeded(0)).double()
    labels = torch.arange(16) % channels
    with torch.no_grad():
        return float(loss(rows, rows.clone(), labels))


# ---------------------------------------------------------------- the table


def table() -> str:
    """The whole matrix in Markdown."""
    notes: List[str] = []
    parts = [_counts()]
    for form in FORMS:
        heading = ['head'] + [method(loss, form) for loss in losses()]
        lines = ['| ' + ' | '.join(heading) + ' |']
        lines.append('|' + ' --- |' * len(heading))
        for name, family in FAMILIES.items():
            row = [
                _mark(cells(name)[method(loss, form)], notes)
                for loss in losses()
            ]
            lines.append(f'| {family.title} | {" | ".join(row)} |')
        parts.append('\n'.join(lines))
    parts.append('\n'.join(f'{i}. {note}' for i, note in enumerate(notes, 1)))
    return '\n\n'.join(parts)


def summary() -> str:
    """The matrix in short: which losses a family refuses."""
    lines = ['| head | losses | standardized (LS-) | decoupled (SD-) |']
    lines.append('|' + ' --- |' * 4)
    for name, family in FAMILIES.items():
        row = [
            _in_short(
                {loss: cells(name)[method(loss, form)] for loss in losses()}
            )
            for form in FORMS
        ]
        lines.append(f'| {family.title} | {" | ".join(row)} |')
    return '\n\n'.join(
        [
            f'{len(losses())} losses: {", ".join(map(_short, losses()))}.',
            '\n'.join(lines),
        ]
    )


def _in_short(of_losses: Dict[str, Cell]) -> str:
    no = [_short(loss) for loss, cell in of_losses.items() if cell.refusal]
    if not no:
        return 'all'
    if len(no) == len(of_losses):
        return 'none'
    return f'all but {", ".join(no)}'


def _short(loss: str) -> str:
    return loss[: -len('Loss')]


def _mark(cell: Cell, notes: List[str]) -> str:
    if not cell.refusal:
        return dict(softmax='yes', bernoulli='yes, B', categorical='yes, C')[
            cell.view
        ]
    if cell.refusal not in notes:
        notes.append(cell.refusal)
    return f'no ({notes.index(cell.refusal) + 1})'


def _counts() -> str:
    every = [cell for name in FAMILIES for cell in cells(name).values()]
    works = [cell for cell in every if not cell.refusal]
    views = [cell.view for cell in works]
    return (
        f'{len(every)} cells: {len(works)} train '
        f'({views.count("softmax")} on rows that are one softmax, '
        f'{views.count("bernoulli")} on independent classes, B, '
        f'{views.count("categorical")} on independent classes in the '
        f'categorical view, C), {len(every) - len(works)} are refused at '
        'build time with the sentence below that has their number.'
    )
