"""ABKD: the alpha-beta divergence, between forward and reverse KL."""

import math

from torch import Tensor

from ..messages import WrongValue
from ..ops.alpha_beta import alpha_beta
from ..registry import MODELS
from .base import LogitLoss
from .checks import check_rows


def abkd_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    tau: float,
    alpha: float,
    beta: float,
) -> Tensor:
    """Alpha-beta divergence of each row, without ``tau**2``.

    With p and q, student and teacher at ``tau``, a and b short for ``alpha``
    and ``beta``::

        -1/(a b) sum [q^a p^b - a/(a+b) q^(a+b) - b/(a+b) p^(a+b)]

    and its limits where a, b or a + b is 0. (1, 0) is KL(q || p), (0, 1) is
    KL(p || q), (1/2, 1/2) is ``2 sum (sqrt q - sqrt p)^2``, (1, 1) half the
    squared distance, (0, 0) half the squared distance of the logarithms.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C).
        tau (float): Temperature, > 0, no unit.
        alpha (float): Exponent of the teacher's probabilities. Where it or
            ``beta`` or their sum is negative, the divergence has no bound: it
            overflows where one model's probability is close to 0.
        beta (float): Exponent of the student's probabilities.

    Returns:
        Tensor: Loss of each row, shape (M,).

    Source:
        Wang et al., ICML 2025, https://arxiv.org/abs/2505.04560. The authors'
        code has 1/a in place of 1/a^2 in three limits, so its value jumps as
        a changes and is negative for a < 0. This function has 1/a^2; both
        agree for a = 1.

    Examples:
        >>> teacher = torch.tensor([[4., 3., 1.]]).log()
        >>> abkd_loss(torch.zeros(1, 3), teacher, 1., alpha=1., beta=1.)
        tensor([0.0365])
    """
    check_rows('abkd_loss', student_logits, teacher_logits, tau)
    return alpha_beta(student_logits, teacher_logits, tau, alpha, beta)


@MODELS.register_module()
class ABKDLoss(LogitLoss):
    """:func:`abkd_loss` for config files.

    ``tau`` defaults to 4.0, ``alpha`` to 0.8 and ``beta`` to 0.3, the only
    published setting for images that names its pair (ResNet56 to ResNet20 on
    CIFAR-100, with ``loss_weight=32``). The other arguments are those of
    :class:`LogitLoss`.
    """

    function = abkd_loss
    defaults = dict(tau=4.0, alpha=0.8, beta=0.3)

    def check_settings(self) -> None:
        for letter in ('alpha', 'beta'):
            value = getattr(self, letter)
            if not -math.inf < value < math.inf:
                raise WrongValue(
                    f'ABKDLoss: {letter} must be a finite number, got '
                    f'{value}; the authors take 0.2 to 1.2'
                )
