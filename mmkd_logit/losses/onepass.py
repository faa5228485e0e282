"""Grouped KL on the CPU: value and gradient in one pass over the logits.

The mathematics is that of ``groups.group_kl_plain``, arranged for speed:

- Powers of two instead of e, because PyTorch's ``exp2`` is the faster one;
  the logits are scaled by ``log2(e) / tau`` once.
- No maximum is subtracted. The sums say afterwards whether any group left the
  range of the data type; such rows (huge logits, classes at -inf) are
  computed by the plain form instead.
- Rows go in chunks that fit the cache, with two buffers of a chunk's size
  beside the gradient.
- Rows that lie class by class in memory, as those of a (B, C, H, W) map do,
  are worked on that way: the long axis stays the inner one.
"""

import math
from typing import Callable, Dict, NamedTuple, Optional, Tuple, Union

import torch
from torch import Tensor

Weight = Union[float, Tensor]
Plain = Callable[..., Tuple[Tensor, Dict[str, Tensor]]]

LOG2E = math.log2(math.e)
LN2 = math.log(2)
#: Logarithm of a class that is cut out; ``exp2`` of it is 0 in every type.
NOWHERE = -1e4
#: Elements of a chunk; 1 MiB in float32, about one L2 cache.
CHUNK = 1 << 18
#: Share of (w_low of KL(teacher || student), w_low of the reverse).
DIRECTIONS = dict(forward=(1.0, 0.0), reverse=(0.0, 1.0), both=(0.5, 0.5))


class Spec(NamedTuple):
    """What is asked for; see :func:`mmkd_logit.losses.groups.group_kl`."""

    tau: float
    lead: int = 0
    w_high: Weight = 0.0
    w_top: Weight = 0.0
    w_rest: Weight = 1.0
    kl_type: str = 'forward'
    cross_entropy: bool = False


@torch.no_grad()
def one_pass(
    student: Tensor,
    teacher: Tensor,
    top: Optional[Tensor],
    spec: Spec,
    plain: Plain,
    need_grad: bool,
) -> Tuple[Tensor, Tensor, Optional[Tensor]]:
    """Rows, their parts, and the gradient of each row's value.

    Args:
        student (Tensor): Raw scores, shape (M, C), any strides.
        teacher (Tensor): Raw scores, shape (M, C), any strides.
        top (Tensor, optional): Classes of the top group, shape (M, k).
        spec (Spec): The rest of the question.
        plain (Callable): The readable form, for rows out of range.
        need_grad (bool): Whether the gradient is wanted.

    Returns:
        tuple[Tensor, Tensor, Tensor or None]: Rows (M,); ``high``,
        ``low_top`` and ``low_rest`` (3, M); gradient (M, C) in the layout of
        ``student``, float32 or float64.
    """
    by_class = student.stride(0) == 1 and student.stride(1) > 1
    if by_class:
        student, teacher = student.t(), teacher.t()
        top = None if top is None else top.t()
    dim = 0 if by_class else 1
    count = student.shape[1 - dim]
    dtype = torch.promote_types(student.dtype, torch.float32)
    # Beside two chunks there are some twenty numbers per row of a chunk.
    size = min(CHUNK, max(student.numel() // 8, CHUNK // 16))
    chunks = max(-(-student.numel() // (size if by_class else CHUNK)), 1)
    step = max(-(-count // chunks), 1)

    grad = torch.empty_like(student, dtype=dtype) if need_grad else None
    row_shape = (1, count) if by_class else (count, 1)
    parts = torch.zeros(3, *row_shape, dtype=dtype, device=student.device)
    weights = [
        weight.to(dtype).reshape(row_shape)
        if isinstance(weight, Tensor)
        else weight
        for weight in (spec.w_high, spec.w_top, spec.w_rest)
    ]
    whole = [student, teacher, top, parts, grad, *weights]
    work = None
    for start in range(0, count, step):
        size = min(step, count - start)
        if work is None or work.size != size:
            work = None  # frees its buffers before the next ones are made
            work = _Chunk(student, top, spec, dim, size, size < count)
        chunk = whole
        if size < count:
            chunk = [
                x.narrow(x.dim() - 1 - dim, start, size)
                if isinstance(x, Tensor)
                else x
                for x in whole
            ]
        if not work.run(*chunk):
            _run_plain(spec, plain, dim, *chunk)
    work = None
    parts = parts.view(3, count).clamp_(min=0)
    high, low_top, low_rest = parts.unbind(0)
    w_high, w_top, w_rest = (
        w.flatten() if isinstance(w, Tensor) else w for w in weights
    )
    unit = spec.tau**2 * LN2
    rows = low_rest * (w_rest * unit)
    if top is not None:
        rows += high * (w_high * unit)
        if top.shape[dim] > spec.lead + 1:
            rows += low_top * (w_top * unit)
    parts.mul_(unit)
    if grad is not None and by_class:
        grad = grad.t()
    return rows, parts, grad


def _run_plain(
    spec, plain, dim, student, teacher, top, parts, grad, w_high, w_top, w_rest
):
    """One chunk by the readable form, differentiated by autograd."""
    if dim == 0:
        student, teacher = student.t(), teacher.t()
        top = None if top is None else top.t()
    weights = (
        w.flatten() if isinstance(w, Tensor) else w
        for w in (w_high, w_top, w_rest)
    )
    spec = spec._replace(**dict(zip(('w_high', 'w_top', 'w_rest'), weights)))
    leaf = student.detach().to(parts.dtype).requires_grad_(grad is not None)
    with torch.enable_grad():
        rows, by_name = plain(leaf, teacher, top, spec)
        total = rows.sum()
    if grad is not None:
        found = torch.autograd.grad(total, leaf)[0]
        grad.copy_(found if dim else found.t())
    for part, name in zip(parts, ('high', 'low_top', 'low_rest')):
        part.copy_(by_name[name].view(part.shape))
    parts.div_(spec.tau**2 * LN2)


class _Chunk:
    """Buffers for chunks of one size, and the work on one chunk.

    In the names, p and s belong to the student, q and t to the teacher. The
    big buffers ``p`` and ``q`` hold logarithms (base 2) first, then powers of
    two; ``p`` serves for ``t - s`` before. ``mass`` holds their sums over
    each group of classes, (2, groups, rows): the rest; with a top group also
    top, the lead class if it is one of its own, and the total.
    """

    def __init__(self, like, top, spec, dim, size, several):
        self.spec, self.dim, self.size = spec, dim, size
        self.forward, self.reverse = DIRECTIONS[spec.kl_type]
        classes = like.shape[dim]
        shape = (classes, size) if dim == 0 else (size, classes)
        row_shape = (1, size) if dim == 0 else (size, 1)
        dtype = torch.promote_types(like.dtype, torch.float32)
        new = dict(dtype=dtype, device=like.device)
        self.q = torch.empty(shape, **new)
        # Chunks of a map are no contiguous part of the gradient.
        self.p = torch.empty(shape, **new) if several and dim == 0 else None
        self.k = 0 if top is None else top.shape[dim]
        self.lead = spec.lead if self.k > spec.lead else 0
        groups = 3 + self.lead if self.k else 1
        self.mass = torch.empty(2, groups, *row_shape, **new)
        self.p_mass, self.q_mass = self.mass[:, 0].unbind(0)
        info = torch.finfo(dtype)
        self.tiny, self.huge = info.tiny * 1e8, info.max * 1e-8
        # as a tensor it need not be made one in each operation
        self.scale = torch.tensor(LOG2E / spec.tau, **new)
        if self.k:
            self.groups, self.total = self.mass[:, :-1], self.mass[:, -1:]
            self.p_top, self.q_top = self.mass[:, 1].unbind(0)
            top_shape = (self.k, size) if dim == 0 else (size, self.k)
            self.nowhere = torch.full(top_shape, NOWHERE, **new)
            index = torch.arange(size, device=like.device)
            if dim == 0:
                self.index, self.stride = index[None], size
            else:
                self.index, self.stride = (index * classes)[:, None], 1

    def scaled(self, logits, out):
        """Logarithms of base 2 at the temperature."""
        if logits.dtype == out.dtype:
            torch.mul(logits, self.scale, out=out)
        else:
            out.copy_(logits).mul_(self.scale)

    def cut_out(self, logits, place):
        """Take the top classes' logarithms, and leave none behind."""
        found = logits.view(-1).index_select(0, place.reshape(-1))
        logits.put_(place, self.nowhere)
        return found.view(place.shape)

    def run(
        self, student, teacher, top, parts, grad, w_high, w_top, w_rest
    ) -> bool:
        """Fill ``parts`` and ``grad``; False if a row is out of range."""
        dim, mass, q, k = self.dim, self.mass, self.q, self.k
        p = self.p
        if p is None:
            p = torch.empty_like(q) if grad is None else grad
        cross_entropy = self.spec.cross_entropy
        if k:
            place = torch.add(self.index, top, alpha=self.stride)

        # Inside the rest: sum of q * (t - s), of p * (t - s) for the reverse
        # direction; of q * s for the cross-entropy. The product takes the
        # student's place for a while.
        gap = None
        if cross_entropy:
            p.copy_(student)
        elif teacher.dtype == p.dtype == student.dtype:
            torch.sub(teacher, student, out=p)
        else:
            p.copy_(teacher).sub_(student)
        if self.reverse and not cross_entropy:
            gap = p * self.scale
        self.scaled(teacher, q)
        if k:
            t_top = self.cut_out(q, place)
        q.exp2_()
        p.mul_(q)
        dot = p.sum(dim, keepdim=True).mul_(self.scale)
        self.scaled(student, p)
        if k:
            s_top = self.cut_out(p, place)
        p.exp2_()
        p_mass, q_mass = self.p_mass, self.q_mass
        torch.sum(p, dim, keepdim=True, out=p_mass)
        torch.sum(q, dim, keepdim=True, out=q_mass)
        if gap is not None:
            gap.mul_(p)
            dot_reverse = gap.sum(dim, keepdim=True).div_(p_mass)
        if k:
            self.top_masses(s_top, t_top)

        low, high = torch.aminmax(mass)
        if not (
            low.item() > self.tiny
            and high.item() < self.huge
            and math.isfinite(dot.sum().item())
        ):
            return False
        log_mass = mass.log().mul_(LOG2E)  # faster than log2
        ratio = torch.sub(log_mass[1], log_mass[0])

        dot = dot.div_(q_mass)
        if cross_entropy:
            torch.sub(log_mass[0, 0], dot, out=parts[2])
        else:
            torch.sub(dot, ratio[0], out=parts[2])
            if self.reverse:
                back = (ratio[0] - dot_reverse).mul_(self.reverse)
                parts[2].mul_(self.forward).add_(back)
        if k:
            share = self.groups / self.total
            p_share, q_share = share.unbind(0)
            if cross_entropy:
                torch.mul(
                    q_share[1], log_mass[0, -1] - log_mass[0, 1], out=parts[0]
                )
                diff = q_share[1] * p_share[0]
                diff = torch.stack([diff, -diff])
            else:
                high = (q_share * ratio[:-1]).sum(0)
                torch.sub(high, ratio[-1], out=parts[0])
                diff = p_share.sub_(q_share)
        if grad is None:
            if k > 1:
                self.inside_top(s_top, t_top, ratio[1], parts[1])
            return True

        # Gradient of each row: p * a - q * b, and the top classes.
        tau = self.spec.tau
        w_rest = w_rest * tau
        scale = w_rest * self.forward
        if gap is not None:
            w_reverse = w_rest * (self.reverse * LN2)
            scale = scale + w_reverse * dot_reverse
        if k:
            diff = diff * (w_high * tau)
            p.mul_((diff[0] + scale) / p_mass)
            at_top = diff[1]
            if k > 1:
                at_top = self.inside_top(
                    s_top, t_top, ratio[1], parts[1], w_top * tau, diff
                )
            p.put_(place, at_top)
        else:
            p.mul_(scale / p_mass)
        if gap is not None:
            p.addcmul_(gap, w_reverse / p_mass, value=-1)
        if self.forward:
            q_mass.reciprocal_().mul_(w_rest * self.forward)
            torch.addcmul(p, q, q_mass, value=-1, out=grad)
        elif grad is not p:
            grad.copy_(p)
        return True

    def top_masses(self, s_top, t_top):
        """Sums over the top groups, and over all groups."""
        dim, lead = self.dim, self.lead
        if self.k == 1:
            torch.exp2(s_top, out=self.p_top)
            torch.exp2(t_top, out=self.q_top)
        else:
            for net, top in enumerate((s_top, t_top)):
                power = top.exp2()
                group = power.narrow(dim, lead, self.k - lead)
                torch.sum(group, dim, keepdim=True, out=self.mass[net, 1])
                if lead:
                    self.mass[net, 2].copy_(power.narrow(dim, 0, 1))
        torch.sum(self.groups, 1, keepdim=True, out=self.total)

    def inside_top(self, s_top, t_top, ratio, part, w_top=None, diff=None):
        """KL inside the top group, and the gradient at all top classes."""
        dim, lead = self.dim, self.lead
        s = s_top.narrow(dim, lead, self.k - lead)
        t = t_top.narrow(dim, lead, self.k - lead)
        gap = t - s
        p = s.exp2().div_(self.mass[0, 1])
        q = t.exp2().div_(self.mass[1, 1])
        torch.sub((q * gap).sum(dim, keepdim=True), ratio, out=part)
        if self.reverse:
            back = (p * gap).sum(dim, keepdim=True)
            part.mul_(self.forward).add_(ratio - back, alpha=self.reverse)
        if diff is None:
            return None
        grad = p * (w_top * self.forward + diff[1])
        grad -= q * (w_top * self.forward)
        if self.reverse:
            grad += p * (back - gap) * (w_top * (self.reverse * LN2))
        if lead:
            grad = torch.cat([diff[2], grad], dim)
        return grad
