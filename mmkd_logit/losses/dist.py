"""DIST: correlation of rows and of columns, for stronger teachers."""

from typing import Dict, Optional, Tuple, Union

from torch import Tensor

from ..ops.correlation import correlation
from .checks import check_rows


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
) -> Union[Tensor, Tuple[Tensor, Dict[str, Tensor]]]:
    """``beta * inter + gamma * intra`` of all rows together, a scalar.

    With the student's probabilities P and the teacher's Q at ``tau``,
    ``inter`` is one minus Pearson's correlation of a row of P with the same
    row of Q, averaged over the rows; ``intra`` the same for columns: how the
    rows of this call rank for one class.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C).
        tau (float): Temperature, > 0, no unit.
        beta (float): Weight of ``inter``. Defaults to 1.0.
        gamma (float): Weight of ``intra``. Defaults to 1.0.
        use_sigmoid (bool): Probabilities are sigmoids, as in the authors'
            code for RetinaNet, where a row holds all anchors of a cell.
            Defaults to False.
        eps (float): Added to the product of both norms. Defaults to 1e-8.
        min_norm (float): Rows and columns whose centred norm is smaller in
            one of the models say nothing: they are left out and the mean is
            over the others. The authors' code has no such thing: a class that
            no row predicts adds 1 to the mean. Defaults to 0.0.
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
