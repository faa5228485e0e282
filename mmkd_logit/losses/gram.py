"""Gram matrices of probabilities: MLKD's class and batch correlations."""

from typing import Optional, Sequence, Union

from torch import Tensor

from ..ops.gram import gram
from ..registry import MODELS
from .base import LogitLoss
from .checks import check_choice, check_row_weight, check_rows, check_taus

OVER = ('classes', 'rows')


def gram_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    tau: Union[float, Sequence[float]],
    over: str = 'classes',
    weight: Optional[Tensor] = None,
) -> Tensor:
    """Squared difference of two Gram matrices of all rows, a scalar.

    With P and Q, student and teacher at ``tau``, shape (M, C)::

        over='classes'   1/C || Q'Q - P'P ||^2      how classes go together
        over='rows'      1/M || QQ' - PP' ||^2      how alike rows are

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C).
        tau (float or Sequence[float]): Temperature, > 0, no unit. The losses
            at several ones are added up, as in the authors' code.
        over (str): ``'classes'`` or ``'rows'``. Defaults to 'classes'.
        weight (Tensor, optional): How often each row counts, shape (M,),
            >= 0: 2 is the same as giving it twice, 0 as leaving it out.

    Returns:
        Tensor: Scalar, not times ``tau**2``. The sum over the batch stands
        inside the square, so ``'classes'`` grows with M^2. Memory is that of
        the smaller of both matrices, whichever ``over`` names.

    Source:
        Jin et al., CVPR 2023 (MLKD), where these are the class and the batch
        correlation of each of two views. The authors' code multiplies the
        sum by the fraction of confident rows or classes, about 1/2; here
        ``loss_weight`` holds that factor.

    Examples:
        >>> teacher = torch.tensor([[1., 3.]]).log()
        >>> gram_loss(torch.zeros(1, 2), teacher, tau=1., over='rows')
        tensor(0.0156)
    """
    check_rows('gram_loss', student_logits, teacher_logits)
    check_row_weight('gram_loss', weight, student_logits.shape)
    check_choice('gram_loss', 'over', over, OVER)
    of_classes = over == 'classes'
    return sum(
        gram(student_logits, teacher_logits, each, of_classes, weight)
        for each in check_taus('gram_loss', tau)
    )


@MODELS.register_module()
class GramLoss(LogitLoss):
    """:func:`gram_loss` for config files.

    ``tau`` defaults to 4.0 and may be a list; the arguments beside the
    settings of the function are those of :class:`LogitLoss`. Rows are those
    of this process in one step: the pixels of its images, the cells of all
    scales.
    """

    function = gram_loss
    defaults = dict(tau=4.0)
    several_taus = True
    choices = dict(over=OVER)
    whole_batch = True
