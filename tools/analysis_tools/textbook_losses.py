"""The losses as one writes them down first: the slow side of the benchmark.

Softmax, masks and ``kl_div`` on rows (M, C), as the papers' formulas read.
They overflow where such code does (log of a rounded probability, a class
hidden by -1000) and are equal to the library for ordinary logits.
"""

import math
from typing import Dict, Tuple

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


TEXTBOOK: Dict = dict(
    kd=kd, dkd=dkd, nkd=nkd, gdkd=gdkd, gdkd3=gdkd3, ldrld=ldrld, ls_kd=ls_kd
)
