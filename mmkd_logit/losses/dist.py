"""DIST: correlation of rows and of columns, for stronger teachers."""

from typing import Dict, Optional

from torch import Tensor

from ..ops.correlation import correlation
from ..registry import MODELS
from .base import LogitLoss, Rows
from .checks import check_row_weight, check_rows


def dist_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    tau: float,
    beta: float = 1.0,
    gamma: float = 1.0,
    use_sigmoid: bool = False,
    eps: float = 1e-8,
    min_norm: float = 0.0,
    weight: Optional[Tensor] = None,
    with_parts: bool = False,
) -> Rows:
    """``beta * inter + gamma * intra`` of all rows together, a scalar.

    With the student's probabilities P and the teacher's Q at ``tau``,
    ``inter`` is one minus Pearson's correlation of a row of P with the same
    row of Q, averaged over the rows. ``intra`` is the same for columns, which
    compares how the rows of this call rank for one class.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C).
        tau (float): Temperature, > 0, no unit.
        beta (float): Weight of ``inter``. Defaults to 1.0.
        gamma (float): Weight of ``intra``. Defaults to 1.0.
        use_sigmoid (bool): Probabilities are sigmoids, as in the authors'
            code for RetinaNet, where a row holds all anchors of a cell.
            Defaults to False.
        eps (float): Added to the product of both norms. With 0.0 a constant
            row or column has correlation 0 and no gradient. Defaults to 1e-8.
        min_norm (float): Rows and columns whose centred norm is smaller in
            one of the models are left out, and the mean is over the others.
            The authors' code has no such limit: there a class that no row
            predicts adds 1 to the mean. Defaults to 0.0.
        weight (Tensor, optional): How often each row counts, shape (M,),
            >= 0: 2 is the same as giving it twice, 0 as leaving it out.
        with_parts (bool): Return ``inter`` and ``intra`` too, detached,
            before their weights. Defaults to False.

    Returns:
        Tensor: Scalar, times ``tau**2``. Without rows 0. A row or column that
        is constant in the student has correlation 0, and a gradient of about
        1 / eps where the teacher's is not constant.

    Source:
        Huang et al., NeurIPS 2022, https://arxiv.org/abs/2205.10536.

    Examples:
        >>> teacher = torch.tensor([[4., 3., 1.], [2., 2., 4.]]).log()
        >>> student = torch.tensor([[3., 4., 1.], [4., 2., 2.]]).log()
        >>> dist_loss(student, teacher, tau=1.)
        tensor(1.5238)
    """
    check_rows('dist_loss', student_logits, teacher_logits, tau)
    check_row_weight('dist_loss', weight, student_logits.shape)
    loss, inter, intra = correlation(
        student_logits,
        teacher_logits,
        tau,
        beta,
        gamma,
        use_sigmoid,
        eps,
        min_norm,
        weight,
    )
    if with_parts:
        return loss, dict(inter=inter, intra=intra)
    return loss


@MODELS.register_module()
class DISTLoss(LogitLoss):
    """:func:`dist_loss` for config files.

    ``tau`` defaults to 1.0; the arguments beside the settings of the function
    are those of :class:`LogitLoss`. Columns run over the rows of this process
    in one step: the pixels of its images, the anchors of all levels, the
    cells of all scales. So the loss depends on the batch of one GPU, and
    ``share`` of a reader leaves it fewer rows. A row of a dense head is one
    anchor here, with or without ``use_sigmoid``; in the authors' code for
    RetinaNet a row holds all anchors of a cell.
    """

    function = dist_loss
    sigmoid_function = dist_loss
    defaults = dict(tau=1.0)
    part_weights = ('beta', 'gamma', 'eps', 'min_norm')
    summands = ('beta', 'gamma')
    whole_batch = True

    def idle_parts(self, channels: int) -> Dict[str, str]:
        if channels > 2:
            return {}
        return dict(
            beta='the correlation of two rows of two classes is 1 or -1, '
            'which has no gradient; set beta=0'
        )
