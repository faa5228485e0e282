"""Names that are nearly right."""

import pytest

from mmkd_logit.messages import did_you_mean

KNOWN = ['DKDLoss', 'KDLoss']


@pytest.mark.parametrize(
    'name, scope, cutoff, hint',
    [
        ('DKDLos', '', 0.6, "did you mean 'DKDLoss'?"),
        (
            'far.away.from.here.DKLoss',
            'here',
            0.5,
            "did you mean 'here.DKDLoss'?",
        ),
        ('Adam', '', 0.6, ''),
        ('Los', '', 0.0, "did you mean 'KDLoss'?"),
    ],
)
def test_nearest_name(name, scope, cutoff, hint):
    assert did_you_mean(name, KNOWN, scope, cutoff) == hint
