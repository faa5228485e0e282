"""The losses and logged parts of one term in one step."""

from typing import Callable, Dict, List, Optional

from mmengine.logging import MMLogger
from torch import Tensor

from ..structures.logit_pair import LogitPair
from .step_log import part_prefix
from .term import Term
from .term_watch import TermWatch

Listener = Callable[[str, LogitPair], None]


def compare_pairs(
    name: str,
    term: Term,
    pairs: Dict[str, LogitPair],
    scale: float,
    watch: TermWatch,
    listener: Optional[Listener] = None,
) -> Dict[str, Tensor]:
    """Compare the rows of a term, and record what comes out.

    Args:
        name (str): Of the term.
        term (Term): Its loss, and the view of its rows.
        pairs (dict[str, LogitPair]): Prefix of the logged name -> rows.
        scale (float): Product of all ramp factors.
        watch (TermWatch): Of this term.
        listener (callable, optional): Gets the logged name and the rows.

    Returns:
        dict[str, Tensor]: Losses, and parts for the log, by their names.
    """
    results: Dict[str, Tensor] = {}
    total: Optional[Tensor] = None
    compared: List[LogitPair] = []
    for prefix, pair in pairs.items():
        pair = term.viewed(pair)
        if watch.steps == 0:
            m, c = pair.student_logits.shape
            MMLogger.get_current_instance().info(
                f'{prefix}{name}: {m} rows of {c} logits in this batch'
            )
        if listener is not None:
            listener(prefix + name, pair)
        if term.loss.loss_weight == 0:
            # Even a gradient of zeros can change the order in which
            # gradients are added, and with it the student's last bits.
            pair = pair._replace(student_logits=pair.student_logits.detach())
        pair = watch.tap(pair)
        value, parts = term.loss.with_parts(*pair)
        results[prefix + name] = value * scale if scale != 1 else value
        for part, number in parts.items():
            part = f'{part_prefix(prefix + name)}/{part}'
            results[part] = number * scale if scale != 1 else number
        value = value.detach()
        total = value if total is None else total + value
        compared.append(pair)
    watch.record(total, compared, term.facts)
    return results
