"""The losses in textbook form, with which the benchmark compares.

Softmax, masks and ``kl_div`` on rows (M, C), as the papers' formulas read.
They overflow where such code does (log of a rounded probability, a class
hidden by -1000) and are equal to the library for ordinary logits.
"""

import math
from typing import Callable, Dict, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

HIDDEN = 1000.0


def kl(log_prob: Tensor, prob: Tensor, tau: float) -> Tensor:
    return F.kl_div(log_prob, prob, reduction='batchmean') * tau**2


def kd(student: Tensor, teacher: Tensor, labels: Tensor, tau: float) -> Tensor:
    log_p = F.log_softmax(student / tau, dim=1)
    return kl(log_p, F.softmax(teacher / tau, dim=1), tau)


def one_hot(student: Tensor, index: Tensor) -> Tensor:
    return torch.zeros_like(student).scatter_(1, index, 1).bool()


def masses(prob: Tensor, *masks: Tensor) -> Tensor:
    return torch.cat([(prob * m).sum(1, keepdim=True) for m in masks], 1)


def inside(
    student: Tensor, teacher: Tensor, mask: Tensor, tau: float
) -> Tensor:
    log_p = F.log_softmax(student / tau - HIDDEN * ~mask, dim=1)
    q = F.softmax(teacher / tau - HIDDEN * ~mask, dim=1)
    return kl(log_p, q, tau)


def between(
    student: Tensor, teacher: Tensor, masks: Tuple[Tensor, ...], tau: float
) -> Tensor:
    p = masses(F.softmax(student / tau, dim=1), *masks)
    q = masses(F.softmax(teacher / tau, dim=1), *masks)
    return kl(p.log(), q, tau)


def dkd(
    student: Tensor,
    teacher: Tensor,
    labels: Tensor,
    tau: float,
    alpha: float = 1.0,
    beta: float = 8.0,
) -> Tensor:
    target = one_hot(student, labels[:, None])
    others = ~target
    tckd = between(student, teacher, (target, others), tau)
    return alpha * tckd + beta * inside(student, teacher, others, tau)


def nkd(
    student: Tensor,
    teacher: Tensor,
    labels: Tensor,
    tau: float,
    gamma: float = 1.5,
) -> Tensor:
    target = labels[:, None]
    p, q = F.softmax(student, 1), F.softmax(teacher, 1).gather(1, target)
    own = -(q * p.gather(1, target).log()).mean()
    others = ~one_hot(student, target)
    s = student[others].view(len(student), -1)
    t = teacher[others].view(len(teacher), -1)
    nontarget = -(F.softmax(t / tau, 1) * F.log_softmax(s / tau, 1)).sum(1)
    return own + gamma * tau**2 * nontarget.mean()


def gdkd(
    student: Tensor,
    teacher: Tensor,
    labels: Tensor,
    tau: float,
    k: int = 5,
    w0: float = 1.0,
    w1: float = 1.0,
    w2: float = 8.0,
) -> Tensor:
    top = one_hot(student, teacher.topk(k, dim=1)[1])
    return (
        w0 * between(student, teacher, (top, ~top), tau)
        + w1 * inside(student, teacher, top, tau)
        + w2 * inside(student, teacher, ~top, tau)
    )


def gdkd3(
    student: Tensor,
    teacher: Tensor,
    labels: Tensor,
    tau: float,
    k: int = 5,
    w0: float = 1.0,
    w1: float = 1.0,
    w2: float = 8.0,
) -> Tensor:
    ranked = teacher.topk(k, dim=1)[1]
    first, middle = (one_hot(student, x) for x in ranked.tensor_split([1], 1))
    others = ~(first | middle)
    return (
        w0 * between(student, teacher, (first, middle, others), tau)
        + w1 * inside(student, teacher, middle, tau)
        + w2 * inside(student, teacher, others, tau)
    )


def ldrld(
    student: Tensor,
    teacher: Tensor,
    labels: Tensor,
    tau: float,
    depth: int = 7,
    alpha: float = 10.5,
    beta: float = 7.0,
) -> Tensor:
    ranked = student.topk(depth, dim=1)[1]
    s, t = student.gather(1, ranked), teacher.gather(1, ranked)
    local = kd(s, t, labels, tau)
    for i in range(depth):
        for j in range(i + 1, depth):
            omega = 2 * math.exp(-0.05 * (i + j + 2)) / (j - i + 1.5)
            pair = [i, j]
            local = local + omega * kd(s[:, pair], t[:, pair], labels, tau)
    local = local / (depth * (depth - 1) / 2 + 1)
    others = ~one_hot(student, ranked)
    return alpha * local + beta * inside(student, teacher, others, tau)


def ls_kd(
    student: Tensor, teacher: Tensor, labels: Tensor, tau: float
) -> Tensor:
    s, t = (
        (x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True) + 1e-7)
        for x in (student, teacher)
    )
    return kd(s, t, labels, tau)


def correlation(a: Tensor, b: Tensor) -> Tensor:
    a, b = (x - x.mean(1, keepdim=True) for x in (a, b))
    return (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1) + 1e-8)


def dist(
    student: Tensor,
    teacher: Tensor,
    labels: Tensor,
    tau: float,
    beta: float = 1.0,
    gamma: float = 1.0,
) -> Tensor:
    p, q = F.softmax(student / tau, dim=1), F.softmax(teacher / tau, dim=1)
    inter = 1 - correlation(p, q).mean()
    intra = 1 - correlation(p.t(), q.t()).mean()
    return tau**2 * (beta * inter + gamma * intra)


def wttm(
    student: Tensor, teacher: Tensor, labels: Tensor, gamma: float
) -> Tensor:
    power = F.softmax(teacher, dim=1) ** gamma
    total = power.sum(1)
    q, log_p = power / total[:, None], F.log_softmax(student, dim=1)
    return (total * F.kl_div(log_p, q, reduction='none').sum(1)).mean()


def rld(
    student: Tensor,
    teacher: Tensor,
    labels: Tensor,
    tau: float,
    tau_alpha: float = 1.0,
    alpha: float = 1.0,
    beta: float = 8.0,
) -> Tensor:
    first, target = teacher.argmax(1, keepdim=True), labels[:, None]
    p = F.softmax(student / tau_alpha, dim=1).gather(1, target)
    q = F.softmax(teacher / tau_alpha, dim=1).gather(1, first)
    p, q = torch.cat([p, 1 - p], 1), torch.cat([q, 1 - q], 1)
    above = teacher >= teacher.gather(1, target)
    log_p = F.log_softmax((student / tau).masked_fill(above, -1e9), dim=1)
    below = F.softmax((teacher / tau).masked_fill(above, -1e9), dim=1)
    confidence = kl(p.log(), q, tau_alpha)
    return alpha * confidence + beta * kl(log_p, below, tau)


def rld_right(
    student: Tensor, teacher: Tensor, labels: Tensor, tau: float
) -> Tensor:
    return rld(student, teacher, teacher.argmax(1), tau)


def wkd(
    student: Tensor,
    teacher: Tensor,
    labels: Tensor,
    cost: Tensor,
    tau: float,
    gamma: float,
    lam: float = 0.05,
    iterations: int = 10,
) -> Tensor:
    count, classes = student.shape
    target, others = labels[:, None], ~one_hot(student, labels[:, None])
    q = F.softmax(teacher, dim=1).gather(1, target)
    own = -(q * F.log_softmax(student, dim=1).gather(1, target)).mean()
    have, want = (
        F.softmax(x[others].view(count, -1) / tau, dim=1)[..., None]
        for x in (student, teacher)
    )
    pairs = others[:, :, None] & others[:, None, :]
    costs = cost.to(student).repeat(count, 1, 1)[pairs]
    costs = F.relu(costs.view(count, classes - 1, classes - 1)) + 1e-8
    kernel = torch.exp(-costs / lam)
    u = torch.full_like(have, 1 / (classes - 1))
    for _ in range(iterations):
        v = want / (kernel.transpose(1, 2) @ u + 1e-8)
        u = have / (kernel @ v + 1e-8)
    plan = u * kernel * v.transpose(1, 2)
    return own + gamma * (plan * costs).sum((1, 2)).mean()


def abkd(
    student: Tensor,
    teacher: Tensor,
    labels: Tensor,
    tau: float,
    alpha: float = 0.8,
    beta: float = 0.3,
) -> Tensor:
    p, q = F.softmax(student / tau, dim=1), F.softmax(teacher / tau, dim=1)
    total = alpha + beta
    divergence = (
        q**alpha * p**beta - alpha / total * q**total - beta / total * p**total
    )
    return -(divergence.sum(1) / (alpha * beta)).mean()


def wsld(
    student: Tensor, teacher: Tensor, labels: Tensor, tau: float
) -> Tensor:
    q = F.softmax(teacher / tau, dim=1)
    soft = -(q * F.log_softmax(student / tau, dim=1)).sum(1)
    with torch.no_grad():
        target = F.one_hot(labels, student.shape[1]).to(student.dtype)
        ours, theirs = (
            -(target * F.log_softmax(x, dim=1)).sum(1)
            for x in (student, teacher)
        )
        weight = 1 - torch.exp(-ours / (theirs + 1e-7))
    return tau**2 * (weight * soft).mean()


def gram(
    student: Tensor, teacher: Tensor, labels: Tensor, tau: float
) -> Tensor:
    p, q = F.softmax(student / tau, dim=1), F.softmax(teacher / tau, dim=1)
    return (q.t() @ q - p.t() @ p).square().sum() / p.shape[1]


def gram_rows(
    student: Tensor, teacher: Tensor, labels: Tensor, tau: float
) -> Tensor:
    p, q = F.softmax(student / tau, dim=1), F.softmax(teacher / tau, dim=1)
    return (q @ q.t() - p @ p.t()).square().sum() / len(p)


TEXTBOOK: Dict = dict(
    kd=kd,
    dkd=dkd,
    nkd=nkd,
    gdkd=gdkd,
    gdkd3=gdkd3,
    ldrld=ldrld,
    ls_kd=ls_kd,
    dist=dist,
    wttm=wttm,
    rld=rld,
    rld_right=rld_right,
    wkd=wkd,
    abkd=abkd,
    wsld=wsld,
    gram=gram,
    gram_rows=gram_rows,
)
#: Bytes that a form takes for M rows of C classes, beyond some (M, C).
LARGE: Dict[str, Callable[[int, int], float]] = dict(
    wkd=lambda rows, classes: 36.0 * rows * classes**2,
    gram_rows=lambda rows, classes: 16.0 * rows**2,
)
