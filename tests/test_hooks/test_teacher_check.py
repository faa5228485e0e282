"""What a teacher's metric says about it."""

import re

import numpy as np
import pytest
from mmengine.evaluator import BaseMetric, Evaluator

from mmkd_logit.hooks.teacher_check import _metrics, judge

TOP1, MAP, MIOU = 'accuracy/top1', 'coco/bbox_mAP', 'mIoU'


@pytest.mark.parametrize(
    'metrics, swapped, claims, classes, message',
    [
        # sqrt(.48 * .52 / 64) = .0625, so 48 may be 60.5, but not 65.3
        ({TOP1: 48.0}, {TOP1: 48.0}, {TOP1: 72.6}, 100, 'far below the 72.6'),
        ({TOP1: 60.0}, {TOP1: 60.0}, {TOP1: 72.6}, 100, None),
        ({TOP1: 48.0}, {TOP1: 72.0}, {}, 100, '48, but 72 with red and blue'),
        ({TOP1: 72.0}, {TOP1: 48.0}, {}, 100, None),
        ({TOP1: 1.0}, {TOP1: 1.0}, {}, 100, 'about chance for 100 classes'),
        ({TOP1: 55.0}, {TOP1: 50.0}, {}, 2, 'about chance for 2 classes'),
        ({TOP1: 70.0}, {TOP1: 70.0}, {}, 2, None),
        ({MAP: 0.3}, {MAP: 0.28}, {MAP: 0.39}, 80, None),
        ({MAP: 0.1}, {MAP: 0.1}, {MAP: 0.39}, 80, 'far below the 0.39'),
        ({MAP: 0.001}, {MAP: 0.0}, {}, 80, 'about chance'),
        ({MIOU: 70.0}, {MIOU: 60.0}, {MIOU: 78.0}, 19, None),
        ({MIOU: 4.0}, {MIOU: 4.0}, {}, 19, 'about chance for 19 classes'),
        ({'loss': 4.0}, {}, {}, 19, None),
        ({}, {}, {}, 19, 'predicts nothing on 64 validation images'),
    ],
)
def test_verdicts(metrics, swapped, claims, classes, message):
    wrong = judge(metrics, swapped, claims, classes, images=64)
    if message is None:
        assert wrong is None
    else:
        assert re.search(message, wrong)


class Summary(BaseMetric):
    """Gives what mmseg's and mmpretrain's metrics give."""

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        return dict(mIoU=np.float32(62.5), top1=55.0, classes=['a', 'b'])


def test_numbers_of_every_kind_are_seen():
    evaluator = Evaluator([Summary(prefix='seg')])
    evaluator.process([None])
    assert _metrics(evaluator) == {'seg/mIoU': 62.5, 'seg/top1': 55.0}
