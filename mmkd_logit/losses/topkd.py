"""TopKD: amplify the teacher's top logits, compare by direction.

No official code was found, and what the paper states is known here from
public notes on it only. They leave many constants open: where a parameter says
"not stated", its default is this project's choice.
"""

from typing import Dict, Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from ..ops.autograd import as_float
from ..registry import MODELS
from .base import LogitLoss, Rows
from .checks import check_floating, check_labels, check_rows, check_tau
from .topk_scale import AMPLIFY, check_groups, topk_scale


def topk_decoupled_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    k: int = 5,
    alpha: float = 1.0,
    beta: float = 1.0,
    enforce_sign: bool = False,
) -> Tensor:
    """Top-K decoupled loss: cosine inside three groups of classes.

    ``1 - (alpha * cos_pos + beta * cos_neg + cos_non)`` of each row, with the
    teacher's ``k`` largest logits (pos), its ``k`` smallest (neg) and the
    others (non). It depends only on the direction of the student's logits: a
    student that is a positive multiple of the teacher reaches the minimum,
    ``-(alpha + beta)`` where no group is empty, but adding a constant changes
    the value.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Scores of the teacher, raw or from
            :func:`topk_scale`, shape (M, C).
        k (int): Size of the first two groups, at most C // 2 is used. Not
            stated whether the second has another. Defaults to 5.
        alpha (float): Weight of the first cosine. Not stated. Defaults to
            1.0.
        beta (float): Weight of the second cosine. Not stated. Defaults to
            1.0.
        enforce_sign (bool): Keep only positive teacher logits in the first
            group and negative ones in the second. Not stated for rows with
            too few. Defaults to False.

    Returns:
        Tensor: Loss of each row, shape (M,), in [-(alpha + beta),
        2 + alpha + beta]. No temperature. An empty group's cosine counts 0.

    Examples:
        >>> student = torch.tensor([[3., 4., -1., -2.]])
        >>> teacher = torch.tensor([[4., 3., -1., -2.]])
        >>> topk_decoupled_loss(student, teacher, k=2)
        tensor([-0.9600])
    """
    check_groups('topk_decoupled_loss', k)
    check_floating('topk_decoupled_loss', student_logits, teacher_logits)
    student = as_float(student_logits)
    teacher = teacher_logits.detach().to(student.dtype)
    there = teacher != -torch.inf
    k = min(k, teacher.shape[1] // 2)
    nowhere = torch.zeros_like(there)
    pos = nowhere.scatter(1, teacher.topk(k, dim=1)[1], True) & there
    unmasked = teacher.masked_fill(~there, torch.inf)
    neg = nowhere.scatter(1, unmasked.topk(k, 1, largest=False)[1], True)
    neg = neg & there & ~pos
    if enforce_sign:
        pos, neg = pos & (teacher > 0), neg & (teacher < 0)
    non = there & ~pos & ~neg
    cosine = (
        alpha * _masked_cosine(student, teacher, pos)
        + beta * _masked_cosine(student, teacher, neg)
        + _masked_cosine(student, teacher, non)
    )
    return 1 - cosine


def contrastive_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    tau: float = 20.0,
    normalize: bool = False,
) -> Tensor:
    """Cross-entropy of finding each row's teacher in the batch, both ways.

    Mean of two cross-entropies over the rows of the batch, whose logits are
    the inner products ``student @ teacher.T / tau``. A batch of one row gives
    0. The rows compared are those of this process only.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C).
        tau (float): Temperature, > 0. Not stated. Defaults to 20.0; 0.1 suits
            ``normalize=True``.
        normalize (bool): Compare directions instead of raw rows. Not stated;
            the formula is printed without. Defaults to False.

    Returns:
        Tensor: Loss of each row, shape (M,), >= 0.

    Examples:
        >>> contrastive_loss(torch.eye(2), torch.eye(2), tau=1.)
        tensor([0.3133, 0.3133])
    """
    check_tau('contrastive_loss', tau)
    check_floating('contrastive_loss', student_logits, teacher_logits)
    student = as_float(student_logits)
    teacher = teacher_logits.detach().to(student.dtype)
    there = teacher != -torch.inf
    student = torch.where(there, student, 0.0)
    teacher = torch.where(there, teacher, 0.0)
    if normalize:
        student, teacher = (
            F.normalize(student, dim=1),
            F.normalize(teacher, dim=1),
        )
    with torch.autocast(student.device.type, enabled=False):
        similarity = student @ teacher.t() / tau
    own = similarity.diagonal()
    return (similarity.logsumexp(1) + similarity.logsumexp(0)) / 2 - own


def topkd_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Optional[Tensor] = None,
    tau: float = 20.0,
    k: int = 5,
    scale: float = 2.0,
    target_scale: float = 2.5,
    offset: float = 0.1,
    alpha: float = 1.0,
    beta: float = 1.0,
    amplify: str = 'literal',
    enforce_sign: bool = False,
    normalize: bool = False,
    contrast_scaled: bool = False,
    decoupled_weight: float = 1.0,
    contrastive_weight: float = 1.0,
    with_parts: bool = False,
) -> Rows:
    """TopKD of each row: decoupled cosine loss plus contrastive loss.

    The teacher's logits pass :func:`topk_scale`, then
    :func:`topk_decoupled_loss` compares them with the student's;
    :func:`contrastive_loss` takes the raw ones.

    Args:
        student_logits (Tensor): Raw scores, shape (M, C).
        teacher_logits (Tensor): Raw scores, shape (M, C).
        labels (Tensor, optional): Target class of each row, shape (M,).
        tau (float): See :func:`contrastive_loss`. Not stated. Defaults to
            20.0.
        k (int): See :func:`topk_scale`. Not stated which. Defaults to 5.
        scale (float): See :func:`topk_scale`. Defaults to 2.0.
        target_scale (float): See :func:`topk_scale`. Defaults to 2.5.
        offset (float): See :func:`topk_scale`. Defaults to 0.1.
        alpha (float): See :func:`topk_decoupled_loss`. Defaults to 1.0.
        beta (float): See :func:`topk_decoupled_loss`. Defaults to 1.0.
        amplify (str): See :func:`topk_scale`. Defaults to 'literal'.
        enforce_sign (bool): See :func:`topk_decoupled_loss`. Defaults to
            False.
        normalize (bool): See :func:`contrastive_loss`. Defaults to False.
        contrast_scaled (bool): Give the contrastive loss the amplified
            teacher. Not stated; the formula is printed with the raw one.
            Defaults to False.
        decoupled_weight (float): Weight of the decoupled loss. The printed
            sum has none. Defaults to 1.0.
        contrastive_weight (float): Weight of the contrastive loss. The
            printed sum has none. Defaults to 1.0.
        with_parts (bool): Return the parts too. Defaults to False.

    Returns:
        Tensor or tuple[Tensor, dict[str, Tensor]]: Loss of each row, shape
        (M,); with ``with_parts`` also ``decoupled`` and ``contrastive``,
        detached and before their weights.

    Source:
        Wang and Zhou, 2025, https://arxiv.org/abs/2508.04539, known to this
        project from public notes only.

    Examples:
        >>> logits = torch.tensor([[4., 2., 1., -1.]])
        >>> topkd_loss(logits, logits, k=2, scale=1., offset=0.)
        tensor([-1.])
    """
    check_rows('topkd_loss', student_logits, teacher_logits, tau)
    if labels is not None:
        check_labels('topkd_loss', labels, student_logits.shape)
    # The gradients of both parts then add up before they are rounded.
    student_logits = as_float(student_logits)
    scaled = topk_scale(
        teacher_logits, labels, k, scale, target_scale, offset, amplify
    )
    decoupled = topk_decoupled_loss(
        student_logits, scaled, k, alpha, beta, enforce_sign
    )
    contrastive = contrastive_loss(
        student_logits,
        scaled if contrast_scaled else teacher_logits,
        tau,
        normalize,
    )
    rows = decoupled_weight * decoupled + contrastive_weight * contrastive
    if not with_parts:
        return rows
    return rows, dict(
        decoupled=decoupled.detach(), contrastive=contrastive.detach()
    )


def _masked_cosine(
    student: Tensor, teacher: Tensor, mask: Tensor, eps: float = 1e-8
) -> Tensor:
    """Cosine of each row over the classes in ``mask``.

    0 without gradient where the mask is empty or a vector is 0 (the product
    of the lengths is at most ``eps``), which has no direction.
    """
    student = torch.where(mask, student, 0.0)
    teacher = torch.where(mask, teacher, 0.0)
    squares = student.square().sum(1) * teacher.square().sum(1)
    empty = squares <= eps**2  # False for NaN, which must be seen
    length = squares.masked_fill(empty, 1.0).sqrt()
    cosine = (student * teacher).sum(1) / length
    return cosine.masked_fill(empty, 0.0)


@MODELS.register_module()
class TopKDLoss(LogitLoss):
    """:func:`topkd_loss` for config files.

    With ``decoupled_weight=0`` or ``contrastive_weight=0`` one part is used
    alone; next to another loss in ``distill`` it supplements that one. The
    arguments beside the settings of the function are those of
    :class:`LogitLoss`.
    """

    function = topkd_loss
    part_weights = ('alpha', 'beta', 'decoupled_weight', 'contrastive_weight')
    summands = ('decoupled_weight', 'contrastive_weight')
    choices = dict(amplify=AMPLIFY)
    needs_labels = True
    whole_batch = True

    @property
    def amplified(self) -> int:
        return self.k

    def idle_parts(self, channels: int) -> Dict[str, str]:
        k = min(self.k, channels // 2)
        if k > 1:
            return {}
        why = (
            'the cosine of a group of one class is 1 or -1, which has no '
            'gradient; '
        )
        idle = {
            letter: why + f'raise k, or set {letter}=0'
            for letter in ('alpha', 'beta')
        }
        if channels < 4:
            idle['decoupled_weight'] = (
                f'no group of {channels} classes has two; set '
                'decoupled_weight=0'
            )
        return idle

    def check_settings(self) -> None:
        check_groups('TopKDLoss', self.k)
