"""One entry of ``distill``."""

from typing import Any, Dict, NamedTuple, Optional, Tuple

from ..heads.base import LogitReader
from ..losses import LogitLoss
from ..messages import WrongValue
from ..structures.head_facts import HeadFacts
from ..structures.logit_pair import LogitPair
from ..structures.views import categorical_facts, categorical_pair
from .build import build_named


class Term(NamedTuple):
    """One entry of ``distill``: where rows come from, how they compare.

    Attributes:
        reader (LogitReader): Where rows come from.
        loss (LogitLoss): How they are compared.
        facts (HeadFacts): What is known of the rows that the loss gets.
        view (str, optional): How the rows of a sigmoid head are handed over,
            see :mod:`mmkd_logit.structures.views`; None for softmax heads.
        teachers (tuple[int]): Indices of the teachers that it compares with,
            of several with their mean.
        other_readers (tuple[LogitReader]): Copies of the reader, for each
            teacher after the first.
    """

    reader: LogitReader
    loss: LogitLoss
    facts: HeadFacts
    view: Optional[str] = None
    teachers: Tuple[int, ...] = (0,)
    other_readers: Tuple[LogitReader, ...] = ()

    @property
    def readers(self) -> Tuple[LogitReader, ...]:
        """One reader for each of ``teachers``."""
        return (self.reader, *self.other_readers)

    @property
    def classes_are_independent(self) -> bool:
        """Whether the head, whatever the view, ends in sigmoids."""
        return self.view is not None

    def viewed(self, pair: LogitPair) -> LogitPair:
        """Rows of a reader in the view that the loss compares."""
        return categorical_pair(pair) if self.view == 'categorical' else pair


def build_parts(
    name: str, cfg: Dict[str, Any]
) -> Tuple[Optional[LogitReader], LogitLoss]:
    """Build reader and loss of one entry of ``distill``, without a student.

    Args:
        name (str): Of the entry.
        cfg (dict): ``loss`` and, perhaps, ``logits``.

    Returns:
        tuple[LogitReader | None, LogitLoss]: No reader where the student's
        head decides.

    Raises:
        TypeError: If a setting is unknown or of another kind.
        ValueError: If a name, a type or a value cannot be used.
    """
    if not name.startswith('loss'):
        raise WrongValue(
            f'the distillation term {name!r} must have a name that starts '
            "with 'loss', such as 'loss_kd'; MMEngine adds up the entries "
            'whose names contain it'
        )
    if set(cfg) - {'logits', 'loss', 'teacher'} or 'loss' not in cfg:
        raise WrongValue(
            f'distill.{name} has the keys {sorted(cfg)}; expected `loss` and, '
            'if the default does not do, `logits`; with several teachers, '
            '`teacher` is the index of one'
        )
    loss = build_named(cfg['loss'], 'loss', f'distill.{name}.loss')
    if loss.reduction == 'none':
        raise WrongValue(
            f"distill.{name}.loss has reduction='none', one value per row; a "
            "training term needs 'mean' or 'sum'"
        )
    if not cfg.get('logits'):
        return None, loss
    where = f'distill.{name}.logits'
    return build_named(cfg['logits'], 'logit reader', where), loss


def make_term(reader: LogitReader, loss: LogitLoss, head: HeadFacts) -> Term:
    """Join a reader and a loss, and choose the view of the rows.

    A loss that compares independent classes gets a sigmoid head's rows as
    they are, any other the categorical view; ``view`` of the reader overrides
    that. The loss takes its ``use_sigmoid`` from the view, so that configs
    need not set it.

    Args:
        reader (LogitReader): The reader, whose ``view`` is set.
        loss (LogitLoss): The loss, whose ``use_sigmoid`` is set if it is None.
        head (HeadFacts): What the reader says of the student's head.

    Raises:
        ValueError: If the two contradict each other or the head.
    """
    view, facts = choose_view(reader.view, loss, head)
    loss.check(facts)
    reader.view = view
    return Term(reader, loss, facts, view)


def choose_view(
    asked: Optional[str], loss: LogitLoss, head: HeadFacts
) -> Tuple[Optional[str], HeadFacts]:
    """The view of a head's rows, and the facts of the rows in it."""
    if not head.use_sigmoid:
        if asked is not None:
            raise WrongValue(
                f'view={asked!r} is for heads with independent (sigmoid) '
                'classes, but this head ends in a softmax; remove `view`'
            )
        return None, head
    view = asked
    if view is None:
        view = 'bernoulli' if loss.takes_sigmoid_rows else 'categorical'
    return view, categorical_facts(head) if view == 'categorical' else head
