"""Values, parts and records of one term."""

import torch

from mmkd_logit.distillers.compare import compare_pairs
from mmkd_logit.distillers.term import make_term
from mmkd_logit.distillers.term_watch import TermWatch
from mmkd_logit.heads.base import LogitReader
from mmkd_logit.losses import DKDLoss, dkd_loss
from mmkd_logit.structures.head_facts import HeadFacts
from mmkd_logit.structures.logit_pair import LogitPair
from tests.toys import seeded


def test_scale_multiplies_values_and_parts_and_the_watch_sees_neither():
    rows = torch.randn(2, 5, 4, generator=seeded(0))
    pair = LogitPair(rows[0].requires_grad_(), rows[1], torch.arange(5) % 4)
    term = make_term(
        LogitReader(), DKDLoss(tau=1.0, beta=1.0), HeadFacts(4, 4)
    )
    watch, heard = TermWatch('loss_kd'), []
    results = compare_pairs(
        'loss_kd',
        term,
        {'': pair, 's1.': pair},
        0.5,
        watch,
        lambda name, found: heard.append(name),
    )
    value = dkd_loss(*pair[:3], tau=1.0, beta=1.0).mean()
    torch.testing.assert_close(results['loss_kd'], value / 2)
    torch.testing.assert_close(results['s1.loss_kd'], value / 2)
    parts = results['kd/tckd'] + results['kd/nckd']
    torch.testing.assert_close(parts, results['loss_kd'])
    assert heard == ['loss_kd', 's1.loss_kd']
    torch.testing.assert_close(watch.largest, 2 * value.detach())
    assert watch.steps == 1
