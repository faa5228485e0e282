"""TTM and WTTM: the teacher's power transform against the plain student."""

from torch import Tensor

from ..messages import WrongValue
from ..ops.autograd import as_float
from ..ops.chunked import lies_by_class
from ..ops.group_kl import group_kl
from ..ops.softmax import log_probabilities
from ..registry import MODELS
from .base import LogitLoss, Rows
from .checks import check_rows


def wttm_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    gamma: float,
    weighted: bool = True,
    with_parts: bool = False,
) -> Rows:
    """KL between the teacher at temperature 1 / gamma and the student at 1.

    With q the teacher's probabilities at temperature 1, the student meets
    ``q^gamma / U`` with ``U = sum q^gamma``, which is the teacher at
    temperature ``1 / gamma``. WTTM multiplies the KL of a row by its U, in
    [1, C^(1 - gamma)] for gamma <= 1: the less sure the teacher, the more a
    row counts.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C).
        gamma (float): Exponent, > 0, no unit. ``gamma = 1`` is
            :func:`~mmkd_logit.losses.kd.kd_loss` at temperature 1.
        weighted (bool): False leaves U out (TTM). Defaults to True.
        with_parts (bool): Return ``kl`` and ``power_sum`` (U) too, detached.
            Defaults to False.

    Returns:
        Tensor: Loss of each row in nats, shape (M,). No temperature is
        squared.

    Source:
        Zheng and Yang, ICLR 2024, https://arxiv.org/abs/2402.11148. The
        authors' code takes the power of a softmax, which underflows from a
        gap of 104 in float32; this function takes logarithms.

    Examples:
        >>> teacher = torch.tensor([[16., 9., 1.]]).log()
        >>> wttm_loss(torch.zeros(1, 3), teacher, 0.5, weighted=False)
        tensor([0.1243])
    """
    check_rows('wttm_loss', student_logits, teacher_logits)
    check_exponent('wttm_loss', gamma)
    teacher, power_sum = as_float(teacher_logits.detach()), None
    if weighted or with_parts:
        powers = gamma * _log_softmax(teacher)
        power_sum = powers.exp().sum(1)
        power_sum = power_sum.masked_fill(power_sum == 0, 1.0)
    else:  # the same up to a number for each row
        powers = gamma * teacher
    rows, parts = group_kl(
        student_logits, powers, 1.0, w_rest=power_sum if weighted else 1.0
    )
    if with_parts:
        return rows, dict(kl=parts['low_rest'], power_sum=power_sum)
    return rows


def check_exponent(name: str, gamma: float) -> float:
    """Return ``gamma``; refuse what is not one over a temperature."""
    if not 0 < gamma < float('inf'):
        raise WrongValue(
            f'{name}: gamma must be > 0 and finite, got {gamma}; it is one '
            "over the teacher's temperature"
        )
    return gamma


def _log_softmax(logits: Tensor) -> Tensor:
    """Along what lies together in memory, and laid out in the same way."""
    if lies_by_class(logits):
        return log_probabilities(logits.t(), 1.0, dim=0).t()
    return log_probabilities(logits, 1.0)


@MODELS.register_module()
class WTTMLoss(LogitLoss):
    """:func:`wttm_loss` for config files.

    ``gamma`` defaults to 0.2, as in the authors' only published command for
    WTTM (VGG13 to VGG8, together with CRD, with ``loss_weight=4``); their
    command for TTM has 0.1 and ``loss_weight=45``. The other arguments are
    those of :class:`LogitLoss`.
    """

    function = wttm_loss
    defaults = dict(gamma=0.2)

    def check_settings(self) -> None:
        check_exponent('WTTMLoss', self.gamma)
