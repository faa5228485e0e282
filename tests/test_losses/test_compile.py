"""``torch.compile`` takes every loss as one graph."""

import pytest
import torch

from mmkd_logit.losses import (
    ABKDLoss,
    DISTLoss,
    DKDLoss,
    GDKD3Loss,
    GDKDLoss,
    GramLoss,
    KDLoss,
    LDRLDLoss,
    NKDLoss,
    RLDLoss,
    TopKDLoss,
    WKDLoss,
    WSLDLoss,
    WTTMLoss,
)
from tests.toys import seeded

LOSSES = dict(
    kd=lambda: KDLoss(tau=2.0),
    kd_sigmoid=lambda: KDLoss(tau=2.0, use_sigmoid=True),
    kd_standardized=lambda: KDLoss(tau=2.0, standardize=True),
    dkd=lambda: DKDLoss(tau=2.0),
    dkd_sigmoid=lambda: DKDLoss(tau=2.0, use_sigmoid=True),
    nkd=NKDLoss,
    nkd_warm=lambda: NKDLoss(tau=2.0),
    gdkd=lambda: GDKDLoss(tau=2.0, k=3),
    gdkd_both=lambda: GDKDLoss(tau=2.0, k=3, kl_type='both'),
    gdkd3=lambda: GDKD3Loss(tau=2.0, k=3),
    ldrld=lambda: LDRLDLoss(depth=3),
    topkd=lambda: TopKDLoss(k=3),
    kd_temperatures=lambda: KDLoss(tau=[2.0, 3.0]),
    dist=DISTLoss,
    dist_sigmoid=lambda: DISTLoss(use_sigmoid=True),
    wttm=WTTMLoss,
    rld=RLDLoss,
    wkd=lambda: WKDLoss([[0.2] * 8] * 8),
    abkd=ABKDLoss,
    wsld=WSLDLoss,
    gram=GramLoss,
)


@pytest.mark.parametrize('name', LOSSES)
def test_one_graph_with_the_same_value_and_gradient(name):
    loss = LOSSES[name]()
    student, teacher = 3 * torch.randn(2, 6, 8, generator=seeded(0))
    labels = torch.randint(8, (6,), generator=seeded(1))
    weight = torch.rand(6, generator=seeded(2))
    compiled = torch.compile(loss, fullgraph=True, backend='eager')
    found = []
    for form in (loss, compiled):
        leaf = student.clone().requires_grad_()
        value = form(leaf, teacher, labels, weight)
        value.backward()
        found.append((value.detach(), leaf.grad))
    torch.testing.assert_close(*found)
