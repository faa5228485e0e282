"""The grouped KL of one chunk of rows; ``chunked.py`` goes through them."""

import math
from typing import TYPE_CHECKING, Any, Dict, Optional, Union

import torch
from torch import Tensor

from .group_kl_plain import KL_TYPES

if TYPE_CHECKING:
    from .group_kl import GroupQuestion

Weight = Union[float, Tensor]

LOG2E = math.log2(math.e)


class Chunk:
    """Buffers for chunks of one size, and the work on one chunk.

    In the names, p and s belong to the student, q and t to the teacher. The
    big buffers ``p`` and ``q`` hold powers of two, with 0 at the top classes;
    until the powers of the student are there, ``p`` holds ``t - s``. ``mass``
    holds the sums of the powers over each group of classes, (groups, 2,
    rows): the rest; with a top group also the top, the lead class if it is a
    group of its own, and the total. Logarithms of sums and the parts are in
    nats times ``tau**2``.

    Args:
        question (GroupQuestion): The question, of which the temperature,
            ``lead``, ``kl_type`` and ``cross_entropy`` are read.
        like (Tensor): The student's logits, for their number of classes.
        top (Tensor, optional): Classes of the top group.
        dim (int): Dimension of the classes: 1, or 0 for rows that lie class by
            class.
        size (int): Number of rows of a chunk.
        several (bool): Whether there is more than one chunk.
        new (dict): Type and device of the buffers.
    """

    def __init__(
        self,
        question: 'GroupQuestion',
        like: Tensor,
        top: Optional[Tensor],
        dim: int,
        size: int,
        several: bool,
        new: Dict[str, Any],
    ) -> None:
        self.question, self.dim = question, dim
        self.size = size
        self.forward, self.reverse = KL_TYPES[question.kl_type]
        self.scale = LOG2E / question.tau
        info = torch.finfo(new['dtype'])
        self.tiny, self.huge = info.tiny * 1e8, info.max * 1e-8

        def shape(classes):
            return (classes, size) if dim == 0 else (size, classes)

        self.q = torch.empty(shape(like.shape[dim]), **new)
        # In maps a chunk of the gradient is not contiguous.
        self.p = torch.empty_like(self.q) if several and dim == 0 else None
        self.k = 0 if top is None else top.shape[dim]
        self.lead = question.lead if self.k > question.lead else 0
        groups = 3 + self.lead if self.k else 1
        self.mass = torch.empty(groups, 2, *shape(1), **new)
        rest, *self.tops = self.mass.unbind(0)
        self.p_mass, self.q_mass = rest.unbind(0)
        self.s_top = self.t_top = None
        if self.k:
            self.total = self.tops.pop()
            self.groups = self.mass[:-1]
            self.nothing = torch.zeros(shape(self.k), **new)
            top_shape = (2, *self.nothing.shape)
            self.top_logs = torch.empty(top_shape, **new)
            self.top_powers = (
                torch.empty(top_shape, **new) if self.k > 1 else self.tops[0]
            )
            self.s_top, self.t_top = self.top_logs.unbind(0)

    def powers(
        self,
        logits: Tensor,
        out: Tensor,
        top: Optional[Tensor],
        at_top: Optional[Tensor],
    ) -> None:
        """Powers of two at the temperature, with 0 at the top classes.

        ``at_top`` receives the logarithms of the powers that were there.
        """
        if logits.dtype == out.dtype:
            torch.mul(logits, self.scale, out=out)
        else:
            out.copy_(logits).mul_(self.scale)
        if self.k:
            torch.gather(out, self.dim, top, out=at_top)
        out.exp2_()
        if self.k:
            out.scatter_(self.dim, top, self.nothing)

    def run(
        self,
        student: Tensor,
        teacher: Tensor,
        top: Optional[Tensor],
        parts: Tensor,
        grad: Optional[Tensor],
        w_high: Weight,
        w_top: Weight,
        w_rest: Weight,
    ) -> bool:
        """Fill ``parts`` and ``grad``; False if a row is out of range."""
        dim, mass, q, k = self.dim, self.mass, self.q, self.k
        p_mass, q_mass = self.p_mass, self.q_mass
        p = self.p
        if p is None:
            p = torch.empty_like(q) if grad is None else grad
        tau, cross_entropy = self.question.tau, self.question.cross_entropy

        # The sums inside the rest are those of q * (t - s), of p * (t - s) for
        # the reverse direction and of q * s for the cross-entropy. Until they
        # are taken, p holds t - s or s, and then the product.
        if cross_entropy:
            p.copy_(student)
        elif teacher.dtype == p.dtype == student.dtype:
            torch.sub(teacher, student, out=p)
        else:
            p.copy_(teacher).sub_(student)
        gap = p.clone() if self.reverse else None
        dot_reverse = None
        self.powers(teacher, q, top, self.t_top)
        dot = p.mul_(q).sum(dim, keepdim=True)
        self.powers(student, p, top, self.s_top)
        torch.sum(p, dim, keepdim=True, out=p_mass)
        torch.sum(q, dim, keepdim=True, out=q_mass)
        if gap is not None:
            dot_reverse = gap.mul_(p).sum(dim, keepdim=True).div_(p_mass)
        if k:
            self.add_up_top()

        least, most = torch.aminmax(mass)
        if not (
            least.item() > self.tiny
            and most.item() < self.huge
            and math.isfinite(dot.sum().item())
        ):
            return False
        log_mass = mass.log().mul_(tau**2)  # faster than log2
        s_log, t_log = log_mass.unbind(1)
        ratio = s_log - t_log
        in_rest, *in_tops = ratio.unbind(0)
        high, low_top, low_rest = parts.unbind(0)

        dot = dot.div_(q_mass)
        if cross_entropy:
            torch.sub(s_log[0], dot, alpha=tau, out=low_rest)
        else:
            self.fill_low(low_rest, in_rest, dot, dot_reverse, tau)
        if k:
            p_group, q_group = (self.groups / self.total).unbind(1)
            if cross_entropy:
                torch.mul(q_group[1], s_log[-1] - s_log[1], out=high)
                diff = q_group[1] * p_group[0]
                diff = torch.stack([diff, -diff])
            else:
                among = (q_group * ratio[:-1]).sum(0)
                torch.sub(in_tops[-1], among, out=high)
                diff = p_group.sub_(q_group)
            if k > 1:
                back = self.inside_top(in_tops[0], low_top)
        if grad is None:
            return True

        # Gradient of each row: p * a - q * b, and the top classes.
        scale = forward = w_rest * (tau * self.forward)
        if gap is not None:
            scale = forward + (w_rest * self.reverse) * dot_reverse
        if k:
            diff *= w_high * tau
            to_rest, to_top, *to_lead = diff.unbind(0)
            scale = to_rest + scale
            if k > 1:
                to_top = self.top_gradient(w_top, to_top, back)
            if to_lead:
                to_top = torch.cat([*to_lead, to_top], dim)
        p.mul_(scale / p_mass)
        if k:
            p.scatter_(dim, top, to_top)
        if gap is not None:
            p.addcmul_(gap, (w_rest * self.reverse) / p_mass, value=-1)
        if self.forward:
            torch.addcmul(p, q, forward / q_mass, value=-1, out=grad)
        elif grad is not p:
            grad.copy_(p)
        return True

    def add_up_top(self) -> None:
        """Sums over the top groups, and over all."""
        torch.exp2(self.top_logs, out=self.top_powers)
        if self.k > 1:
            dim = self.dim + 1
            power = self.inner(self.top_powers)
            torch.sum(power, dim, keepdim=True, out=self.tops[0])
            if self.lead:
                self.tops[1].copy_(self.top_powers.narrow(dim, 0, 1))
        torch.sum(self.groups, 0, out=self.total)

    def inner(self, of_top: Tensor) -> Tensor:
        """The top group without the lead class."""
        if not self.lead:
            return of_top
        return of_top.narrow(self.dim + 1, 1, self.k - 1)

    def inside_top(self, ratio: Tensor, part: Tensor) -> Optional[Tensor]:
        """KL inside the top group; returns what the reverse gradient needs."""
        s, t = self.inner(self.top_logs).unbind(0)
        p, q = self.inner(self.top_powers).unbind(0)
        p_mass, q_mass = self.tops[0].unbind(0)
        gap, unit = t - s, self.question.tau / self.scale
        dot = (q * gap).sum(self.dim, keepdim=True).div_(q_mass)
        dot_reverse = back = None
        if self.reverse:
            dot_reverse = (p * gap).sum(self.dim, keepdim=True).div_(p_mass)
            back = (dot_reverse - gap) * (self.reverse / self.scale)
        self.fill_low(part, ratio, dot, dot_reverse, unit)
        return back

    def fill_low(
        self,
        part: Tensor,
        ratio: Tensor,
        dot: Tensor,
        dot_reverse: Optional[Tensor],
        unit: float,
    ) -> None:
        """KL inside one group, in the directions that are asked for."""
        torch.add(ratio, dot, alpha=unit, out=part)
        if self.reverse:
            back = torch.add(ratio, dot_reverse, alpha=unit)
            part.mul_(self.forward).sub_(back, alpha=self.reverse)

    def top_gradient(
        self, weight: Weight, of_group: Tensor, back: Optional[Tensor]
    ) -> Tensor:
        """Gradient at the top classes: inside the group, and of its mass."""
        p, q = self.inner(self.top_powers).unbind(0)
        p_mass, q_mass = self.tops[0].unbind(0)
        ahead = weight * (self.question.tau * self.forward)
        grad = p * ((ahead + of_group) / p_mass)
        grad -= q * (ahead / q_mass)
        if back is not None:
            grad += p * back * (weight / p_mass)
        return grad
